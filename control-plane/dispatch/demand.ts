/** What a task asks of a delegate. */
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
  /** What a delegate's outcomes are counted under: the connector, and where its script runs. */
  readonly route: string;
  /** Also of those that are passed over for their failures. */
  readonly evenHeld?: boolean;
}

/** Throws a `RequestError` for a selector expression that is none. */
export function demandOf({
  owner,
  selectors,
  selectorSyntax,
  subject,
  target,
  workingDirectory,
}: Plan): Demand {
  // What goes wrong with one host or folder, which an input may name, says nothing about another one.
  const place = [target ? `${target.user}@${target.host}:${target.port}` : '', workingDirectory ?? ''];
  return {
    owner,
    selectors: readSelectors(selectors, selectorSyntax),
    shell: 'bash',
    route: JSON.stringify([subject.connector, ...place]),
  };
}

/** Is it one that the task could ever go to, busy, draining or not? */
export function suits(link: Link, { owner, selectors, shell }: Demand): boolean {
  return isWithin(owner, link.scope) && fulfils(selectors, link.tagSet) && link.shells.includes(shell);
}
