/** A session of long polls as a channel: one request waits for frames, another one at a time takes them there. */
import { EventEmitter } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  type Batch,
  batchReader,
  type Channel,
  type Close,
  closeCode,
  type Envelope,
  fitting,
  limits,
  ProtocolError,
  pollMs,
  sleep,
  subprotocol,
  writeBatch,
} from '../protocol/index.ts';
import type { Network } from './network/network.ts';
import { problemOf } from './network/problem.ts';
import { type PollOptions, poll } from './poll-request.ts';

export interface PollingOptions extends Omit<PollOptions, 'agent'> {
  /** Certificates and proxies; undefined: none but the usual. */
  readonly network?: Pick<Network, 'agentFor'> | undefined;
  readonly random?: () => number;
  /** Ends the opening. */
  readonly signal: AbortSignal;
}

/** How long an answer may take that has nothing to wait for. */
const answerWithinMs = 15_000;
/** A direction in which nothing has come through for so long is broken, whatever the other one does. */
const brokenAfterMs = 30_000;
const closeWithinMs = 5_000;
const retry = { firstMs: 250, mostMs: 4_000 };

const read = {
  open: batchReader('answer', 'open'),
  send: batchReader('answer', 'send'),
  receive: batchReader('answer', 'receive'),
};

/** Opens a session. Never rejects: a failure comes back in words. */
export async function openPolling(
  options: PollingOptions,
): Promise<{ socket: Channel } | { problem: string }> {
  const own = options.url.protocol === 'wss:' ? HttpsAgent : HttpAgent;
  const agent = options.network?.agentFor(options.url, { keepAlive: true }) ?? new own({ keepAlive: true });
  const { signal } = options;
  try {
    const body = writeBatch({ protocols: [subprotocol] });
    const text = await poll({ ...options, agent }, { step: 'open', body, withinMs: answerWithinMs, signal });
    const socket = new PollingChannel({ ...options, agent }, read.open(text).envelope);
    socket.once('close', () => agent.destroy());
    return { socket };
  } catch (error) {
    agent.destroy();
    return { problem: error instanceof Error ? problemOf(error) : String(error) };
  }
}

class PollingChannel extends EventEmitter implements Channel {
  readonly transport = 'polling';
  readonly OPEN = 1;
  readyState = 1;
  readonly protocol: string;
  readonly #options: PollOptions & PollingOptions;
  readonly #session: string;
  readonly #over = new AbortController();
  #outbox: { readonly frame: string; readonly sent: (() => void) | undefined }[] = [];
  #outboxBytes = 0;
  /** The number of the last frame that the control plane has. */
  #said = 0;
  #received = 0;
  #isSending = false;
  #isAsked = false;
  #closing: Close | undefined;
  #stopClosing = () => {};

  constructor(
    options: PollOptions & PollingOptions,
    { session, protocol, close }: Envelope<'answer', 'open'>,
  ) {
    super();
    this.#options = options;
    this.#session = session ?? '';
    this.protocol = protocol ?? '';
    // Whoever opened it listens by then.
    setImmediate(() => {
      if (close) this.#end(close.code, close.reason);
      else if (!session) this.#end(closeCode.protocolError, 'an answer without a session');
      else void this.#listen();
    });
  }

  send(frame: string, sent?: () => void): void {
    if (this.readyState !== this.OPEN) return sent?.();
    this.#outboxBytes += Buffer.byteLength(frame);
    const hasRoom = this.#outboxBytes <= limits.batch;
    this.#outbox.push({ frame, sent: hasRoom ? undefined : sent });
    if (hasRoom) sent?.();
    void this.#speak();
  }

  close(code: number, reason: string): void {
    if (this.readyState !== this.OPEN) return;
    this.readyState = 2;
    this.#closing = { code, reason };
    this.#stopClosing = this.#options.clock.after(closeWithinMs, () => this.#end(1006, ''));
    void this.#speak();
  }

  terminate(): void {
    this.#end(1006, '');
  }

  get bufferedAmount(): number {
    return this.#outboxBytes;
  }

  /** An answer to a `send` without frames is as good as a pong; one that does not come ends the session by itself. */
  ping(_data?: undefined, _mask?: undefined, written?: () => void): void {
    this.#isAsked = true;
    void this.#speak();
    written?.();
  }

  /** Brings what is in the outbox to the control plane, one body after the other. */
  async #speak(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.readyState < 3 && (this.#outbox.length > 0 || this.#isAsked || this.#closing)) {
      this.#isAsked = false;
      const count = fitting(
        this.#outbox.map(({ frame }) => frame),
        limits.batch,
      );
      const isLast = count === this.#outbox.length;
      const close = isLast ? this.#closing : undefined;
      const envelope = { session: this.#session, seq: this.#said + 1, ...(close ? { close } : {}) };
      const frames = this.#outbox.slice(0, count).map(({ frame }) => frame);
      const body = writeBatch(envelope, frames);
      const answer = await this.#insist('send', body, answerWithinMs, read.send);
      if (!answer) break;
      this.#said += count;
      for (const { frame, sent } of this.#outbox.splice(0, count)) {
        this.#outboxBytes -= Buffer.byteLength(frame);
        sent?.();
      }
      const end = answer.envelope.close ?? close;
      if (end) this.#end(end.code, end.reason);
    }
    this.#isSending = false;
  }

  async #listen(): Promise<void> {
    while (this.readyState < 3) {
      const body = writeBatch({ session: this.#session, received: this.#received, waitMs: pollMs });
      const answer = await this.#insist('receive', body, pollMs + answerWithinMs, read.receive);
      if (answer) this.#hear(answer);
    }
  }

  #hear({ envelope: { seq, close }, frames }: Batch<Envelope<'answer', 'receive'>>): void {
    if (seq !== undefined && seq > this.#received + 1)
      this.close(closeCode.protocolError, 'frames are missing before these');
    else if (seq !== undefined)
      for (const frame of frames.slice(this.#received + 1 - seq)) {
        this.#received += 1;
        this.emit('message', frame, false);
      }
    if (close) this.#end(close.code, close.reason);
  }

  /** Asks until there is an answer: the other side knows by the numbers what it has had. Undefined: it is over. */
  async #insist<Step extends 'send' | 'receive'>(
    step: Step,
    body: string,
    withinMs: number,
    reader: (text: string) => Batch<Envelope<'answer', Step>>,
  ): Promise<Batch<Envelope<'answer', Step>> | undefined> {
    const { clock, random = Math.random } = this.#options;
    const { signal } = this.#over;
    let failingSince: number | undefined;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const answer = reader(await poll(this.#options, { step, body, withinMs, signal }));
        this.emit('pong');
        return answer;
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof ProtocolError) this.#end(closeCode.protocolError, error.message.slice(0, 120));
        failingSince ??= clock.now();
        if (clock.now() - failingSince >= brokenAfterMs) this.terminate();
        await sleep(
          clock,
          Math.round(random() * Math.min(retry.mostMs, retry.firstMs * 2 ** failures)),
          signal,
        );
      }
    }
    return undefined;
  }

  #end(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#stopClosing();
    this.#over.abort();
    for (const { sent } of this.#outbox) sent?.();
    this.#outbox = [];
    this.emit('close', code, Buffer.from(reason));
  }
}
