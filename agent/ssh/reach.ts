/** The way to a host's port: a socket of our own, connected to the very address that was checked. */
import { connect, type Socket } from 'node:net';
import { type Clock, sleep } from '../../protocol/index.ts';
import type { Address } from './address.ts';
import { HostError } from './connection.ts';

/** Until when something is tried, and who may call it off. */
export interface Deadline {
  readonly clock: Clock;
  /** On the clock's scale. */
  readonly at: number;
  readonly signal: AbortSignal;
}

export const remaining = ({ clock, at }: Deadline) => Math.max(0, at - clock.now());

/** Waits for something that can't be called off itself. After the deadline it throws a `HostError`. */
export async function within<T>(deadline: Deadline, work: Promise<T>, late: string): Promise<T> {
  const { clock, signal } = deadline;
  signal.throwIfAborted();
  // Nobody may be waiting any more when it fails.
  work.catch(() => {});
  const over = new AbortController();
  try {
    const timedOut = sleep(clock, remaining(deadline), AbortSignal.any([signal, over.signal])).then(() => {
      signal.throwIfAborted();
      throw new HostError('host-unreachable', late);
    });
    timedOut.catch(() => {});
    return await Promise.race([work, timedOut]);
  } finally {
    over.abort();
  }
}

/** How long one address is tried while there are others. */
const otherAddressMs = 3_000;
/** So often is asked whether the other side is still there, below what SSH asks. */
const keepAliveMs = 15_000;

/** Connects to the first address that answers. Throws a `HostError`; when called off, the signal's reason. */
export async function reach(
  addresses: readonly Address[],
  port: number,
  deadline: Deadline,
  step: (line: string) => void,
): Promise<{ socket: Socket; address: string }> {
  const failures: string[] = [];
  for (const [at, { address }] of addresses.entries()) {
    const last = at === addresses.length - 1;
    const begun = deadline.clock.now();
    const patience = last ? remaining(deadline) : Math.min(otherAddressMs, remaining(deadline));
    const result = await attempt(address, port, patience, deadline);
    const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    if (typeof result !== 'string') {
      step(`connected to ${where} in ${Math.round(deadline.clock.now() - begun)} ms`);
      return { socket: result, address };
    }
    failures.push(`${where} ${result}`);
  }
  throw new HostError('host-unreachable', failures.join(', '));
}

/** The connected socket, or what went wrong. */
async function attempt(host: string, port: number, patienceMs: number, deadline: Deadline) {
  const { clock, signal } = deadline;
  signal.throwIfAborted();
  const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
  const over = new AbortController();
  const called = AbortSignal.any([signal, over.signal]);
  try {
    const result = await Promise.race([
      new Promise<string>(resolve => {
        socket.once('connect', () => resolve('connected'));
        socket.once('error', error => resolve(explain(error)));
      }),
      sleep(clock, patienceMs, called).then(() => 'timed out'),
    ]);
    signal.throwIfAborted();
    if (result === 'connected') return socket;
    socket.destroy();
    return result;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    over.abort();
    // A late error of a socket that was given up is nobody's.
    if (socket.destroyed) socket.on('error', () => {});
  }
}

function explain(error: Error): string {
  const code = 'code' in error ? String(error.code) : 'unknown error';
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused the connection';
    case 'ETIMEDOUT':
      return 'timed out';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return `is unreachable: there is no route (${code})`;
    default:
      return `could not be connected to (${code})`;
  }
}
