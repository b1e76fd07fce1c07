/**
 * Is this process stuck? One that blocks for good can't answer anybody; what can be told is a loop that comes round
 * only after seconds, again and again, so that heartbeats are late and tasks time out.
 */
import { type Clock, systemClock } from '../../protocol/index.ts';

export interface EventLoop {
  /** It has been late at every turn for the whole of the time allowed. */
  isStuck(): boolean;
  /** How late it was last, in milliseconds. */
  lagMs(): number;
  stop(): void;
}

export interface EventLoopOptions {
  /** How long it may be late all the time; 0: it is never called stuck. */
  readonly stuckAfterMs: number;
  /** Real time by default, whatever clock the agent goes by: the lag of a loop is a matter of real time. */
  readonly clock?: Clock;
}

const tickMs = 500;
/** Garbage collection and a busy machine cost tenths of a second. */
const lateFromMs = 2_000;

export function watchEventLoop({ stuckAfterMs, clock = systemClock }: EventLoopOptions): EventLoop {
  let lagMs = 0;
  /** When the first of a row of late turns ended: one long sleep, as of a machine that was suspended, is no row. */
  let lateSince: number | undefined;
  let cancel = () => {};
  const arm = () => {
    const due = clock.now() + tickMs;
    cancel = clock.after(tickMs, () => {
      lagMs = Math.max(0, clock.now() - due);
      lateSince = lagMs < lateFromMs ? undefined : (lateSince ?? clock.now());
      arm();
    });
  };
  arm();
  return {
    isStuck: () => stuckAfterMs > 0 && lateSince !== undefined && clock.now() - lateSince >= stuckAfterMs,
    lagMs: () => lagMs,
    stop: () => cancel(),
  };
}
