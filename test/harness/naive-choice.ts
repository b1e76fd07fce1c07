/** The choice as one would write it down first: every delegate is looked at, every rule in its own line. */
import type { Demand } from '../../control-plane/dispatch/demand.ts';
import type { Link } from '../../control-plane/dispatch/link.ts';
import type { Roster } from '../../control-plane/dispatch/roster.ts';
import type { Choice } from '../../control-plane/dispatch/select.ts';
import type { Tried } from '../../control-plane/dispatch/why-not.ts';
import { isWithin } from '../../control-plane/domain/scope.ts';
import { missingSelectors } from '../../control-plane/domain/selectors.ts';

/** Whoever may be chosen: an equal chance for each. Or none, and whether one that fits is busy. */
export function naiveEquals(roster: Roster, demand: Demand, tried: Tried): { equals: Link[]; busy: boolean } {
  const holdOf = (link: Link) => roster.record.hold(demand.route, link);
  const fitting = roster
    .links()
    .filter(link => isWithin(demand.owner, link.scope))
    .filter(link => roster.isAllowed(link.name))
    .filter(link => missingSelectors(demand.selectors, link.tagSet).length === 0)
    .filter(link => link.shells.includes(demand.shell))
    .filter(link => !link.draining)
    .filter(link => !tried.has(link))
    .filter(link => holdOf(link)?.trying !== false);
  const free = fitting.filter(link => link.running < link.capacity && !holdOf(link));
  const load = (link: Link) => link.running / link.capacity;
  const least = Math.min(...free.map(load));
  const best = free.filter(link => load(link) === least);
  const proven = roster.record.proven(demand.route, best);
  return { equals: proven.length > 0 ? proven : best, busy: fitting.length > 0 };
}

/** As `choose`. */
export function naiveChoice(roster: Roster, demand: Demand, tried: Tried, random: () => number): Choice {
  const { equals, busy } = naiveEquals(roster, demand, tried);
  const link = equals[Math.min(equals.length - 1, Math.floor(random() * equals.length))];
  if (link) return { kind: 'chosen', link };
  return { kind: busy ? 'busy' : 'none' };
}
