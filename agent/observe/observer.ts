/** Watches the agent from the outside: what its health and its metrics say. */
import type { Clock, Task } from '../../protocol/index.ts';
import type { Span, Tracing } from '../../protocol/tracing.ts';
import type { Health } from '../health.ts';
import type { Inbox } from '../inbox.ts';
import type { Logger } from '../logger.ts';
import type { Outcome } from '../run-task.ts';
import { watchEventLoop } from './event-loop.ts';
import type { Gate } from './gate.ts';
import { agentMetrics } from './metrics.ts';
import { createNotify } from './notify.ts';
import type { HealthState } from './readiness.ts';
import type { ObserveSettings } from './settings.ts';

export interface ObserverOptions {
  readonly name: string;
  readonly capacity: number;
  readonly settings: ObserveSettings;
  readonly clock: Clock;
  readonly inbox: Inbox;
  readonly state: HealthState;
  readonly logger: Logger;
  /** The process environment, for what others than us put there: systemd. */
  readonly env: NodeJS.ProcessEnv;
  readonly tracing: Tracing;
  /** What keeps it from taking tasks. */
  readonly gate: Gate;
  /** When the client certificate ends, in milliseconds since 1970; undefined: there is none. */
  readonly certificateEnds: () => number | undefined;
}

export interface Observer {
  /** What the health endpoints serve. */
  readonly health: Health;
  /** It runs, connected or not. */
  started(): void;
  /** It takes no more tasks and will end. */
  stopping(): void;
  /** The control plane has let us in. */
  connected(): void;
  disconnected(): void;
  /** It has given a sign of life. */
  readonly heard: () => void;
  /** A task was not taken. */
  readonly rejected: (why: string) => void;
  /** Places in a script's output that were masked. */
  readonly redacted: (places: number) => void;
  /** Runs a task, and measures it; the span is the task's part of a trace. */
  task(task: Task, run: (span: Span) => Promise<Outcome>): Promise<Outcome>;
  close(): void;
}

export function createObserver(options: ObserverOptions): Observer {
  const { state, inbox, clock, settings, name, capacity, logger, env, tracing, gate } = options;
  const loop = watchEventLoop(settings);
  const isStuck = () => loop.isStuck();
  const failed = (problem: string) => logger.warn({ problem }, 'systemd cannot be told how this delegate is');
  const notify = createNotify({ env, isStuck, failed });
  let syntheticFailure: string | undefined;
  const load = () => ({ running: inbox.running().length, capacity, draining: inbox.draining });
  const metrics = agentMetrics({
    name,
    compatible: settings.compatibleMetrics,
    look: () => ({
      ...load(),
      connected: state.registered,
      draining: state.draining || inbox.draining,
      silenceMs: clock.now() - state.lastHeardAt,
      lagMs: loop.lagMs(),
      aboveThreshold: gate.looksAtLoad ? gate.overload() !== undefined : undefined,
      certificateEnds: options.certificateEnds(),
    }),
  });
  const noteSynthetic = (outcome: Outcome) => {
    // One that was called off says nothing.
    if (!outcome.ok && outcome.reason !== 'cancelled')
      syntheticFailure = `the last synthetic task failed: ${outcome.reason}`;
    metrics.syntheticEnded(outcome);
  };
  return {
    health: {
      state,
      now: () => clock.now(),
      load,
      overload: () => gate.overload(),
      graceMs: settings.graceMs,
      isStuck,
      metrics: () => metrics.text(),
      syntheticFailure: () => syntheticFailure,
    },
    started: notify.ready,
    stopping: notify.stopping,
    connected() {
      state.registered = true;
      state.lastRegisteredAt = state.lastHeardAt = clock.now();
      metrics.connected();
      notify.status('connected to the control plane');
    },
    disconnected() {
      if (!state.registered) return;
      state.lastRegisteredAt = clock.now();
      state.registered = false;
      // The next control plane, or this one with other settings, may not try.
      syntheticFailure = undefined;
      if (!state.draining) notify.status('not connected to the control plane; trying again');
    },
    heard() {
      state.lastHeardAt = clock.now();
    },
    rejected: why => metrics.rejected(why, why === 'at-capacity'),
    redacted: places => metrics.redacted(places),
    async task(task, run) {
      const began = clock.now();
      const { connector = '', template = '' } = task.subject ?? {};
      const facts = {
        'legate.attempt': task.attempt,
        'legate.connector': connector,
        'legate.template': template,
      };
      const span = tracing.start('task', task.traceparent, facts);
      let outcome: Outcome | undefined;
      try {
        outcome = await run(span);
        if (task.synthetic) noteSynthetic(outcome);
        else metrics.ended(outcome, clock.now() - began);
        if (outcome.ok) syntheticFailure = undefined;
        return outcome;
      } finally {
        span.end(outcome?.ok ? undefined : (outcome?.reason ?? 'internal'));
      }
    },
    close() {
      loop.stop();
      gate.stop();
      notify.close();
    },
  };
}
