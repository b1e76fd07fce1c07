/** The settings of health, metrics and load. */
import { type Found, integer, oneOf } from '../setting-values.ts';

export interface ObserveSettings {
  /** How long a connection may be lost until health says so; 0: for ever. */
  readonly graceMs: number;
  /** How long the event loop may be late all the time until the process counts as stuck; 0: for ever. */
  readonly stuckAfterMs: number;
  /** Serve metrics under Harness' names too. */
  readonly compatibleMetrics: boolean;
}

export const observeTable = {
  healthGrace: {
    name: 'LEGATE_HEALTH_GRACE',
    flag: '--health-grace <seconds>',
    help: 'how long a connection may be lost until /api/health fails; 0: it never does for that (default: 300)',
  },
  stuckAfter: {
    name: 'LEGATE_STUCK_AFTER',
    flag: '--stuck-after <seconds>',
    help: 'how long the event loop may be late at every turn until /livez fails; 0: it never does (default: 30)',
  },
  compatibleMetrics: {
    name: 'LEGATE_COMPATIBLE_METRICS',
    flag: '--compatible-metrics <on|off>',
    help: "serve metrics under the names of Harness' delegate too (default: on)",
  },
} as const;

export function observeSettings(
  read: (key: keyof typeof observeTable) => Found | undefined,
): ObserveSettings {
  return {
    graceMs: integer(read('healthGrace'), 300, 0, 604_800) * 1_000,
    stuckAfterMs: integer(read('stuckAfter'), 30, 0, 3_600) * 1_000,
    compatibleMetrics: oneOf(read('compatibleMetrics'), ['on', 'off'], 'on') === 'on',
  };
}
