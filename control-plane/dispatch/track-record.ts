/**
 * What came of a connector's tasks on each delegate lately: which one is known to work, and which one is passed
 * over for a while because it failed several times in a row. Bounded; the oldest is forgotten first.
 */
import { type Clock, type FailureReason, factsOf } from '../../protocol/index.ts';
import { keepLast } from './keep-last.ts';
import type { Link } from './link.ts';

/** `worked`: there was a value. `fine`: there was none, and not for the delegate's fault. */
export type Outcome = 'worked' | 'fine' | 'unknown' | { readonly fault: FailureReason };

/** Why a delegate is passed over. */
export interface Hold {
  /** Cooling is over; one task is on its way to see. */
  readonly trying: boolean;
  /** Milliseconds until it gets a task again. */
  readonly remainingMs: number;
  readonly failures: number;
  readonly reason: FailureReason;
}

interface Failing {
  failures: number;
  /** When the last one that counts happened. */
  lastAt: number;
  reason: FailureReason;
  /** From the failure that was one too many on. */
  openUntil: number | undefined;
  coolMs: number;
  trying: boolean;
}

interface Route {
  readonly worked: Map<string, number>;
  readonly failing: Map<string, Failing>;
}

/** So many failures in a row, each at most `windowMs` after the one before, and a delegate is passed over. */
const mostFailures = 3;
const windowMs = 60_000;
/** What fails together, as when a connection breaks or this process was frozen, counts as one failure. */
const burstMs = 1_000;
const firstCoolMs = 30_000;
const longestCoolMs = 300_000;
/** How long a success makes a delegate preferred. */
const recentMs = 600_000;
const mostRoutes = 1_000;
const mostPerRoute = 100;

/** Failures that another delegate may not have: its own, its network's, or of what is installed there. */
const faults: ReadonlySet<FailureReason> = new Set([
  'delegate-lost',
  'internal',
  'protocol-error',
  'shell-missing',
  'working-directory-missing',
  'host-unreachable',
  'host-key-unknown',
  'host-channel-refused',
  'host-connection-lost',
] as const);
/** They say nothing about the delegate. What it refuses depends on the task. */
const unclear: ReadonlySet<FailureReason> = new Set([
  'cancelled',
  'timed-out',
  'rejected-by-delegate',
  'unresolved-input',
] as const);

/** What a failure says about the delegate that had it. */
export function outcomeOf(reason: FailureReason): Outcome {
  if (faults.has(reason)) return { fault: reason };
  return unclear.has(reason) ? 'unknown' : 'fine';
}

export class TrackRecord {
  readonly #routes = new Map<string, Route>();
  readonly #clock: Clock;
  readonly #onChange: (link: Link) => void;

  /** `onChange`: a delegate is passed over from now on, or not any more. */
  constructor(clock: Clock, onChange: (link: Link) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** A task has been started. The returned function takes what came of it; calling it again means nothing. */
  started(route: string, link: Link): (outcome: Outcome) => void {
    const failing = this.#routes.get(route)?.failing.get(link.id);
    const isTrial = failing?.openUntil !== undefined;
    if (failing && isTrial) failing.trying = true;
    let ended = false;
    return outcome => {
      if (ended) return;
      ended = true;
      if (failing && isTrial) failing.trying = false;
      if (typeof outcome === 'object') this.#failed(route, link, outcome.fault, isTrial);
      else if (outcome !== 'unknown') this.#fine(route, link, outcome === 'worked');
      if (isTrial) this.#onChange(link);
    };
  }

  /** Is it passed over? */
  hold(route: string, link: Link): Hold | undefined {
    const failing = this.#routes.get(route)?.failing.get(link.id);
    if (failing?.openUntil === undefined) return undefined;
    const { trying, failures, reason, openUntil } = failing;
    const remainingMs = Math.max(0, openUntil - this.#clock.now());
    return remainingMs > 0 || trying ? { trying, remainingMs, failures, reason } : undefined;
  }

  /** What a delegate is passed over for. */
  holdsOf(link: Link): { readonly route: string; readonly hold: Hold }[] {
    return [...this.#routes.keys()].flatMap(route => {
      const hold = this.hold(route, link);
      return hold ? [{ route, hold }] : [];
    });
  }

  /** False: `hold` need not be asked for any delegate. */
  hasFailures(route: string): boolean {
    return (this.#routes.get(route)?.failing.size ?? 0) > 0;
  }

  /** Those of `links` that have brought a value lately. */
  proven(route: string, links: readonly Link[]): Link[] {
    const worked = this.#routes.get(route)?.worked;
    if (!worked || worked.size === 0) return [];
    const since = this.#clock.now() - recentMs;
    return links.filter(({ id }) => (worked.get(id) ?? Number.NEGATIVE_INFINITY) > since);
  }

  /** In how many milliseconds the next delegate that is passed over gets a task again; undefined where none is. */
  nextTrialMs(route: string): number | undefined {
    const waits = [...(this.#routes.get(route)?.failing.values() ?? [])]
      .map(({ openUntil = 0 }) => openUntil - this.#clock.now())
      .filter(ms => ms > 0);
    return waits.length > 0 ? Math.min(...waits) : undefined;
  }

  #failed(route: string, link: Link, reason: FailureReason, isTrial: boolean): void {
    const { worked, failing } = this.#routeOf(route);
    worked.delete(link.id);
    const now = this.#clock.now();
    const before = failing.get(link.id);
    const isOpen = before?.openUntil !== undefined;
    const known = before && (isOpen || now - before.lastAt <= windowMs) ? before : undefined;
    const entry = known ?? {
      failures: 0,
      lastAt: -burstMs,
      reason,
      openUntil: undefined,
      coolMs: 0,
      trying: false,
    };
    entry.reason = reason;
    // Whatever began before it was passed over, and fails now, is no news.
    const isNews = isTrial || (entry.openUntil === undefined && (!known || now - entry.lastAt >= burstMs));
    if (isNews) {
      entry.failures += 1;
      entry.lastAt = now;
    }
    if (isNews && (isTrial || entry.failures >= mostFailures)) {
      entry.coolMs = Math.min(longestCoolMs, entry.coolMs * 2 || firstCoolMs);
      entry.openUntil = now + entry.coolMs;
    }
    keepLast(failing, link.id, entry, mostPerRoute);
    if (entry.openUntil !== undefined && !isOpen) this.#onChange(link);
  }

  #fine(route: string, { id }: Link, worked: boolean): void {
    const known = this.#routes.get(route);
    if (!worked) {
      known?.failing.delete(id);
      return;
    }
    const entry = known ?? this.#routeOf(route);
    entry.failing.delete(id);
    keepLast(entry.worked, id, this.#clock.now(), mostPerRoute);
  }

  #routeOf(route: string): Route {
    const entry = this.#routes.get(route) ?? { worked: new Map(), failing: new Map() };
    keepLast(this.#routes, route, entry, mostRoutes);
    return entry;
  }
}

/** In words, for a person. `now`: ISO 8601. */
export function describeHold({ trying, remainingMs, failures, reason }: Hold, now: string): string {
  const why = `it failed ${failures} times in a row for this connector (${reason}: ${factsOf(reason).explanation})`;
  if (trying) return `${why} and is being tried again now`;
  const until = new Date(Date.parse(now) + remainingMs).toISOString();
  return `${why} and is passed over until ${until}, for another ${Math.ceil(remainingMs / 1_000)} s`;
}
