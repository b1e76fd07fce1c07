/** Would the control plane have this delegate, with the certificates and the token that it has now? */
import { closeCode, fatalClose, type Hello, systemClock } from '../protocol/index.ts';
import { askAdmission } from './ask-admission.ts';
import { type Opened, openSocket } from './connection.ts';
import type { Network } from './network/network.ts';
import { openPolling, type PollingOptions } from './polling-channel.ts';
import type { PollWhen } from './transport-choice.ts';

export type Trial =
  /** `how`: what is to be said of the way that it took. */
  | { readonly ok: true; readonly serverVersion: string; readonly how: string }
  /** `exitCode` is the one that the agent would end with; undefined: it would go on trying. */
  | { readonly ok: false; readonly problem: string; readonly exitCode: number | undefined };

export interface TrialOptions {
  readonly url: URL;
  readonly token: string;
  readonly network: Network;
  /** Left out: by a websocket only. */
  readonly poll?: PollWhen;
  /** What it would say of itself. Another delegate of this instance is not disturbed. */
  readonly hello: Hello;
  readonly signal?: AbortSignal;
}

/** Opens a connection of its own for it, and closes it again. Never rejects. */
export async function tryConnection(options: TrialOptions): Promise<Trial> {
  const { url, token, network, poll, hello, signal } = options;
  const unless = signal ?? new AbortController().signal;
  const how = poll === undefined ? {} : { poll };
  const { opened, way } = await openEither({
    url,
    token,
    network,
    clock: systemClock,
    ...how,
    signal: unless,
  });
  if ('problem' in opened) {
    network.failed();
    return { ok: false, problem: `cannot connect to ${url.host}: ${opened.problem}`, exitCode: undefined };
  }
  const { socket } = opened;
  const first = await askAdmission(socket, hello, systemClock, unless);
  if ('type' in first && first.type === 'welcome') {
    network.welcomed();
    return { ok: true, serverVersion: first.serverVersion, how: way };
  }
  const closed = 'code' in first ? first : { code: closeCode.protocolError, reason: '' };
  if (closed.code === closeCode.certificateRefused) network.failed();
  const fatal = fatalClose(closed.code);
  const why = closed.reason ? `, ${closed.reason}` : '';
  const problem = fatal?.explanation ?? `it closed the connection (code ${closed.code}${why})`;
  return { ok: false, problem, exitCode: fatal?.exitCode };
}

/** Over a websocket or long polls, as the agent would; and what is to be said of that. */
async function openEither(
  options: PollingOptions & { readonly network: Network; readonly poll?: PollWhen },
): Promise<{ opened: Opened; way: string }> {
  if (options.poll === 'true') return { opened: await openPolling(options), way: ', by long polling' };
  const opened = await openSocket(options);
  if (options.poll !== 'auto' || 'socket' in opened || !opened.isSpoiled) return { opened, way: '' };
  const polled = await openPolling(options);
  if ('problem' in polled) return { opened, way: '' };
  return { opened: polled, way: `, by long polling: a websocket does not get through (${opened.problem})` };
}
