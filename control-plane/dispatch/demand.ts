/** What a task asks of a delegate. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Plan } from '../domain/entities.ts';
import { isWithin, type Scope } from '../domain/scope.ts';
import { fulfils, readSelectors, type Selector } from '../domain/selectors.ts';
import type { Link } from './link.ts';

export interface Demand {
  /** Whose task it is. */
  readonly owner: Scope;
  /** All of them have to be fulfilled. */
  readonly selectors: readonly Selector[];
  readonly shell: string;
  /** What the delegate has to be able to do beyond what every agent does. */
  readonly feature?: string;
  /** Where the script runs, if not on the delegate. */
  readonly target?: 'host';
  /** What a delegate's outcomes are counted under: the connector, and where its script runs. */
  readonly route: string;
  /** Also of those that are passed over for their failures. */
  readonly evenHeld?: boolean;
  /** The same for fetches that would run the same thing: best asked of the delegate that has run it. Opaque. */
  readonly sameRun?: string;
}

/** Throws a `RequestError` for a selector expression that is none. */
export function demandOf(plan: Plan): Demand {
  const { owner, selectors, selectorSyntax, subject, target, workingDirectory, share, pick } = plan;
  // What goes wrong with one host or folder, which an input may name, says nothing about another one.
  const place = [target ? `${target.user}@${target.host}:${target.port}` : '', workingDirectory ?? ''];
  return {
    owner,
    selectors: readSelectors(selectors, selectorSyntax),
    shell: 'bash',
    ...(pick === undefined ? {} : { feature: 'pick' }),
    ...(target ? { target: 'host' as const } : {}),
    route: JSON.stringify([subject.connector, ...place]),
    ...(share ? { sameRun: sameRunOf(plan, share.version) } : {}),
  };
}

/** The connector of a route. */
export function connectorOfRoute(route: string): string {
  const [connector]: unknown[] = JSON.parse(route);
  return String(connector);
}

/** Inputs may be secret, and guessed: what is kept of them here is of no use elsewhere. */
const secret = randomBytes(32);

function sameRunOf({ program, inputs, workingDirectory, target }: Plan, version: string): string {
  const values = inputs.map(input => input.value);
  return createHmac('sha256', secret)
    .update(JSON.stringify([version, program.digest, values, workingDirectory, target]))
    .digest('base64url');
}

/** Is it one that the task could ever go to, busy, draining or not? */
export function suits(link: Link, demand: Demand): boolean {
  return isAble(link, demand) && isWithin(demand.owner, link.scope) && fulfils(demand.selectors, link.tagSet);
}

/** Can it run such scripts at all? An older agent would run on itself what is meant for a host, or give a whole object for a key. */
export function isAble(link: Link, { shell, target, feature }: Demand): boolean {
  if (!link.shells.includes(shell)) return false;
  if (target !== undefined && !link.targets.includes(target)) return false;
  return feature === undefined || link.features.includes(feature);
}
