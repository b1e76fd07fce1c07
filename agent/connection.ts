/** The connection to the control plane, for ever: a long life is a loop. */
import { type ClientOptions, WebSocket } from 'ws';
import {
  type Channel,
  type Clock,
  closeCode,
  delegatePath,
  fatalClose,
  type Hello,
  isTokenRefusal,
  limits,
  namedDelayMs,
  sleep,
  subprotocol,
  type Transport,
} from '../protocol/index.ts';
import type { Logger } from './logger.ts';
import type { Network } from './network/network.ts';
import { problemOf } from './network/problem.ts';
import { openPolling } from './polling-channel.ts';
import { lookForWebsocket } from './return-to-websocket.ts';
import type { TokenSource } from './token-source.ts';
import { type PollWhen, TransportChoice } from './transport-choice.ts';

/** The control plane closed the socket for a reason that trying again can't mend. */
export class FatalCloseError extends Error {
  override readonly name = 'FatalCloseError';
  readonly exitCode: number;

  constructor(exitCode: number, explanation: string, reason: string) {
    super(reason ? `${explanation} (${reason})` : explanation);
    this.exitCode = exitCode;
  }
}

export interface ConnectionOptions {
  readonly url: URL;
  readonly tokens: Pick<TokenSource, 'choose' | 'hasOther'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Certificates and proxies; undefined: none but the usual. */
  readonly network?: Network | undefined;
  /** From 0 to below 1; injected so that tests know the pause. */
  readonly random?: () => number;
  /** Left out: websockets only. */
  readonly poll?: PollWhen;
  /** Where websockets are to be looked for again while polling works: who we are, and when nothing runs. */
  readonly returning?: { readonly hello: Hello; readonly idle: () => Promise<void> };
  /** Ends the loop. */
  readonly signal: AbortSignal;
}

/** What came of opening a connection; of a failed one whether the upgrade was sent, but not accepted. */
export type Opened = { socket: Channel } | { problem: string; isSpoiled?: boolean };

/** The pause before try number n (from 0) is a random part of `firstMs * 2^n`, at most of `mostMs`. */
export const backoff = { firstMs: 500, mostMs: 15_000 };
/** A connection that lived this long was a good one: the next pause starts from the beginning. */
const goodAfterMs = 5_000;
/** A pause that the control plane names is spread by so much. */
const spreadMs = 500;
/** With the longest pause this bounds how late after a fault a delegate is back: decision 0019. */
const handshakeTimeoutMs = 10_000;
const certificateHint =
  'set LEGATE_CLIENT_CERT and LEGATE_CLIENT_KEY to a certificate that has not ended, from a CA in its --tls-client-ca';

/** Exponential backoff with full jitter, so that a thousand delegates don't come back at once. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.round(random() * Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(failures, 20)));
}

/**
 * Yields one open channel after the other; the next is opened when the last has closed. Whoever iterates owns
 * the channel until then. Throws a `FatalCloseError` where coming back is no use.
 */
export async function* connections(options: ConnectionOptions): AsyncGenerator<Channel> {
  const { clock, logger, signal, random = Math.random } = options;
  const choice = new TransportChoice(options.poll ?? 'false', logger);
  let failures = 0;
  while (!signal.aborted) {
    const transport = choice.next();
    const token = options.tokens.choose();
    const opened = await openChannel(transport, { ...options, token });
    if (transport === 'polling') choice.polled();
    let named: number | undefined;
    if ('socket' in opened) {
      const { socket } = opened;
      const closed = closing(socket);
      const since = clock.now();
      const open = (until: AbortSignal) => openSocket({ ...options, token, signal: until });
      const looking = transport === 'polling' ? lookForWebsocket(socket, { ...options, open }) : undefined;
      try {
        yield socket;
      } finally {
        looking?.stop();
        // Reached with an open socket when whoever iterates has failed or stopped.
        if (socket.readyState === socket.OPEN) socket.terminate();
      }
      const { code, reason, heard } = await closed;
      if (transport === 'websocket' && (heard || code !== 1006)) choice.websocketWorked();
      else if (transport === 'websocket') choice.upgradeSpoiled();
      if (isTokenRefusal(code) && !signal.aborted && options.tokens.hasOther()) {
        logger.warn({ code, reason }, 'the token was refused; trying the other one');
        continue;
      }
      const fatal = fatalClose(code);
      if (fatal) throw new FatalCloseError(fatal.exitCode, fatal.explanation, reason);
      if (signal.aborted) return;
      if (looking?.found()) {
        choice.websocketWorked();
        continue;
      }
      named = namedDelayMs(code, reason);
      // To be told when to come is an answer, no failure.
      if (named !== undefined || clock.now() - since >= goodAfterMs) failures = 0;
      if (code === closeCode.certificateRefused) {
        options.network?.failed();
        logger.error({ code, reason }, `the control plane refused the connection: ${certificateHint}`);
      } else logger.warn({ code, reason }, 'connection closed');
    } else {
      if (signal.aborted) return;
      if (opened.isSpoiled) choice.upgradeSpoiled();
      options.network?.failed();
      logger.warn({ problem: opened.problem }, 'cannot connect to the control plane');
    }
    const pauseMs =
      named === undefined ? backoffMs(failures, random) : named + Math.round(random() * spreadMs);
    if (named === undefined) failures += 1;
    logger.debug({ pauseMs }, 'reconnecting after a pause');
    await sleep(clock, pauseMs, signal);
  }
}

function openChannel(
  transport: Transport,
  options: ConnectionOptions & { readonly token: string },
): Promise<Opened> {
  return transport === 'polling' ? openPolling(options) : openSocket(options);
}

/** How a channel ends, and whether a message has come through it before. */
function closing(socket: Channel): Promise<{ code: number; reason: string; heard: boolean }> {
  let heard = false;
  socket.once('message', () => {
    heard = true;
  });
  return new Promise(resolve =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString(), heard })),
  );
}

/** Opens one socket. Never rejects: a failure comes back in words. */
export function openSocket(
  options: Pick<ConnectionOptions, 'url' | 'signal' | 'network'> & { readonly token: string },
): Promise<{ socket: WebSocket } | { problem: string; isSpoiled: boolean }> {
  let isSent = false;
  // The type of closeTimeout is not published yet.
  const client: ClientOptions & { closeTimeout: number } = {
    headers: { authorization: `Bearer ${options.token}` },
    maxPayload: limits.frameToDelegate,
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
    closeTimeout: 5_000,
    finishRequest(request) {
      // Not before there is a connection: what fails until then is no matter of websockets.
      request.once('finish', () => {
        isSent = true;
      });
      request.end();
    },
    ...(options.network ? { agent: options.network.agentFor(options.url) } : {}),
  };
  return new Promise(resolve => {
    const socket = new WebSocket(
      new URL(options.url.pathname.replace(/\/$/, '') + delegatePath, options.url),
      subprotocol,
      client,
    );
    const abort = () => socket.terminate();
    options.signal.addEventListener('abort', abort, { once: true });
    const settle = (result: { socket: WebSocket } | { problem: string; isSpoiled: boolean }) => {
      options.signal.removeEventListener('abort', abort);
      resolve(result);
    };
    socket.once('open', () => settle({ socket }));
    // It stays for the socket's life: an error is always followed by the close that counts.
    socket.on('error', error => settle({ problem: problemOf(error), isSpoiled: isSent }));
  });
}
