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

/**
 * Calls `tick` every `periodMs` until the returned function is called, and says by how much it comes too late: a
 * process that was stopped, or a machine that slept, has to know.
 */
export function every(clock: Clock, periodMs: number, tick: (lateMs: number) => void): () => void {
  let stop = () => {};
  const arm = () => {
    const due = clock.now() + periodMs;
    stop = clock.after(periodMs, () => {
      const lateMs = clock.now() - due;
      arm();
      tick(lateMs);
    });
  };
  arm();
  return () => stop();
}
