/** What keeps a delegate from taking any task: its settings, or its load. */
import type { Clock } from '../../protocol/index.ts';
import type { Rejection } from '../inbox.ts';
import type { ObserveSettings } from './settings.ts';
import { watchThreshold } from './threshold.ts';

export interface Gate {
  /** Why no task is taken now. */
  readonly closed: () => Rejection | undefined;
  /** In words; undefined: load does not keep it from taking tasks. */
  readonly overload: () => string | undefined;
  /** Is load looked at? */
  readonly looksAtLoad: boolean;
  stop(): void;
}

export function createGate({ blockShell, thresholds }: ObserveSettings, clock: Clock): Gate {
  const threshold = thresholds && watchThreshold(thresholds, clock);
  const overload = () => threshold?.above();
  return {
    looksAtLoad: threshold !== undefined,
    overload,
    closed() {
      // The control plane knows from our hello; whoever asks all the same is told.
      if (blockShell) return { why: 'refused', detail: 'this delegate is set to run no shell tasks' };
      const detail = overload();
      return detail === undefined ? undefined : { why: 'at-capacity', detail };
    },
    stop: () => threshold?.stop(),
  };
}
