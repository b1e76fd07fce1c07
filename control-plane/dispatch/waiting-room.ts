/** Fetches that wait for a delegate: bounded per scope, and served in turn, so that no scope keeps the others out. */
import type { Link } from './link.ts';

export interface Waiter {
  /** Whose turn it takes. */
  readonly group: string;
  /** Could this delegate ever have what it waits for? Cheap: it is asked of everyone for every change. */
  wants(link: Link): boolean;
  /** Looks whether the waiting is over, one way or the other, and if so, ends it. */
  look(): boolean;
}

export class WaitingRoom {
  /** In the order in which they have their turn; in a group, whoever came first is first. */
  readonly #groups = new Map<string, Set<Waiter>>();
  readonly #mostPerGroup: number;
  readonly #free = new Set<Link>();
  readonly #doubtful = new Set<Link>();
  #everything = false;
  #scheduled = false;

  constructor(mostPerGroup: number) {
    this.#mostPerGroup = mostPerGroup;
  }

  /** How many wait. */
  get size(): number {
    return this.#groups.values().reduce((sum, group) => sum + group.size, 0);
  }

  /** The returned function leaves; it may be called after the waiting has ended. Undefined: there are too many. */
  enter(waiter: Waiter): (() => void) | undefined {
    const group = this.#groups.get(waiter.group) ?? new Set();
    if (group.size >= this.#mostPerGroup) return undefined;
    this.#groups.set(waiter.group, group);
    group.add(waiter);
    return () => this.#leave(waiter);
  }

  /** A delegate has come, or one of its places has become free. */
  offer(link: Link): void {
    this.#free.add(link);
    this.#schedule();
  }

  /** A delegate takes no more tasks, or has gone: there may be nothing left to wait for. */
  recheck(link: Link): void {
    this.#doubtful.add(link);
    this.#schedule();
  }

  /** Anything may have changed. */
  recheckAll(): void {
    this.#everything = true;
    this.#schedule();
  }

  /** Later, as whoever tells of a change is in the middle of it, and many changes come together. */
  #schedule(): void {
    if (this.#scheduled || this.#groups.size === 0) {
      if (this.#groups.size === 0) this.#forget();
      return;
    }
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #forget(): void {
    this.#free.clear();
    this.#doubtful.clear();
    this.#everything = false;
  }

  #flush(): void {
    const [free, doubtful, everything] = [[...this.#free], [...this.#doubtful], this.#everything];
    this.#scheduled = false;
    this.#forget();
    if (everything || doubtful.length > 0) {
      for (const waiter of this.#inTurn()) {
        if (everything || doubtful.some(link => waiter.wants(link))) this.#look(waiter);
      }
    }
    for (const link of free) this.#serve(link);
  }

  /** Until there is no free place, or nobody who takes it. */
  #serve(link: Link): void {
    let taken = true;
    while (taken && link.running < link.capacity) {
      taken = this.#inTurn().some(waiter => waiter.wants(link) && this.#look(waiter));
    }
  }

  #look(waiter: Waiter): boolean {
    if (!waiter.look()) return false;
    const group = this.#groups.get(waiter.group);
    this.#leave(waiter);
    // It has had its turn: the others come first.
    if (group && group.size > 0) {
      this.#groups.delete(waiter.group);
      this.#groups.set(waiter.group, group);
    }
    return true;
  }

  #leave(waiter: Waiter): void {
    const group = this.#groups.get(waiter.group);
    if (group?.delete(waiter) && group.size === 0) this.#groups.delete(waiter.group);
  }

  /** One of each group, then the second of each, and so on. */
  #inTurn(): Waiter[] {
    const groups = [...this.#groups.values()].map(group => [...group]);
    const longest = Math.max(0, ...groups.map(({ length }) => length));
    return Array.from({ length: longest }, (_, place) => groups.flatMap(group => group[place] ?? [])).flat();
  }
}
