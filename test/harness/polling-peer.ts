/** A delegate's end of a session of long polls, request by request, without anything of the agent. */
import { type PollStep, pollMs, pollPath, subprotocol, writeBatch } from '../../protocol/index.ts';

type Json = Readonly<Record<string, unknown>>;

export interface PollAnswer {
  readonly status: number;
  readonly envelope: Json;
  readonly frames: readonly Json[];
}

/** One request, as it was asked for. */
export async function pollRaw(
  port: number,
  step: PollStep,
  token: string | undefined,
  body: string,
  signal?: AbortSignal,
): Promise<PollAnswer> {
  const response = await fetch(`http://127.0.0.1:${port}${pollPath}/${step}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-ndjson',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body,
    ...(signal ? { signal } : {}),
  });
  const [envelope = {}, ...frames] = (await response.text())
    .split('\n')
    .filter(line => line !== '')
    .map((line): Json => JSON.parse(line));
  return { status: response.status, envelope, frames };
}

export interface PollingPeer {
  readonly session: string;
  readonly opened: PollAnswer;
  send(seq: number, messages: readonly (object | string)[], more?: object): Promise<PollAnswer>;
  receive(received: number, waitMs?: number, signal?: AbortSignal): Promise<PollAnswer>;
}

/** Opens a session with this token. */
export async function pollingPeer(
  port: number,
  token = 'any',
  protocols: readonly string[] = [subprotocol],
): Promise<PollingPeer> {
  const opened = await pollRaw(port, 'open', token, writeBatch({ protocols }));
  const session = String(opened.envelope.session);
  return {
    session,
    opened,
    send(seq, messages, more = {}) {
      const frames = messages.map(one => (typeof one === 'string' ? one : JSON.stringify(one)));
      return pollRaw(port, 'send', token, writeBatch({ session, seq, ...more }, frames));
    },
    receive: (received, waitMs = pollMs, signal) =>
      pollRaw(port, 'receive', token, writeBatch({ session, received, waitMs }), signal),
  };
}
