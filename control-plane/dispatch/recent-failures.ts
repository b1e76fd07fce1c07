/** What failed on each delegate lately: for people. In memory, bounded; the oldest is forgotten first. */
import type { FailureReason } from '../../protocol/index.ts';
import { keepLast } from './keep-last.ts';

export interface RecentFailure {
  /** ISO 8601. */
  readonly at: string;
  readonly instance: string;
  readonly reason: FailureReason;
  /** Absolute reference. */
  readonly connector: string;
  readonly task: string;
}

const mostDelegates = 1_000;
const mostPerDelegate = 20;

export class RecentFailures {
  readonly #failures = new Map<string, RecentFailure[]>();

  add(delegate: string, failure: RecentFailure): void {
    const known = this.#failures.get(delegate) ?? [];
    // The first one is that of which nothing was heard for longest.
    keepLast(this.#failures, delegate, [failure, ...known].slice(0, mostPerDelegate), mostDelegates);
  }

  /** The newest first. */
  of(delegate: string): readonly RecentFailure[] {
    return this.#failures.get(delegate) ?? [];
  }
}
