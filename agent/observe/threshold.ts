/** Keeps a delegate from taking tasks while it has too little memory or CPU left (DYNAMIC_REQUEST_HANDLING). */
import { type Clock, every } from '../../protocol/index.ts';
import { type Usage, usageMeter } from './load.ts';

/** Percent. */
export interface Thresholds {
  readonly memory: number;
  readonly cpu: number;
}

export interface Threshold {
  /** Why no task is taken now; undefined: tasks are taken. */
  above(): string | undefined;
  stop(): void;
}

const periodMs = 2_000;

export function watchThreshold(
  thresholds: Thresholds,
  clock: Clock,
  look: () => Usage = usageMeter(),
): Threshold {
  const words = (): string | undefined => {
    const usage = look();
    for (const what of ['memory', 'cpu'] as const) {
      const percent = Math.round(usage[what] ?? 0);
      if (percent > thresholds[what]) return `${what} is at ${percent} %, above ${thresholds[what]} %`;
    }
    return undefined;
  };
  let above = words();
  const stop = every(clock, periodMs, () => {
    above = words();
  });
  return { above: () => above, stop };
}
