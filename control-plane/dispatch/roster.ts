/** Who is connected, and who is known but not connected: what a choice, and a "why not", is made from. */
import type { Scope } from '../domain/scope.ts';
import { tagSet } from '../domain/selectors.ts';
import type { Link } from './link.ts';

/** A delegate that has been here, and of which no instance is connected. */
export interface Absent {
  readonly name: string;
  readonly scope: Scope;
  readonly hostName: string;
  readonly tags: readonly string[];
  readonly agentVersion: string;
  /** ISO 8601; undefined where nobody saw it leave. */
  readonly since: string | undefined;
}

/** What an administrator has decided about a delegate's name. Only an enabled one gets tasks. */
export type DelegateStatus = 'ENABLED' | 'WAITING_FOR_APPROVAL' | 'DELETED';

/** A delegate says its instance itself: with the name, which its token allows, it can't stand in for another one. */
const idOf = ({ name, instance }: Link) => `${name}/${instance}`;

export class Roster {
  readonly #links = new Map<string, Link>();
  readonly #absent = new Map<string, Absent>();
  readonly #waiting = new Set<() => void>();
  readonly #statuses = new Map<string, DelegateStatus>();

  constructor(known: readonly Absent[] = []) {
    for (const delegate of known) this.#absent.set(delegate.name, delegate);
  }

  add(link: Link): void {
    this.#links.set(idOf(link), link);
    this.#absent.delete(link.name);
    this.changed();
  }

  /** Removes a link, unless its instance has connected anew. Tells whether it was the last one of its name. */
  remove(link: Link, now: string): boolean {
    if (this.#links.get(idOf(link)) !== link) return false;
    this.#links.delete(idOf(link));
    const { name, scope, hostName, tags, agentVersion } = link;
    const last = !this.links().some(other => other.name === name);
    if (last) this.#absent.set(name, { name, scope, hostName, tags, agentVersion, since: now });
    this.changed();
    return last;
  }

  links(): Link[] {
    return [...this.#links.values()];
  }

  absent(): Absent[] {
    return [...this.#absent.values()];
  }

  statusOf(name: string): DelegateStatus {
    return this.#statuses.get(name) ?? 'ENABLED';
  }

  setStatus(name: string, status: DelegateStatus): void {
    this.#statuses.set(name, status);
    this.changed();
  }

  /** Somebody came, left, became free or began to drain: whoever waits for a delegate looks again. */
  changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next change, or when `signal` aborts. */
  nextChange(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted) return resolve();
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

/** The tags of an absent delegate as they are compared. */
export const absentTags = (delegate: Absent) => tagSet(delegate);
