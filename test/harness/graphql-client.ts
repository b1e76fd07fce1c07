/** A client of GraphQL over real HTTP. */
import assert from 'node:assert/strict';
import { type Answer, answerOf } from './graphql.ts';

export interface GraphqlClient {
  /** The text of an answer, as it came. */
  post(query: string, variables?: object): Promise<string>;
  /** The data of an answer without errors. */
  data(query: string, variables?: object): Promise<Record<string, unknown>>;
  /** The messages of an answer's errors, without the frame that says where. */
  refusals(query: string, variables?: object): Promise<string[]>;
  /** With a part `file`. */
  upload(query: string, variables: object, file: Uint8Array): Promise<Answer>;
  /** The results of a subscription, as they come. */
  subscribe(query: string, variables?: object): AsyncGenerator<Record<string, unknown>, void, void>;
}

export function graphqlClient(url: string, key: string): GraphqlClient {
  const headers = { 'x-api-key': key };
  const send = (query: string, variables: object | undefined, accept = 'application/json') =>
    fetch(url, {
      method: 'POST',
      headers: { ...headers, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ query, ...(variables ? { variables } : {}) }),
    });
  const ask = async (query: string, variables?: object) => {
    const response = await send(query, variables);
    const type = response.headers.get('content-type') ?? undefined;
    return answerOf(response.status, type, await response.text());
  };
  return {
    post: async (query, variables) => (await ask(query, variables)).text,
    async data(query, variables) {
      const { data, errors, text } = await ask(query, variables);
      assert.deepEqual(errors, [], text);
      return recordOf(data);
    },
    async refusals(query, variables) {
      const { errors } = await ask(query, variables);
      return errors.map(({ message }) => message.replace(/^Exception while fetching data \(\S+\) : /, ''));
    },
    async upload(query, variables, file) {
      const form = new FormData();
      form.set('query', JSON.stringify({ query, variables }));
      form.set('file', new Blob([Uint8Array.from(file)]), 'file.bin');
      const response = await fetch(url, { method: 'POST', headers, body: form });
      return answerOf(response.status, undefined, await response.text());
    },
    async *subscribe(query, variables) {
      const response = await send(query, variables, 'text/event-stream');
      assert.equal(response.headers.get('content-type'), 'text/event-stream');
      assert.ok(response.body);
      let text = '';
      const decoder = new TextDecoder();
      for await (const piece of response.body) {
        text += decoder.decode(piece, { stream: true });
        const events = text.split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) {
          const data = /^data: ?(.+)$/m.exec(event)?.[1];
          if (/^event: next$/m.test(event) && data) yield recordOf(JSON.parse(data));
        }
      }
    },
  };
}

/** What is at this path of an answer: `get(answer, 'createSecret.secret.id')`. */
export function get(data: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => recordOf(at)[name], data);
}

const recordOf = (data: unknown): Record<string, unknown> =>
  Object.fromEntries(typeof data === 'object' && data !== null ? Object.entries(data) : []);
