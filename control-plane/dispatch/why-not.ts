/** Per delegate, why it can't take a task, and which one comes nearest: for people. */
import { isWithin, type Scope } from '../domain/scope.ts';
import { describeMissing, missingSelectors, selectorDistance } from '../domain/selectors.ts';
import type { Demand } from './demand.ts';
import type { Link } from './link.ts';
import { absentTags, type Roster } from './roster.ts';
import { describeHold } from './track-record.ts';

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
    | 'TASK_TYPE_UNSUPPORTED'
    | 'DRAINING'
    | 'OVER_CAPACITY'
    | 'CIRCUIT_OPEN'
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

/** May a person hear of a delegate of this scope, which does not serve the owner of the task? */
export type MayKnow = (scope: Scope) => boolean;

/** For every known delegate, the first reason why it can't take the task. */
export function whyNot(
  roster: Roster,
  demand: Demand,
  tried: Tried,
  mayKnow: MayKnow = () => true,
): WhyNot[] {
  const known = ({ scope }: { readonly scope: Scope }) => isWithin(demand.owner, scope) || mayKnow(scope);
  const present = roster
    .links()
    .filter(known)
    .map((link): WhyNot => {
      const about = { delegate: link.name, instance: link.instance };
      const full = { why: 'OVER_CAPACITY' as const, detail: `all ${link.capacity} places are taken` };
      const verdict = unfit(roster, link, demand) ?? tried.get(link) ?? held(roster, link, demand) ?? full;
      return { ...about, ...verdict };
    });
  const absent = roster
    .absent()
    .filter(known)
    .map((delegate): WhyNot => {
      const gone = delegate.since ? `disconnected since ${delegate.since}` : 'disconnected';
      const also =
        mismatch(roster, delegate, absentTags(delegate), demand)?.detail ??
        describeDrain(roster.drainedAt(delegate.name));
      return {
        delegate: delegate.name,
        why: 'DISCONNECTED',
        detail: also === undefined ? gone : `${gone}; also, ${also}`,
      };
    });
  return [...present, ...absent];
}

/** So many delegates a failure lists. */
const mostListed = 100;
/** From what passes by itself to what never fits. */
const nearestFirst: readonly WhyNot['why'][] = [
  'OVER_CAPACITY',
  'LOST',
  'REJECTED',
  'CIRCUIT_OPEN',
  'DRAINING',
  'NOT_APPROVED',
  'SHELL_BLOCKED',
  'TASK_TYPE_UNSUPPORTED',
  'DISCONNECTED',
  'SELECTOR_MISMATCH',
  'OWNER_MISMATCH',
];

/** As `whyNot`, where there are very many only those that came nearest. */
export function whyNotNearest(...about: Parameters<typeof whyNot>): {
  delegates: WhyNot[];
  delegatesLeftOut?: number;
} {
  const all = whyNot(...about);
  if (all.length <= mostListed) return { delegates: all };
  const rank = ({ why }: WhyNot) => nearestFirst.indexOf(why);
  const delegates = all.sort((a, b) => rank(a) - rank(b)).slice(0, mostListed);
  return { delegates, delegatesLeftOut: all.length - mostListed };
}

/** Every known delegate with what keeps it from the task, or nothing: what a person sees who asks beforehand. */
export function fits(
  roster: Roster,
  demand: Demand,
  mayKnow?: MayKnow,
): (Omit<WhyNot, 'why'> & { why: WhyNot['why'] | undefined })[] {
  const blocked = whyNot(roster, demand, new Map(), mayKnow);
  return blocked.map(entry =>
    entry.why === 'OVER_CAPACITY' ? { ...entry, why: undefined, detail: 'it matches' } : entry,
  );
}

export interface NearestMiss {
  readonly delegate: string;
  /** The selectors, or the parts of an expression, that it does not fulfil. */
  readonly missing: readonly string[];
  /** In words. */
  readonly detail: string;
}

/** Of the delegates that serve the owner, the one whose tags lack least; undefined where none lacks only tags. */
export function nearestMiss(roster: Roster, { owner, selectors }: Demand): NearestMiss | undefined {
  let nearest: { name: string; tags: ReadonlySet<string>; far: number } | undefined;
  const known = [
    ...roster.links().map(({ name, scope, tagSet: tags }) => ({ name, scope, tags })),
    ...roster.absent().map(delegate => ({ ...delegate, tags: absentTags(delegate) })),
  ];
  for (const { name, scope, tags } of known) {
    if (!isWithin(owner, scope)) continue;
    const far = selectorDistance(selectors, tags);
    if (far > 0 && far < (nearest?.far ?? Number.POSITIVE_INFINITY)) nearest = { name, tags, far };
  }
  if (!nearest) return undefined;
  const missing = missingSelectors(selectors, nearest.tags);
  const detail = `${nearest.name} lacks ${missing.map(part => `"${part}"`).join(', ')}`;
  return { delegate: nearest.name, missing, detail };
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
  const missing = describeMissing(selectors, tags);
  return missing === undefined ? undefined : { why: 'SELECTOR_MISMATCH', detail: missing };
}

function unfit(roster: Roster, link: Link, demand: Demand): Verdict | undefined {
  const wrong = mismatch(roster, link, link.tagSet, demand);
  if (wrong) return wrong;
  const { shell, target, feature } = demand;
  if (!link.shells.includes(shell))
    return { why: 'SHELL_BLOCKED', detail: `it does not run ${shell} scripts` };
  if (target !== undefined && !link.targets.includes(target))
    return {
      why: 'TASK_TYPE_UNSUPPORTED',
      detail: `its version (${link.agentVersion}) runs no scripts on target hosts: update it`,
    };
  if (feature !== undefined && !link.features.includes(feature))
    return {
      why: 'TASK_TYPE_UNSUPPORTED',
      detail: `its version (${link.agentVersion}) does not know "${feature}", which the secret needs: update it`,
    };
  const drained = describeDrain(roster.drainedAt(link.name));
  if (drained !== undefined) return { why: 'DRAINING', detail: drained };
  if (link.draining) return { why: 'DRAINING', detail: 'it is draining and takes no more tasks' };
  return undefined;
}

const describeDrain = (at: string | undefined) =>
  at === undefined
    ? undefined
    : `it was drained by an operator at ${at}, and takes no tasks until it is undrained`;

function held(roster: Roster, link: Link, { route }: Demand): Verdict | undefined {
  const hold = roster.record.hold(route, link);
  return hold && { why: 'CIRCUIT_OPEN', detail: describeHold(hold, roster.now()) };
}
