/** Connected delegates by scope and tag, so that a choice looks at few of many. */
import { type Scope, visibleFrom } from '../domain/scope.ts';
import type { Selector } from '../domain/selectors.ts';
import type { Link } from './link.ts';

/** The delegates of one scope. */
interface Served {
  readonly all: Set<Link>;
  readonly byTag: Map<string, Set<Link>>;
}

/** Sets that hold every delegate that fits, and others. */
export interface Candidates {
  readonly sets: readonly ReadonlySet<Link>[];
  /** No delegate is in two of them. */
  readonly distinct: boolean;
}

const none: ReadonlySet<Link> = new Set();

export class TagIndex {
  readonly #scopes = new Map<Scope, Served>();

  add(link: Link): void {
    const served = this.#scopes.get(link.scope) ?? { all: new Set(), byTag: new Map() };
    this.#scopes.set(link.scope, served);
    served.all.add(link);
    for (const tag of link.tagSet) {
      const tagged = served.byTag.get(tag);
      if (tagged) tagged.add(link);
      else served.byTag.set(tag, new Set([link]));
    }
  }

  remove(link: Link): void {
    const served = this.#scopes.get(link.scope);
    if (!served?.all.delete(link)) return;
    for (const tag of link.tagSet) {
      const tagged = served.byTag.get(tag);
      tagged?.delete(link);
      if (tagged?.size === 0) served.byTag.delete(tag);
    }
    if (served.all.size === 0) this.#scopes.delete(link.scope);
  }

  /** Among them are all that serve the owner and fulfil the selectors; the latter has to be checked. */
  candidates(owner: Scope, selectors: readonly Selector[]): Candidates {
    const sets: ReadonlySet<Link>[] = [];
    let distinct = true;
    for (const scope of visibleFrom(owner)) {
      const served = this.#scopes.get(scope);
      if (!served) continue;
      const fewest = smallest(selectors.map(selector => tagged(selector, served))) ?? [served.all];
      sets.push(...fewest);
      distinct &&= fewest.length === 1;
    }
    return { sets, distinct };
  }
}

/** The sets of which each delegate that fulfils a selector is in one; undefined where tags don't say. */
function tagged(selector: Selector, served: Served): readonly ReadonlySet<Link>[] | undefined {
  switch (selector.kind) {
    case 'tag':
      return [served.byTag.get(selector.key) ?? none];
    case 'not':
      return undefined;
    case 'and':
      return smallest(selector.operands.map(operand => tagged(operand, served)));
    case 'or': {
      const sets = selector.operands.map(operand => tagged(operand, served));
      const known = sets.filter(set => set !== undefined);
      return known.length < sets.length ? undefined : known.flat();
    }
  }
}

function smallest(
  ways: readonly (readonly ReadonlySet<Link>[] | undefined)[],
): readonly ReadonlySet<Link>[] | undefined {
  const sizeOf = (sets: readonly ReadonlySet<Link>[]) => sets.reduce((sum, { size }) => sum + size, 0);
  let least: readonly ReadonlySet<Link>[] | undefined;
  for (const way of ways) if (way && (!least || sizeOf(way) < sizeOf(least))) least = way;
  return least;
}
