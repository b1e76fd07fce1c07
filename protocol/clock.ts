/**
 * Time as both sides take it: injected, so that tests turn the clock instead of sleeping. The protocol
 * itself never asks for the time; deadlines travel as remaining milliseconds, as clocks differ.
 */
export interface Clock {
  /** Milliseconds on a monotonic scale with no meaning of its own. */
  now(): number;
  /** Calls `then` once after `delayMs`. The returned function calls it off; calling that twice is fine. */
  after(delayMs: number, then: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or as soon as `signal` aborts; it never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve();
    const done = () => {
      stop();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const stop = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Calls `tick` every `periodMs` until the returned function is called. */
export function every(clock: Clock, periodMs: number, tick: () => void): () => void {
  let stop = () => {};
  const arm = () => {
    stop = clock.after(periodMs, () => {
      arm();
      tick();
    });
  };
  arm();
  return () => stop();
}
