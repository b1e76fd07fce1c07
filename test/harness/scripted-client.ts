import assert from 'node:assert/strict';
import type { Client, Json } from '../../cli/client.ts';

export interface ScriptedClient {
  readonly client: Client;
  /** What it was asked, as method, path and body. */
  readonly asked: unknown[];
  readonly write: (text: string) => void;
  /** What was written. */
  readonly written: () => string;
}

/** A control plane that gives these answers in turn; an error is thrown. And a terminal that remembers. */
export function scriptedClient(...answers: (Json | Error)[]): ScriptedClient {
  const asked: unknown[] = [];
  let written = '';
  const answer = async (method: string, path: string, body?: object) => {
    asked.push(body ? [method, path, body] : [method, path]);
    const next = answers.shift();
    assert.ok(next, `nobody expects ${method} ${path}`);
    if (next instanceof Error) throw next;
    return next;
  };
  return {
    asked,
    write: text => {
      written += text;
    },
    written: () => written,
    client: {
      get: path => answer('GET', path),
      post: (path, body) => answer('POST', path, body),
      delete: path => answer('DELETE', path),
      events: () => assert.fail('there are no events'),
    },
  };
}
