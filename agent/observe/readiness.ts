/** Does this delegate take tasks? Named checks, so that a probe can leave one out. */

/** The agent's state as far as health is concerned. */
export interface HealthState {
  /** The control plane has answered our hello on the present connection. */
  registered: boolean;
  draining: boolean;
  /** When it was last registered, or when the agent started; on the injected clock. */
  lastRegisteredAt: number;
  /** When the control plane last gave a sign of life, or when the agent started; on the injected clock. */
  lastHeardAt: number;
  /** How it is connected; left out: by a websocket. */
  transport?: 'websocket' | 'polling';
}

/** What there is to know, besides the state, about taking tasks. */
export interface Readiness {
  readonly state: HealthState;
  readonly now: () => number;
  /** How many tasks run, of how many, and whether more are taken. */
  readonly load: () => { readonly running: number; readonly capacity: number; readonly draining: boolean };
  /** Too little memory or CPU is left for another task, in words. */
  readonly overload?: () => string | undefined;
  /** Why the last synthetic task failed; undefined where it did not, or where there was none. */
  readonly syntheticFailure?: () => string | undefined;
}

/**
 * Each side pings every 15 s, so that a connection that brings nothing for longer is on its way to be given up. A
 * long poll is answered after 25 s at the latest.
 */
const silentAfterMs = { websocket: 20_000, polling: 50_000 } as const;

export function isSilent({ state, now }: Pick<Readiness, 'state' | 'now'>): boolean {
  return now() - state.lastHeardAt >= silentAfterMs[state.transport ?? 'websocket'];
}

/** For each check why it fails, in words; undefined: it does not. The one that matters most is the first. */
export function readinessChecks(about: Readiness): Record<string, string | undefined> {
  const { state, load, overload = () => undefined, syntheticFailure = () => undefined } = about;
  const { running, capacity, draining } = load();
  return {
    draining: state.draining || draining ? 'draining: finishing what runs, taking no more tasks' : undefined,
    connection: state.registered ? undefined : 'not connected to the control plane',
    heartbeat:
      state.registered && isSilent(about)
        ? `the control plane has given no sign of life for ${Math.floor((about.now() - state.lastHeardAt) / 1_000)} s`
        : undefined,
    capacity: running < capacity ? overload() : `full: ${running} of ${capacity} tasks are running`,
    synthetic: syntheticFailure(),
  };
}
