/** How fast delegates are let in: after a restart all of them come at once. */
import { type Clock, mostDelayMs } from '../../protocol/index.ts';

export interface Pace {
  /** 0: it is let in. Else it is to come back after so many milliseconds. */
  delayMs(): number;
}

/**
 * Lets in `perSecond` delegates a second, and a tenth of that at once. Whoever comes too soon is given a turn, one after
 * the other, so that they come back as fast as they are let in, and not all at once again. Turns that are further away than
 * a delay may be long are given to nobody yet.
 */
export function admissionPace(perSecond: number, clock: Clock): Pace {
  const most = Math.max(1, Math.ceil(perSecond / 10));
  const betweenMs = 1_000 / perSecond;
  let free = most;
  let counted = clock.now();
  let nextTurn = counted;
  return {
    delayMs() {
      const now = clock.now();
      free = Math.min(most, free + (now - counted) / betweenMs);
      counted = now;
      if (free >= 1) {
        free -= 1;
        return 0;
      }
      const turn = Math.max(nextTurn, now) + betweenMs;
      if (turn - now > mostDelayMs) return mostDelayMs;
      nextTurn = turn;
      return Math.ceil(nextTurn - now);
    },
  };
}
