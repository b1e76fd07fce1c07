/** What the agent counts and measures, as Prometheus reads it; docs/metrics.md lists it, and a test compares. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Outcome } from '../run-task.ts';
import { agentVersion } from '../version.ts';
import { compatibleMetrics } from './compatible-metrics.ts';

/** What is looked at whenever somebody asks. */
export interface Observed {
  readonly running: number;
  readonly capacity: number;
  readonly connected: boolean;
  readonly draining: boolean;
  /** Since the control plane's last sign of life. */
  readonly silenceMs: number;
  readonly lagMs: number;
  /** Undefined: load does not keep this delegate from taking tasks. */
  readonly aboveThreshold: boolean | undefined;
  /** Milliseconds since 1970; undefined: it has no client certificate. */
  readonly certificateEnds: number | undefined;
}

export interface MetricsOptions {
  readonly name: string;
  /** Also under the names that Harness' dashboards know. */
  readonly compatible: boolean;
  readonly look: () => Observed;
}

export interface AgentMetrics {
  connected(): void;
  rejected(why: string, overloaded: boolean): void;
  /** `tookMs`: from its acceptance to its outcome. */
  ended(outcome: Outcome, tookMs: number): void;
  syntheticEnded(outcome: Outcome): void;
  redacted(places: number): void;
  text(): Promise<{ contentType: string; text: string }>;
}

/** From a script that reads a file to one that waits for a store: seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];

/** `succeeded`, or why it failed: a word of the protocol's list. */
export const outcomeOf = (outcome: Outcome) => (outcome.ok ? 'succeeded' : outcome.reason);

export function agentMetrics({ name, compatible, look }: MetricsOptions): AgentMetrics {
  const registry = new Registry();
  // The finest resolution would wake an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const counters = agentCounters(registry);
  const also = compatible ? compatibleMetrics(registry, name, look) : undefined;
  stateGauges(registry, look);
  return {
    connected: () => counters.connections.inc(),
    rejected(why, overloaded) {
      counters.rejected.inc({ why });
      if (overloaded) also?.rejected();
    },
    ended(outcome, tookMs) {
      const labels = { outcome: outcomeOf(outcome) };
      counters.tasks.observe(labels, tookMs / 1_000);
      also?.ended(labels.outcome, tookMs / 1_000);
      // No script ran for it.
      if (outcome.ok && outcome.ageMs !== undefined) return counters.shared.inc();
      counters.scripts.observe(labels, outcome.durationMs / 1_000);
      counters.overhead.observe(Math.max(0, tookMs - outcome.durationMs) / 1_000);
    },
    syntheticEnded: outcome => counters.synthetic.inc({ outcome: outcomeOf(outcome) }),
    redacted: places => counters.redactions.inc(places),
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function agentCounters(registry: Registry) {
  const registers = [registry];
  return {
    connections: new Counter({
      registers,
      name: 'legate_agent_connections_total',
      help: 'How often the control plane has let this process in',
    }),
    rejected: new Counter({
      registers,
      name: 'legate_agent_tasks_rejected_total',
      help: 'Tasks that were not taken, by why',
      labelNames: ['why'],
    }),
    tasks: new Histogram({
      registers,
      name: 'legate_agent_task_duration_seconds',
      help: 'From the acceptance of a task to its outcome, by outcome',
      labelNames: ['outcome'],
      buckets,
    }),
    scripts: new Histogram({
      registers,
      name: 'legate_agent_script_duration_seconds',
      help: 'How long the script itself ran, by outcome',
      labelNames: ['outcome'],
      buckets,
    }),
    overhead: new Histogram({
      registers,
      name: 'legate_agent_task_overhead_seconds',
      help: 'What of a task was not its script: opening inputs, starting a shell, reaching a host',
      buckets,
    }),
    shared: new Counter({
      registers,
      name: 'legate_agent_tasks_shared_total',
      help: 'Tasks whose value came from the run of another task, one that went on or a kept one',
    }),
    synthetic: new Counter({
      registers,
      name: 'legate_agent_synthetic_tasks_total',
      help: 'Synthetic tasks of the control plane, by outcome',
      labelNames: ['outcome'],
    }),
    redactions: new Counter({
      registers,
      name: 'legate_agent_redactions_total',
      help: 'Places in error output and details that were masked before they left',
    }),
  };
}

function stateGauges(registry: Registry, look: () => Observed): void {
  const gauge = (name: string, help: string, value: (now: Observed) => number) =>
    new Gauge({
      registers: [registry],
      name: `legate_agent_${name}`,
      help,
      collect() {
        this.set(value(look()));
      },
    });
  gauge('connected', '1: registered with the control plane', now => Number(now.connected));
  gauge('draining', '1: takes no more tasks', now => Number(now.draining));
  gauge(
    'client_certificate_expiry_timestamp_seconds',
    'When the client certificate ends, in seconds since 1970; 0: there is none',
    now => (now.certificateEnds ?? 0) / 1_000,
  );
  gauge('tasks_running', 'Tasks that run now', now => now.running);
  gauge('task_capacity', 'Tasks that may run at once', now => now.capacity);
  gauge('silence_seconds', "Since the control plane's last sign of life", now => now.silenceMs / 1_000);
  gauge('event_loop_lag_seconds', "How late the event loop's last turn was", now => now.lagMs / 1_000);
  const info = new Gauge({
    registers: [registry],
    name: 'legate_agent_build_info',
    help: 'Always 1; the label says which version this is',
    labelNames: ['version'],
  });
  info.set({ version: agentVersion }, 1);
}
