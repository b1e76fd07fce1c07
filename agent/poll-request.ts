/** One request of a delegate that polls. */
import { type Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type Clock, limits, type PollStep, pollContentType, pollPath } from '../protocol/index.ts';

export interface PollOptions {
  /** The control plane's websocket address. */
  readonly url: URL;
  readonly token: string;
  readonly clock: Clock;
  /** Keeps connections, and knows how to make one. */
  readonly agent: Agent;
}

export interface PollBody {
  readonly step: PollStep;
  readonly body: string;
  /** How long the answer may take. */
  readonly withinMs: number;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

/** Sends a body and resolves with the one of the answer. Rejects with words when there is none. */
export function poll(options: PollOptions, { step, body, withinMs, signal }: PollBody): Promise<string> {
  const { url, token, clock, agent } = options;
  const isSecure = url.protocol === 'wss:';
  const address = new URL(`${url.pathname.replace(/\/$/, '')}${pollPath}/${step}`, url);
  address.protocol = isSecure ? 'https:' : 'http:';
  const bytes = Buffer.from(body);
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': pollContentType,
    'content-length': bytes.length,
    accept: pollContentType,
  };
  return new Promise((resolve, reject) => {
    const send = isSecure ? requestHttps : requestHttp;
    const request = send(address, { method: 'POST', headers, agent, signal }, response => {
      read(response).then(settled(resolve), settled(reject));
    });
    const stop = clock.after(withinMs, () => request.destroy(new Error(`no answer within ${withinMs} ms`)));
    const settled =
      <T>(then: (result: T) => void) =>
      (result: T) => {
        stop();
        then(result);
      };
    request.on('error', settled(reject));
    request.end(bytes);
  });
}

/** Longer than the largest body: a proxy's page of errors does not fill the memory either. */
const mostBytes = limits.body + 4_096;

async function read(response: IncomingMessage): Promise<string> {
  const { statusCode, headers } = response;
  if (statusCode !== 200 || !headers['content-type']?.startsWith(pollContentType)) {
    response.resume();
    const type = statusCode === 200 ? ` and ${headers['content-type'] ?? 'no content type'}` : '';
    throw new Error(`unexpected answer to a poll: ${statusCode}${type}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > mostBytes) throw new Error('an answer to a poll was too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
