/** Watches the agent from the outside: what its health and its metrics say. */
import type { Clock, Task } from '../../protocol/index.ts';
import type { Health } from '../health.ts';
import type { Inbox } from '../inbox.ts';
import type { Outcome } from '../run-task.ts';
import { watchEventLoop } from './event-loop.ts';
import { agentMetrics } from './metrics.ts';
import type { HealthState } from './readiness.ts';
import type { ObserveSettings } from './settings.ts';

export interface ObserverOptions {
  readonly name: string;
  readonly capacity: number;
  readonly settings: ObserveSettings;
  readonly clock: Clock;
  readonly inbox: Inbox;
  readonly state: HealthState;
}

export interface Observer {
  /** What the health endpoints serve. */
  readonly health: Health;
  /** The control plane has let us in. */
  connected(): void;
  disconnected(): void;
  /** It has given a sign of life. */
  heard(): void;
  /** A task was not taken. */
  rejected(why: string): void;
  /** Places in a script's output that were masked. */
  redacted(places: number): void;
  /** Runs a task, and measures it. */
  task(task: Task, run: () => Promise<Outcome>): Promise<Outcome>;
  close(): void;
}

export function createObserver(options: ObserverOptions): Observer {
  const { state, inbox, clock, settings, name, capacity } = options;
  const loop = watchEventLoop(settings);
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
      aboveThreshold: undefined,
    }),
  });
  return {
    health: {
      state,
      now: () => clock.now(),
      load,
      graceMs: settings.graceMs,
      isStuck: () => loop.isStuck(),
      metrics: () => metrics.text(),
      syntheticFailure: () => syntheticFailure,
    },
    connected() {
      state.registered = true;
      state.lastRegisteredAt = state.lastHeardAt = clock.now();
      metrics.connected();
    },
    disconnected() {
      if (state.registered) state.lastRegisteredAt = clock.now();
      state.registered = false;
    },
    heard() {
      state.lastHeardAt = clock.now();
    },
    rejected: why => metrics.rejected(why, false),
    redacted: places => metrics.redacted(places),
    async task(_task, run) {
      const began = clock.now();
      const outcome = await run();
      metrics.ended(outcome, clock.now() - began);
      return outcome;
    },
    close: () => loop.stop(),
  };
}
