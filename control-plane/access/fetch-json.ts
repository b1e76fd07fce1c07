/** A JSON document from somebody else's server: over TLS, bounded in time and size, and from nowhere else. */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Clock } from '../../protocol/index.ts';

export interface FetchOptions {
  /** Certificates in PEM that are trusted instead of the server's own. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const timeoutMs = 5_000;
const mostBytes = 256 * 1_024;

/** Rejects with why not, in words that hold nothing of what was read. A redirect is not followed. */
export async function fetchJson(url: string, { ca, clock, signal }: FetchOptions): Promise<unknown> {
  const late = new AbortController();
  const stop = clock.after(timeoutMs, () => late.abort());
  try {
    return JSON.parse(await readText(url, ca, AbortSignal.any([signal, late.signal])));
  } catch (error) {
    if (late.signal.aborted) throw new Error(`no whole answer within ${timeoutMs} ms`);
    throw error instanceof SyntaxError ? new Error('the answer is not JSON') : error;
  } finally {
    stop();
  }
}

async function readText(url: string, ca: string | undefined, signal: AbortSignal): Promise<string> {
  const headers = { accept: 'application/json' };
  // No agent: a connection that is kept would outlive the question.
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(
      url,
      { agent: false, headers, signal, ...(ca === undefined ? {} : { ca }) },
      resolve,
    );
    asked.on('error', reject);
    asked.end();
  });
  try {
    if (response.statusCode !== 200) throw new Error(`the answer is ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > mostBytes) throw new Error(`the answer has more than ${mostBytes} bytes`);
      chunks.push(bytes);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    response.destroy();
  }
}
