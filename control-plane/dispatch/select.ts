/** Which delegate gets a task, and if none does, why not: pure functions over the roster. */
import { isWithin, type Scope } from '../domain/scope.ts';
import { missingSelectors } from '../domain/selectors.ts';
import type { Link } from './link.ts';
import { absentTags, type Roster } from './roster.ts';

/** What a task asks of a delegate. */
export interface Demand {
  /** Whose task it is. */
  readonly owner: Scope;
  readonly selectors: readonly string[];
  readonly shell: string;
}

/** Why one delegate can't take a task. */
export interface WhyNot {
  readonly delegate: string;
  /** Missing where no instance is connected. */
  readonly instance?: string;
  readonly why:
    | 'OWNER_MISMATCH'
    | 'NOT_APPROVED'
    | 'SELECTOR_MISMATCH'
    | 'SHELL_BLOCKED'
    | 'DRAINING'
    | 'OVER_CAPACITY'
    | 'DISCONNECTED'
    | 'REJECTED'
    | 'LOST';
  /** In words, for a person. */
  readonly detail: string;
}

/**
 * Links that have had their turn for this task, and what came of it. By link, not by instance: one that has
 * connected anew may be tried again.
 */
export type Tried = ReadonlyMap<Link, Verdict>;
export type Verdict = Pick<WhyNot, 'why' | 'detail'>;

export type Choice =
  | { readonly kind: 'chosen'; readonly link: Link }
  /** Some fit, but all of them are busy now. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'none' };

/** The least loaded of those that fit; among equals, a random one. */
export function choose(roster: Roster, demand: Demand, tried: Tried, random: () => number): Choice {
  const fitting = roster.links().filter(link => !tried.has(link) && !unfit(roster, link, demand));
  if (fitting.length === 0) return { kind: 'none' };
  const free = fitting.filter(link => link.running < link.capacity);
  if (free.length === 0) return { kind: 'busy' };
  const load = (link: Link) => link.running / link.capacity;
  const least = Math.min(...free.map(load));
  const candidates = free.filter(link => load(link) === least);
  const link = candidates[Math.min(candidates.length - 1, Math.floor(random() * candidates.length))];
  return link ? { kind: 'chosen', link } : { kind: 'none' };
}

/** For every known delegate, the first reason why it can't take the task. */
export function whyNot(roster: Roster, demand: Demand, tried: Tried): WhyNot[] {
  const present = roster.links().map((link): WhyNot => {
    const about = { delegate: link.name, instance: link.instance };
    const full = { why: 'OVER_CAPACITY' as const, detail: `all ${link.capacity} places are taken` };
    return { ...about, ...(unfit(roster, link, demand) ?? tried.get(link) ?? full) };
  });
  const absent = roster.absent().map((delegate): WhyNot => {
    const gone = delegate.since ? `disconnected since ${delegate.since}` : 'disconnected';
    const also = mismatch(roster, delegate, absentTags(delegate), demand)?.detail;
    return {
      delegate: delegate.name,
      why: 'DISCONNECTED',
      detail: also === undefined ? gone : `${gone}; also, ${also}`,
    };
  });
  return [...present, ...absent];
}

/** Every known delegate with what keeps it from the task, or nothing: what a person sees who asks beforehand. */
export function fits(
  roster: Roster,
  demand: Demand,
): (Omit<WhyNot, 'why'> & { why: WhyNot['why'] | undefined })[] {
  const blocked = whyNot(roster, demand, new Map());
  return blocked.map(entry =>
    entry.why === 'OVER_CAPACITY' ? { ...entry, why: undefined, detail: 'it matches' } : entry,
  );
}

/** Of the delegates that serve the owner, the one whose tags lack least; undefined where none lacks only tags. */
export function nearestMiss(
  roster: Roster,
  demand: Demand,
): { delegate: string; missing: readonly string[] } | undefined {
  const candidates = [
    ...roster.links().map(({ name, scope, tagSet: tags }) => ({ name, scope, tags })),
    ...roster.absent().map(delegate => ({ ...delegate, tags: absentTags(delegate) })),
  ]
    .filter(({ scope }) => isWithin(demand.owner, scope))
    .map(({ name, tags }) => ({ delegate: name, missing: missingSelectors(demand.selectors, tags) }))
    .filter(({ missing }) => missing.length > 0)
    .sort((a, b) => a.missing.length - b.missing.length);
  return candidates[0];
}

/** What is wrong with a delegate whether it is connected or not: owner before selectors. */
function mismatch(
  roster: Roster,
  { name, scope }: { readonly name: string; readonly scope: Scope },
  tags: ReadonlySet<string>,
  { owner, selectors }: Demand,
): Verdict | undefined {
  if (!isWithin(owner, scope))
    return { why: 'OWNER_MISMATCH', detail: `it serves ${scope}, and the connector is of ${owner}` };
  const status = roster.statusOf(name);
  if (status !== 'ENABLED')
    return {
      why: 'NOT_APPROVED',
      detail: status === 'DELETED' ? 'it was deleted' : 'it waits for approval',
    };
  const missing = missingSelectors(selectors, tags);
  if (missing.length > 0) return { why: 'SELECTOR_MISMATCH', detail: `its tags lack ${quoted(missing)}` };
  return undefined;
}

function unfit(roster: Roster, link: Link, demand: Demand): Verdict | undefined {
  const wrong = mismatch(roster, link, link.tagSet, demand);
  if (wrong) return wrong;
  const { shell } = demand;
  if (!link.shells.includes(shell))
    return { why: 'SHELL_BLOCKED', detail: `it does not run ${shell} scripts` };
  if (link.draining) return { why: 'DRAINING', detail: 'it is draining and takes no more tasks' };
  return undefined;
}

const quoted = (names: readonly string[]) => names.map(name => `"${name}"`).join(', ');
