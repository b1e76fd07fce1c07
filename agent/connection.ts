/** The socket to the control plane, for ever: a long life is a loop. */
import { type ClientOptions, WebSocket } from 'ws';
import {
  type Clock,
  delegatePath,
  fatalClose,
  isTokenRefusal,
  limits,
  sleep,
  subprotocol,
} from '../protocol/index.ts';
import type { Logger } from './logger.ts';
import type { TokenSource } from './token-source.ts';

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
  /** From 0 to below 1; injected so that tests know the pause. */
  readonly random?: () => number;
  /** Ends the loop. */
  readonly signal: AbortSignal;
}

/** The pause before try number n (from 0) is a random part of `firstMs * 2^n`, at most of `mostMs`. */
export const backoff = { firstMs: 500, mostMs: 60_000 };
/** A connection that lived this long was a good one: the next pause starts from the beginning. */
const goodAfterMs = 5_000;
const handshakeTimeoutMs = 15_000;

/** Exponential backoff with full jitter, so that a thousand delegates don't come back at once. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.round(random() * Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(failures, 20)));
}

/**
 * Yields one open socket after the other; the next is opened when the last has closed. Whoever iterates owns
 * the socket until then. Throws a `FatalCloseError` where coming back is no use.
 */
export async function* connections(options: ConnectionOptions): AsyncGenerator<WebSocket> {
  const { clock, logger, signal, random = Math.random } = options;
  let failures = 0;
  while (!signal.aborted) {
    const opened = await openSocket({ ...options, token: options.tokens.choose() });
    if ('socket' in opened) {
      const { socket } = opened;
      const closed = new Promise<{ code: number; reason: string }>(resolve =>
        socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
      );
      const since = clock.now();
      try {
        yield socket;
      } finally {
        // Reached with an open socket when whoever iterates has failed or stopped.
        if (socket.readyState === WebSocket.OPEN) socket.terminate();
      }
      const { code, reason } = await closed;
      if (isTokenRefusal(code) && !signal.aborted && options.tokens.hasOther()) {
        logger.warn({ code, reason }, 'the token was refused; trying the other one');
        continue;
      }
      const fatal = fatalClose(code);
      if (fatal) throw new FatalCloseError(fatal.exitCode, fatal.explanation, reason);
      if (signal.aborted) return;
      if (clock.now() - since >= goodAfterMs) failures = 0;
      logger.warn({ code, reason }, 'connection closed');
    } else {
      if (signal.aborted) return;
      logger.warn({ problem: opened.problem }, 'cannot connect to the control plane');
    }
    const pauseMs = backoffMs(failures, random);
    failures += 1;
    logger.debug({ pauseMs }, 'reconnecting after a pause');
    await sleep(clock, pauseMs, signal);
  }
}

/** Opens one socket. Never rejects: a failure comes back in words. */
export function openSocket(
  options: Pick<ConnectionOptions, 'url' | 'signal'> & { readonly token: string },
): Promise<{ socket: WebSocket } | { problem: string }> {
  // The type of closeTimeout is not published yet.
  const client: ClientOptions & { closeTimeout: number } = {
    headers: { authorization: `Bearer ${options.token}` },
    maxPayload: limits.frameToDelegate,
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
    closeTimeout: 5_000,
  };
  return new Promise(resolve => {
    const socket = new WebSocket(
      new URL(options.url.pathname.replace(/\/$/, '') + delegatePath, options.url),
      subprotocol,
      client,
    );
    const abort = () => socket.terminate();
    options.signal.addEventListener('abort', abort, { once: true });
    const settle = (result: { socket: WebSocket } | { problem: string }) => {
      options.signal.removeEventListener('abort', abort);
      resolve(result);
    };
    socket.once('open', () => settle({ socket }));
    // It stays for the socket's life: an error is always followed by the close that counts.
    socket.on('error', error => settle({ problem: problemOf(error) }));
  });
}

function problemOf(error: Error & { code?: string; errors?: Error[] }): string {
  // A host name with several addresses fails with one error for each of them.
  const messages = error.errors?.map(inner => inner.message) ?? [];
  return error.message || messages.join('; ') || error.code || error.name;
}
