/** Who is connected, and who is known but not connected: what a choice, and a "why not", is made from. */
import { type Clock, systemClock } from '../../protocol/index.ts';
import type { Scope } from '../domain/scope.ts';
import { tagSet } from '../domain/selectors.ts';
import type { Demand } from './demand.ts';
import type { Link } from './link.ts';
import { RecentFailures } from './recent-failures.ts';
import { RunPlaces } from './run-places.ts';
import { type Candidates, TagIndex } from './tag-index.ts';
import { TrackRecord } from './track-record.ts';
import { WaitingRoom } from './waiting-room.ts';

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

/** Where a scope has so many fetches waiting, the next one fails instead of waiting. */
const mostWaitingPerScope = 100;

export interface RosterOptions {
  readonly clock?: Clock;
  /** ISO 8601. */
  readonly now?: () => string;
  readonly mostWaiting?: number;
}

export class Roster {
  readonly #links = new Map<string, Link>();
  /** How many instances of a name are connected. */
  readonly #instances = new Map<string, number>();
  readonly #index = new TagIndex();
  readonly #absent = new Map<string, Absent>();
  /** Only names that get no tasks. */
  readonly #statuses = new Map<string, DelegateStatus>();
  /** Names that operators let have no tasks, and since when. */
  readonly #drains = new Map<string, string>();
  #drainChanges = 0;
  /** What failed lately, for people. */
  readonly failures = new RecentFailures();
  /** Who waits for a delegate. */
  readonly waiting: WaitingRoom;
  /** What came of tasks lately. */
  readonly record: TrackRecord;
  /** Who has what a run yields. */
  readonly places: RunPlaces;
  readonly now: () => string;

  constructor(known: readonly Absent[] = [], options: RosterOptions = {}) {
    const {
      clock = systemClock,
      now = () => new Date().toISOString(),
      mostWaiting = mostWaitingPerScope,
    } = options;
    for (const delegate of known) this.#absent.set(delegate.name, delegate);
    this.waiting = new WaitingRoom(mostWaiting);
    this.record = new TrackRecord(clock, link => this.waiting.recheck(link));
    this.places = new RunPlaces(clock);
    this.now = now;
  }

  add(link: Link): void {
    const older = this.#links.get(link.id);
    if (older) this.#forget(older);
    this.#links.set(link.id, link);
    this.#index.add(link);
    this.#instances.set(link.name, (this.#instances.get(link.name) ?? 0) + 1);
    this.#absent.delete(link.name);
    this.waiting.offer(link);
  }

  /** Removes a link, unless its instance has connected anew. Tells whether it was the last one of its name. */
  remove(link: Link, now: string): boolean {
    if (this.#links.get(link.id) !== link) return false;
    this.#links.delete(link.id);
    const last = this.#forget(link) === 0;
    const { name, scope, hostName, tags, agentVersion } = link;
    if (last) this.#absent.set(name, { name, scope, hostName, tags, agentVersion, since: now });
    this.waiting.recheck(link);
    return last;
  }

  /** How many instances of its name are left. */
  #forget(link: Link): number {
    this.#index.remove(link);
    const left = (this.#instances.get(link.name) ?? 1) - 1;
    if (left > 0) this.#instances.set(link.name, left);
    else this.#instances.delete(link.name);
    return left;
  }

  links(): Link[] {
    return [...this.#links.values()];
  }

  /** By its id; undefined where it is not connected. */
  linkOf(id: string): Link | undefined {
    return this.#links.get(id);
  }

  absent(): Absent[] {
    return [...this.#absent.values()];
  }

  /** Among them are all connected delegates that could take such a task. */
  candidates({ owner, selectors }: Demand): Candidates {
    return this.#index.candidates(owner, selectors);
  }

  statusOf(name: string): DelegateStatus {
    return this.#statuses.get(name) ?? 'ENABLED';
  }

  /** May a delegate of this name have tasks, as far as people have decided? */
  isAllowed(name: string): boolean {
    return this.statusOf(name) === 'ENABLED' && !this.#drains.has(name);
  }

  /** True: `isAllowed` is so for all. */
  get allAllowed(): boolean {
    return this.#statuses.size === 0 && this.#drains.size === 0;
  }

  /** When an operator drained it, ISO 8601; undefined: nobody has. */
  drainedAt(name: string): string | undefined {
    return this.#drains.get(name);
  }

  /** The names that operators have drained. */
  drained(): string[] {
    return [...this.#drains.keys()];
  }

  /** Grows with each change of them. */
  get drainChanges(): number {
    return this.#drainChanges;
  }

  /** For all instances of the name, also those that come later. */
  setDrained(name: string, at: string | undefined): void {
    if (this.#drains.get(name) === at) return;
    this.#drainChanges += 1;
    if (at === undefined) this.#drains.delete(name);
    else this.#drains.set(name, at);
    this.changed();
  }

  setStatus(name: string, status: DelegateStatus): void {
    if (status === 'ENABLED') this.#statuses.delete(name);
    else this.#statuses.set(name, status);
    this.changed();
  }

  /** A delegate, or any of them, became free, or drains, or does not any more: whoever waits looks again. */
  changed(link?: Link): void {
    if (!link) this.waiting.recheckAll();
    else if (link.draining) this.waiting.recheck(link);
    else this.waiting.offer(link);
  }
}

/** The tags of an absent delegate as they are compared. */
export const absentTags = (delegate: Absent) => tagSet(delegate);
