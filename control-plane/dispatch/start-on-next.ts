/** Finds a delegate for an attempt, and waits for one where that may help. */
import type { Clock } from '../../protocol/index.ts';
import { type Demand, suits } from './demand.ts';
import type { Attempt, Link } from './link.ts';
import type { Roster } from './roster.ts';
import { choose } from './select.ts';
import type { Tried, Verdict } from './why-not.ts';

export interface Search {
  readonly roster: Roster;
  readonly clock: Clock;
  readonly random: () => number;
  readonly demand: Demand;
  /** Whose turn it takes where many wait. */
  readonly group: string;
  /** Until then one is waited for although none fits. */
  readonly waitUntil: number;
  readonly tried: ReadonlyMap<Link, Verdict>;
  /** Those that called themselves full although we count a free place there; emptied when it is time to ask again. */
  readonly full: Set<Link>;
}

/** An attempt that has begun. */
export interface Started {
  readonly link: Link;
  readonly running: Attempt;
}

/** `none`: there is none to wait for, or patience is over. `crowded`: too many wait already. */
export type Found = Started | 'none' | 'crowded';

/** After a delegate was lost, or gave the task back as it stops, how long another one, or the same one coming back, is waited for. */
const comeBackMs = 30_000;
/** When a delegate that called itself full is asked again. */
const askAgainMs = 200;
const fullVerdict: Verdict = { why: 'OVER_CAPACITY', detail: 'it says that it is full' };

/**
 * Starts an attempt on a delegate with a free place. Waits while those that fit are busy, and after a loss, or
 * where the caller asked for it, for one to come. Choosing and starting are one step: of many who wait for one
 * free place only one gets it.
 */
export async function startOnNext(
  search: Search,
  over: AbortSignal,
  start: (link: Link) => Attempt,
): Promise<Found> {
  const { roster, random, clock, demand, group, tried, full } = search;
  const left = [...tried.values()].some(({ why }) => why === 'LOST' || why === 'DRAINING');
  const patienceMs = Math.max(left ? comeBackMs : 0, search.waitUntil - clock.now());
  let patient = patienceMs > 0;

  const look = (): Started | 'none' | undefined => {
    const choice = choose(roster, demand, excluded(tried, full), random);
    if (choice.kind === 'chosen') return { link: choice.link, running: start(choice.link) };
    return choice.kind === 'busy' || full.size > 0 || patient ? undefined : 'none';
  };

  const found = over.aborted ? 'none' : look();
  if (found) return found;
  const { promise, resolve, reject } = Promise.withResolvers<Found>();
  const lookAgain = (): boolean => {
    full.clear();
    try {
      const now = look();
      if (now) resolve(now);
      return now !== undefined;
    } catch (error) {
      // Whoever told of the change has nothing to do with it.
      reject(error);
      return true;
    }
  };
  const leave = roster.waiting.enter({
    group,
    // Its saying that it is full frees the place that we counted: no reason to ask again at once.
    wants: link => suits(link, demand) && !tried.has(link) && !full.has(link),
    look: lookAgain,
  });
  if (!leave) return 'crowded';
  const later = (ms: number, then: () => void) =>
    clock.after(ms, () => {
      then();
      if (lookAgain()) leave();
    });
  const stops = [full.size > 0 ? later(askAgainMs, () => {}) : () => {}];
  if (patient) {
    stops.push(later(patienceMs, () => (patient = false)));
    // The end of a delegate's cooling is no change that anybody tells of.
    const nextTrialMs = roster.record.nextTrialMs(demand.route);
    if (nextTrialMs !== undefined) stops.push(later(nextTrialMs + 1, () => {}));
  }
  const end = () => resolve('none');
  over.addEventListener('abort', end, { once: true });
  try {
    return await promise;
  } finally {
    over.removeEventListener('abort', end);
    leave();
    for (const stop of stops) stop();
  }
}

/** Whom not to ask. */
export function excluded(tried: Tried, full: ReadonlySet<Link>): Tried {
  if (full.size === 0) return tried;
  return new Map([...tried, ...[...full].map(link => [link, fullVerdict] as const)]);
}
