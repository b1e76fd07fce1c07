/** The settings of health, metrics and load. */
import { type Found, integer, oneOf } from '../setting-values.ts';
import type { Thresholds } from './threshold.ts';

export interface ObserveSettings {
  /** How long a connection may be lost until health says so; 0: for ever. */
  readonly graceMs: number;
  /** How long the event loop may be late all the time until the process counts as stuck; 0: for ever. */
  readonly stuckAfterMs: number;
  /** Serve metrics under Harness' names too. */
  readonly compatibleMetrics: boolean;
  /** Run no scripts: a delegate that is only shown. */
  readonly blockShell: boolean;
  /** Above these no task is taken; undefined: load is no reason. */
  readonly thresholds: Thresholds | undefined;
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
  blockShell: {
    name: 'LEGATE_BLOCK_SHELL',
    aliases: ['BLOCK_SHELL_TASK'],
    flag: '--block-shell <true|false>',
    help: 'take no tasks that run a shell, which is all of them (default: false)',
  },
  dynamicRequests: {
    name: 'LEGATE_DYNAMIC_REQUESTS',
    aliases: ['DYNAMIC_REQUEST_HANDLING'],
    flag: '--dynamic-requests <true|false>',
    help: 'take no tasks while memory or CPU is above its threshold (default: false)',
  },
  memoryThreshold: {
    name: 'LEGATE_MEMORY_THRESHOLD',
    aliases: ['DELEGATE_RESOURCE_THRESHOLD'],
    flag: '--memory-threshold <percent>',
    help: 'percent of memory in use above which it takes no tasks (default: 80)',
  },
  cpuThreshold: {
    name: 'LEGATE_CPU_THRESHOLD',
    aliases: ['DELEGATE_CPU_THRESHOLD'],
    flag: '--cpu-threshold <percent>',
    help: 'percent of CPU in use above which it takes no tasks (default: as for memory)',
  },
} as const;

export function observeSettings(
  read: (key: keyof typeof observeTable) => Found | undefined,
): ObserveSettings {
  const memory = integer(read('memoryThreshold'), 80, 1, 100);
  const cpu = integer(read('cpuThreshold'), memory, 1, 100);
  return {
    graceMs: integer(read('healthGrace'), 300, 0, 604_800) * 1_000,
    stuckAfterMs: integer(read('stuckAfter'), 30, 0, 3_600) * 1_000,
    compatibleMetrics: oneOf(read('compatibleMetrics'), ['on', 'off'], 'on') === 'on',
    blockShell: isTrue(read('blockShell')),
    thresholds: isTrue(read('dynamicRequests')) ? { memory, cpu } : undefined,
  };
}

const isTrue = (found: Found | undefined) => oneOf(found, ['true', 'false'], 'false') === 'true';
