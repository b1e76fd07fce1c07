/** The requests of delegates that poll, each led to its channel. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  batchReader,
  type Clock,
  type Close,
  closeCode,
  limits,
  type PollStep,
  ProtocolError,
  pollContentType,
  subprotocol,
  writeBatch,
} from '../../protocol/index.ts';
import { PollingChannel } from './polling-channel.ts';
import { shownToken } from './token-session.ts';

export interface PollingOptions {
  /** Why a token does not count at an address. */
  readonly refusal: (token: string, address: string | undefined) => Promise<Close | undefined>;
  /** Somebody has opened a channel, with this request. */
  readonly welcome: (channel: PollingChannel, request: IncomingMessage) => void;
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  readonly clock: Clock;
}

export interface Polling {
  /** Answers one request. */
  readonly handle: (step: PollStep, request: IncomingMessage, response: ServerResponse) => void;
  /** Tells everybody that the control plane goes away, and answers nothing else from then on. */
  close(): Promise<void>;
}

interface Session {
  readonly channel: PollingChannel;
  /** Where its token is known to count. */
  readonly addresses: Set<string | undefined>;
}

/** A session that is over is kept for so long, for a delegate that has lost the answer that said so. */
const keptMs = 60_000;
const mostAddresses = 100;

const goingAway: Close = { code: closeCode.goingAway, reason: 'the control plane is stopping' };
const noSession: Close = { code: closeCode.noSession, reason: 'there is no such session for this token' };

class TooBigError extends Error {
  override readonly name = 'TooBigError';
}

const read = {
  open: batchReader('request', 'open'),
  send: batchReader('request', 'send'),
  receive: batchReader('request', 'receive'),
};

export function createPolling({ refusal, welcome, note, clock }: PollingOptions): Polling {
  /** By the hash of the token that opened them: who has another one finds none. */
  const sessions = new Map<string, Map<string, Session>>();
  let closing = false;

  async function open(token: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = request.socket.remoteAddress;
    const refused = await refusal(token, address);
    if (refused) return answer(response, { close: refused });
    const { envelope } = read.open(await bodyOf(request));
    if (closing) return answer(response, { close: goingAway });
    const { protocols } = envelope;
    const protocol = protocols.includes(subprotocol) ? subprotocol : (protocols[0] ?? '');
    const channel = new PollingChannel(protocol, clock);
    const id = randomBytes(24).toString('base64url');
    prune();
    const hash = hashOf(token);
    const own = sessions.get(hash) ?? new Map<string, Session>();
    sessions.set(hash, own.set(id, { channel, addresses: new Set([address]) }));
    welcome(channel, request);
    answer(response, { session: id, protocol });
  }

  async function send(token: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { envelope, frames } = read.send(await bodyOf(request));
    const channel = await channelOf(token, envelope.session, request.socket.remoteAddress);
    if (!channel) return answer(response, { close: noSession });
    answer(response, { received: channel.take(envelope, frames) });
  }

  async function receive(token: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { envelope } = read.receive(await bodyOf(request));
    const channel = await channelOf(token, envelope.session, request.socket.remoteAddress);
    if (!channel) return answer(response, { close: noSession });
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const news = await channel.receive(envelope, gone.signal);
    if (response.destroyed) return;
    response.once('finish', () => channel.wasTold(news));
    answer(response, news.envelope, news.frames);
  }

  async function channelOf(
    token: string,
    id: string,
    address: string | undefined,
  ): Promise<PollingChannel | undefined> {
    const session = sessions.get(hashOf(token))?.get(id);
    if (!session || session.channel.isGone) return undefined;
    return (await isHere(session, token, address)) ? session.channel : undefined;
  }

  /** A session may move to another address, as behind some proxies: where its token counts too. */
  async function isHere(
    { addresses }: Session,
    token: string,
    address: string | undefined,
  ): Promise<boolean> {
    if (addresses.has(address)) return true;
    if (await refusal(token, address)) return false;
    if (addresses.size >= mostAddresses) addresses.clear();
    addresses.add(address);
    return true;
  }

  function prune(): void {
    for (const [hash, own] of sessions) {
      for (const [id, { channel }] of own) if (channel.endedForMs >= keptMs) own.delete(id);
      if (own.size === 0) sessions.delete(hash);
    }
  }

  const steps = { open, send, receive };

  function closeFor(error: unknown): Close {
    if (error instanceof ProtocolError)
      return { code: closeCode.protocolError, reason: error.message.slice(0, 120) };
    if (error instanceof TooBigError) return { code: closeCode.messageTooBig, reason: error.message };
    note({ err: error }, 'a polling delegate could not be answered');
    return { code: closeCode.internalError, reason: 'internal error' };
  }

  const channels = () => [...sessions.values()].flatMap(own => [...own.values()].map(one => one.channel));

  return {
    handle(step, request, response) {
      const token = shownToken(request);
      if (closing) return answer(response, { close: goingAway });
      // Nothing is read of what comes with a token that has no session.
      if (step !== 'open' && !sessions.has(hashOf(token))) return answer(response, { close: noSession });
      steps[step](token, request, response).catch((error: unknown) => {
        if (response.headersSent || response.destroyed) return;
        answer(response, { close: closeFor(error) });
      });
    },
    async close() {
      closing = true;
      const open = channels().filter(channel => channel.readyState < 3);
      const closed = open.map(
        channel => new Promise<void>(resolve => channel.once('close', () => resolve())),
      );
      for (const channel of open) channel.close(goingAway.code, goingAway.reason);
      const stop = clock.after(2_000, () => {
        for (const channel of open) channel.terminate();
      });
      await Promise.all(closed);
      stop();
      sessions.clear();
    },
  };
}

function answer(response: ServerResponse, envelope: object, frames: readonly string[] = []): void {
  const body = Buffer.from(writeBatch(envelope, frames));
  response.writeHead(200, {
    'content-type': pollContentType,
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}

/** The body as text. Rejects with a `TooBigError`, or when the request breaks off. */
function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limits.body) chunks.push(chunk);
      else reject(new TooBigError('the body is too large'));
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString()));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the request broke off')));
  });
}

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');
