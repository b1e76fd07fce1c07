/** What bounds a run from outside, as something to wait for. */
import { type Clock, type FailureReason, sleep } from '../../protocol/index.ts';
import type { Execution, RunBounds } from './execution.ts';

export interface TimeLimit {
  /** Resolves when the run must end, with the reason. */
  readonly reached: Promise<'timed-out' | 'cancelled'>;
  spentMs(): number;
  remainingMs(): number;
  /** Waits, at most until `stop`. */
  wait(ms: number): Promise<void>;
  /** Forgets the timers. */
  stop(): void;
}

export function timeLimit({ remainingMs, signal }: RunBounds, clock: Clock): TimeLimit {
  const begun = clock.now();
  const over = new AbortController();
  const aborted = new Promise<void>(resolve => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true, signal: over.signal });
  });
  const spentMs = () => Math.round(clock.now() - begun);
  return {
    reached: Promise.race([
      sleep(clock, remainingMs, over.signal).then(() => 'timed-out' as const),
      aborted.then(() => 'cancelled' as const),
    ]),
    spentMs,
    remainingMs: () => Math.max(1, remainingMs - spentMs()),
    wait: ms => sleep(clock, ms, over.signal),
    stop: () => over.abort(),
  };
}

/** What is told of a run that did not come to its script. */
export function notStarted(reason: FailureReason, detail: string, stderr = Buffer.alloc(0)): Execution {
  const end = { kind: 'not-started', reason, detail } as const;
  return { end, collected: { directoryMissing: false }, stderr, durationMs: 0 };
}
