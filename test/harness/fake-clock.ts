/** A clock that tests turn by hand: code that waits an hour is tested in a millisecond, and always the same. */
import assert from 'node:assert/strict';
import type { Clock } from '../../protocol/index.ts';

interface Timer {
  readonly at: number;
  readonly then: () => void;
}

/** So many timers in one `advance` are a timer that sets itself again without delay. */
const mostCalls = 10_000;

export class FakeClock implements Clock {
  #now: number;
  /** In the order in which they were set, which breaks ties as the system's timers do. */
  readonly #timers = new Set<Timer>();

  /** Not from 0 by default: the scale has no meaning, and code that thinks otherwise shall be noticed. */
  constructor(now = 1_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, then: () => void): () => void {
    // The system would take these for "at once", so that a mistake in a calculation stays unseen.
    if (!Number.isFinite(delayMs)) throw new RangeError(`a timer after ${delayMs} ms`);
    const timer = { at: this.#now + Math.max(0, delayMs), then };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /**
   * Lets `ms` pass: calls what falls due, in order, each at its own time and with everything settled that the
   * one before set going by promises. Work outside of promises (sockets, files, cryptography) is not waited for.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    let calls = 0;
    for (let next = this.#nextBy(until); next; next = this.#nextBy(until)) {
      // Else a period of 0 would keep a test running for ever, out of reach of the test runner's time limit.
      calls += 1;
      if (calls > mostCalls) throw new RangeError(`more than ${mostCalls} timers in ${ms} ms`);
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.then();
      await settled();
    }
    this.#now = until;
  }

  /** Lets `ms` pass in which nothing could be done, as for a process that is stopped: what fell due comes late. */
  skip(ms: number): void {
    this.#now += ms;
  }

  /** In how many milliseconds each timer that is set falls due, the next one first. */
  pending(): number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Fails when a timer is left: what was begun was not ended. */
  assertNoTimers(): void {
    assert.deepEqual(this.pending(), [], 'timers are left, due after so many milliseconds');
  }

  #nextBy(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= until && (!next || timer.at < next.at)) next = timer;
    return next;
  }
}

/** A turn of the event loop: every promise that can go on without the outside world has done so. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
