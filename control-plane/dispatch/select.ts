/**
 * Which delegate gets a task: owner scope and selectors first, then one that has what it yields already, then least
 * loaded, then proven, then chance.
 */
import { isWithin } from '../domain/scope.ts';
import { fulfils } from '../domain/selectors.ts';
import { type Demand, isAble } from './demand.ts';
import type { Link } from './link.ts';
import type { Roster } from './roster.ts';
import type { Tried } from './why-not.ts';

export type Choice =
  | { readonly kind: 'chosen'; readonly link: Link }
  /** Some fit, but all of them are busy now. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'none' };

/** Of those that fit the least loaded; among equals one that has worked for this connector; then a random one. */
export function choose(roster: Roster, demand: Demand, tried: Tried, random: () => number): Choice {
  const holder = whereItRan(roster, demand, tried);
  if (holder) return { kind: 'chosen', link: holder };
  const { best, busy } = leastLoaded(roster, demand, tried);
  const proven = roster.record.proven(demand.route, best);
  const equals = proven.length > 0 ? proven : best;
  const link = equals[Math.min(equals.length - 1, Math.floor(random() * equals.length))];
  if (link) return { kind: 'chosen', link };
  return { kind: busy ? 'busy' : 'none' };
}

/** The delegate that has had, or is having, the same run, where it may have this one, too. */
function whereItRan(roster: Roster, demand: Demand, tried: Tried): Link | undefined {
  const { sameRun, owner, route, evenHeld } = demand;
  const id = sameRun === undefined ? undefined : roster.places.of(sameRun);
  const link = id === undefined ? undefined : roster.linkOf(id);
  if (!link || link.running >= link.capacity || !isWithin(owner, link.scope)) return undefined;
  if (!takes(roster, link, demand) || tried.has(link)) return undefined;
  return !evenHeld && roster.record.hold(route, link) ? undefined : link;
}

/** Whether it takes such a task, however busy it is; its scope has been looked at. */
function takes(roster: Roster, link: Link, demand: Demand): boolean {
  if (link.draining || !isAble(link, demand) || !fulfils(demand.selectors, link.tagSet)) return false;
  return roster.allAllowed || roster.isAllowed(link.name);
}

/** This is asked for every fetch, over every delegate that the index does not rule out. */
function leastLoaded(roster: Roster, demand: Demand, tried: Tried): { best: Link[]; busy: boolean } {
  const { sets, distinct } = roster.candidates(demand);
  const { route } = demand;
  const { record } = roster;
  const hasFailures = !demand.evenHeld && record.hasFailures(route);
  const seen = distinct ? undefined : new Set<Link>();
  let best: Link[] = [];
  let least = Number.POSITIVE_INFINITY;
  let busy = false;
  for (const set of sets) {
    for (const link of set) {
      const load = link.running < link.capacity ? link.running / link.capacity : 1;
      // Most of them are worse than what was found already; but whether one is busy has to be known.
      if (load > least || (load === 1 && busy)) continue;
      if (!takes(roster, link, demand) || tried.has(link)) continue;
      if (seen?.has(link)) continue;
      seen?.add(link);
      const hold = hasFailures ? record.hold(route, link) : undefined;
      if (hold && !hold.trying) continue;
      if (hold || load === 1) {
        busy = true;
        continue;
      }
      if (load < least) best = [];
      least = load;
      best.push(link);
    }
  }
  return { best, busy };
}
