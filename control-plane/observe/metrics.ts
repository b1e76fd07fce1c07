/** What the control plane counts and measures, as Prometheus reads it; docs/metrics.md lists it, and a test compares. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../../protocol/index.ts';
import type { DispatchEvent, Dispatcher } from '../dispatch/dispatcher.ts';
import type { Roster } from '../dispatch/roster.ts';
import { serverVersion } from '../version.ts';
import { delegateGauges } from './delegate-gauges.ts';

export interface ServerMetrics {
  /** From now on, who is connected is looked up there. */
  watch(roster: Roster): void;
  /** From now on, when the listener's certificate ends is looked up there: milliseconds since 1970. */
  watchCertificate(ends: () => number | undefined): void;
  /** As the given one; what it does is measured. */
  measured(dispatch: Dispatcher, clock: Clock): Dispatcher;
  request(method: string, route: string, status: number, durationMs: number): void;
  joined(): void;
  left(): void;
  readonly refused: (code: number) => void;
  auditFailed(): void;
  readonly synthetic: (outcome: string, durationMs: number) => void;
  text(): Promise<{ contentType: string; text: string }>;
}

/** From an answer out of memory to a script that waits for a store: seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];

export function serverMetrics(): ServerMetrics {
  const registry = new Registry();
  // The finest resolution would wake an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const counted = counters(registry);
  const measured = histograms(registry);
  const info = new Gauge({
    registers: [registry],
    name: 'legate_build_info',
    help: 'Always 1; the label says which version this is',
    labelNames: ['version'],
  });
  info.set({ version: serverVersion }, 1);
  const noted = { ...measured, noneEligible: () => counted.noneEligible.inc() };
  return {
    watch: roster => delegateGauges(registry, roster),
    watchCertificate(ends) {
      new Gauge({
        registers: [registry],
        name: 'legate_certificate_expiry_timestamp_seconds',
        help: "When the listener's certificate ends, in seconds since 1970; 0: it has none",
        collect() {
          this.set((ends() ?? 0) / 1_000);
        },
      });
    },
    measured: (dispatch, clock) => request => measuredRun(dispatch(request), clock, noted),
    request: (method, route, status, durationMs) =>
      measured.requests.observe(
        { method, route, status: `${Math.floor(status / 100)}xx` },
        durationMs / 1_000,
      ),
    joined: () => counted.joins.inc(),
    left: () => counted.disconnected.inc(),
    refused: code => counted.refusals.inc({ code }),
    auditFailed: () => counted.auditFailures.inc(),
    synthetic: (outcome, durationMs) => measured.synthetic.observe({ outcome }, durationMs / 1_000),
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function counters(registry: Registry) {
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ registers: [registry], name, help, labelNames });
  return {
    joins: counter('legate_delegate_connections_total', 'Connections of delegates that were let in'),
    refusals: counter(
      'legate_delegate_refusals_total',
      'Connections of delegates that were refused, by close code',
      'code',
    ),
    auditFailures: counter(
      'legate_audit_failures_total',
      'Writes of the audit trail that failed; what was to be recorded was refused',
    ),
    disconnected: counter('delegate_disconnected', 'Connections of delegates that ended'),
    noneEligible: counter(
      'delegate_task_no_eligible_delegates',
      'Tasks that failed as no delegate was eligible',
    ),
  };
}

type Histograms = ReturnType<typeof histograms>;

function histograms(registry: Registry) {
  const histogram = (name: string, help: string, ...labelNames: string[]) =>
    new Histogram({ registers: [registry], name, help, labelNames, buckets });
  return {
    tasks: histogram(
      'legate_task_duration_seconds',
      'From the plan of a task to its end, all attempts together, by outcome',
      'outcome',
    ),
    queue: histogram(
      'legate_task_queue_seconds',
      'From the plan of a task until a delegate first accepted it',
    ),
    execution: histogram(
      'legate_task_execution_seconds',
      'From the last acceptance of a task to its end, by outcome',
      'outcome',
    ),
    synthetic: histogram(
      'legate_synthetic_duration_seconds',
      'Synthetic round trips, sealed value included, by outcome',
      'outcome',
    ),
    requests: histogram(
      'legate_http_request_duration_seconds',
      'Requests to the API until they were answered, by route and class of status',
      'method',
      'route',
      'status',
    ),
  };
}

/** Passes on the events of a task. One that nobody reads to its end was abandoned. */
async function* measuredRun(
  events: AsyncIterable<DispatchEvent>,
  clock: Clock,
  noted: Pick<Histograms, 'tasks' | 'queue' | 'execution'> & { readonly noneEligible: () => void },
): AsyncGenerator<DispatchEvent, void, void> {
  const began = clock.now();
  let acceptedAt: number | undefined;
  let outcome = 'abandoned';
  try {
    for await (const event of events) {
      if (event.event === 'accepted') {
        if (acceptedAt === undefined) noted.queue.observe((clock.now() - began) / 1_000);
        acceptedAt = clock.now();
      }
      if (event.event === 'succeeded') outcome = 'succeeded';
      if (event.event === 'failed') outcome = event.failure.reason;
      yield event;
    }
  } finally {
    noted.tasks.observe({ outcome }, (clock.now() - began) / 1_000);
    if (acceptedAt !== undefined) noted.execution.observe({ outcome }, (clock.now() - acceptedAt) / 1_000);
    if (outcome === 'no-eligible-delegate') noted.noneEligible();
  }
}
