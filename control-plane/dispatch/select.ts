/** Which delegate gets a task, and if none does, why not: pure functions over the roster. */
import { missingSelectors } from '../domain/selectors.ts';
import type { Link } from './link.ts';
import { absentTags, type Roster } from './roster.ts';

/** What a task asks of a delegate. */
export interface Demand {
  readonly selectors: readonly string[];
  readonly shell: string;
}

/** Why one delegate can't take a task. */
export interface WhyNot {
  readonly delegate: string;
  /** Missing where no instance is connected. */
  readonly instance?: string;
  readonly why:
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
  const fitting = roster.links().filter(link => !tried.has(link) && !unfit(link, demand));
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
    return { ...about, ...(unfit(link, demand) ?? tried.get(link) ?? full) };
  });
  const absent = roster.absent().map((delegate): WhyNot => {
    const missing = missingSelectors(demand.selectors, absentTags(delegate));
    const gone = delegate.since ? `disconnected since ${delegate.since}` : 'disconnected';
    return {
      delegate: delegate.name,
      why: 'DISCONNECTED',
      detail: missing.length > 0 ? `${gone}; it would also lack ${quoted(missing)}` : gone,
    };
  });
  return [...present, ...absent];
}

function unfit(link: Link, { selectors, shell }: Demand): Verdict | undefined {
  const missing = missingSelectors(selectors, link.tagSet);
  if (missing.length > 0) return { why: 'SELECTOR_MISMATCH', detail: `its tags lack ${quoted(missing)}` };
  if (!link.shells.includes(shell))
    return { why: 'SHELL_BLOCKED', detail: `it does not run ${shell} scripts` };
  if (link.draining) return { why: 'DRAINING', detail: 'it is draining and takes no more tasks' };
  return undefined;
}

const quoted = (names: readonly string[]) => names.map(name => `"${name}"`).join(', ');
