/** The same facts under the names, types and labels that dashboards for Harness' delegate look for. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Observed } from './metrics.ts';

export interface CompatibleMetrics {
  /** A task was refused because of load. */
  rejected(): void;
  ended(outcome: string, seconds: number): void;
}

const prefix = 'io_harness_custom_metric';
/** What Harness calls the one kind of task there is here. */
const taskType = 'FETCH_CUSTOM_SECRET';

export function compatibleMetrics(registry: Registry, name: string, look: () => Observed): CompatibleMetrics {
  const registers = [registry];
  const whose = { delegate_name: name };
  const what = { ...whose, task_type: taskType };
  const counter = (suffix: string, help: string) => {
    const made = new Counter({
      registers,
      name: `${prefix}_${suffix}_total`,
      help,
      labelNames: ['delegate_name', 'task_type'],
    });
    // There from the start: an alert on its growth has something to begin with.
    made.inc(what, 0);
    return made;
  };
  const state = (suffix: string, help: string, value: (now: Observed) => number) =>
    new Gauge({
      registers,
      name: `${prefix}_${suffix}`,
      help,
      labelNames: ['delegate_name'],
      collect() {
        this.set(whose, value(look()));
      },
    });
  const last = new Gauge({
    registers,
    name: `${prefix}_task_execution_time`,
    help: 'Seconds that the last task took',
    labelNames: ['delegate_name', 'task_type'],
  });
  const completed = counter('task_completed', 'Tasks that succeeded');
  const failed = counter('task_failed', 'Tasks that ended otherwise');
  const timedOut = counter('task_timeout', 'Tasks that ran out of time');
  state('tasks_currently_executing', 'Tasks that run now', now => now.running);
  state('delegate_connected', '1: registered with the control plane', now => Number(now.connected));
  const rejected = look().aboveThreshold === undefined ? undefined : overload(registry, whose, state);
  return {
    rejected: () => rejected?.inc(whose),
    ended(outcome, seconds) {
      last.set(what, seconds);
      (outcome === 'succeeded' ? completed : failed).inc(what);
      if (outcome === 'timed-out') timedOut.inc(what);
    },
  };
}

/** These two exist only where load may keep a delegate from taking tasks. */
function overload(
  registry: Registry,
  whose: { readonly delegate_name: string },
  state: (suffix: string, help: string, value: (now: Observed) => number) => unknown,
) {
  for (const suffix of [
    'resource_consumption_above_threshold',
    'delegate_resource_consumption_above_threshold',
  ])
    state(suffix, '1: memory or CPU is above the threshold', now => Number(now.aboveThreshold));
  const rejected = new Counter({
    registers: [registry],
    name: `${prefix}_task_rejected_total`,
    help: 'Tasks that were refused because of load',
    labelNames: ['delegate_name'],
  });
  rejected.inc(whose, 0);
  return rejected;
}
