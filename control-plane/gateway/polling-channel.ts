/** A delegate that comes with one request after the other, as one channel. */
import { EventEmitter } from 'node:events';
import {
  type Channel,
  type Clock,
  type Close,
  closeCode,
  type Envelope,
  fitting,
  limits,
  pollMs,
} from '../../protocol/index.ts';

/** What a `receive` is answered with. */
export interface Answer {
  readonly envelope: Envelope<'answer', 'receive'>;
  readonly frames: readonly string[];
}

/** After a `receive` broke off the delegate has so long to show itself: one that was killed does not. */
const returnWithinMs = 10_000;
/** A delegate that does not fetch the reason of a close is not waited for. */
const closeWithinMs = 5_000;

export class PollingChannel extends EventEmitter implements Channel {
  readonly transport = 'polling';
  readonly OPEN = 1;
  readyState = 1;
  readonly protocol: string;
  readonly #clock: Clock;
  /** What the delegate has not confirmed, from number `#confirmed + 1` on. */
  #outbox: string[] = [];
  #confirmed = 0;
  #received = 0;
  #close: Close | undefined;
  #endedAt: number | undefined;
  /** Answers the `receive` that waits for something to be said. */
  #answer: (() => void) | undefined;
  #stopReturn = () => {};
  #stopClosing = () => {};

  constructor(protocol: string, clock: Clock) {
    super();
    this.protocol = protocol;
    this.#clock = clock;
  }

  /** For how long it has been over. What was said last stays for a delegate that has lost an answer. */
  get endedForMs(): number {
    return this.#endedAt === undefined ? 0 : this.#clock.now() - this.#endedAt;
  }

  /** It was ended without a word: as if it had never been. */
  get isGone(): boolean {
    return this.#endedAt !== undefined && this.#close === undefined;
  }

  send(frame: string, sent?: () => void): void {
    if (this.readyState === this.OPEN) {
      this.#outbox.push(frame);
      this.#answer?.();
    }
    sent?.();
  }

  close(code: number, reason: string): void {
    if (this.readyState !== this.OPEN) return;
    this.readyState = 2;
    this.#close = { code, reason };
    this.#stopClosing = this.#clock.after(closeWithinMs, () => this.#end());
    this.#answer?.();
  }

  terminate(): void {
    if (this.#endedAt !== undefined) return;
    this.#close = undefined;
    this.#outbox = [];
    this.#end();
  }

  get bufferedAmount(): number {
    return this.#outbox.reduce((sum, frame) => sum + frame.length, 0);
  }

  /** Nobody can be asked; its own requests are its signs of life. */
  ping(_data?: undefined, _mask?: undefined, written?: () => void): void {
    written?.();
  }

  /** Frames from number `seq` on, of which some may have come before. Resolves with the number of the last one. */
  take({ seq, close }: Envelope<'request', 'send'>, frames: readonly string[]): number {
    this.#hear();
    if (seq > this.#received + 1) this.close(closeCode.protocolError, 'frames are missing before these');
    for (const frame of frames.slice(this.#received + 1 - seq)) {
      if (this.readyState !== this.OPEN) break;
      this.#received += 1;
      if (Buffer.byteLength(frame) > limits.frameToControlPlane)
        this.close(closeCode.messageTooBig, 'a frame is too large');
      else this.emit('message', frame, false);
    }
    if (close && this.readyState === this.OPEN) {
      this.#close = close;
      this.#outbox = [];
      this.#end();
    }
    return this.#received;
  }

  /**
   * What there is to say behind frame number `received`; waits for it where there is nothing yet. A later request
   * takes the place of one that waits. `gone` aborts when nobody waits for the answer any more.
   */
  receive({ received, waitMs }: Envelope<'request', 'receive'>, gone: AbortSignal): Answer | Promise<Answer> {
    this.#hear();
    const known = received - this.#confirmed;
    // It was overtaken on its way by a later one.
    if (known < 0) return { envelope: { seq: this.#confirmed + 1 }, frames: [] };
    if (known > this.#outbox.length)
      this.close(closeCode.protocolError, 'more frames were received than were sent');
    this.#outbox.splice(0, known);
    this.#confirmed = received;
    this.#answer?.();
    return waitMs === 0 || this.#hasNews() ? this.#news() : this.#wait(Math.min(waitMs, pollMs), gone);
  }

  /** An answer has arrived at the delegate, as far as one can tell. */
  wasTold({ envelope }: Answer): void {
    if (envelope.close) this.#end();
  }

  #wait(waitMs: number, gone: AbortSignal): Promise<Answer> {
    return new Promise(resolve => {
      const answer = () => {
        stop();
        gone.removeEventListener('abort', brokeOff);
        if (this.#answer === answer) this.#answer = undefined;
        resolve(this.#news());
      };
      const brokeOff = () => {
        answer();
        this.#stopReturn = this.#clock.after(returnWithinMs, () => this.terminate());
      };
      const stop = this.#clock.after(waitMs, answer);
      gone.addEventListener('abort', brokeOff, { once: true });
      this.#answer = answer;
    });
  }

  #hasNews(): boolean {
    return this.#outbox.length > 0 || this.#close !== undefined || this.#endedAt !== undefined;
  }

  #news(): Answer {
    const frames = this.#outbox.slice(0, fitting(this.#outbox, limits.batch));
    const close = frames.length === this.#outbox.length ? this.#close : undefined;
    return { envelope: { seq: this.#confirmed + 1, ...(close ? { close } : {}) }, frames };
  }

  #hear(): void {
    this.#stopReturn();
    this.emit('pong');
  }

  #end(): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = this.#clock.now();
    this.readyState = 3;
    this.#stopReturn();
    this.#stopClosing();
    this.#answer?.();
    const { code = 1006, reason = '' } = this.#close ?? {};
    this.emit('close', code, Buffer.from(reason));
  }
}
