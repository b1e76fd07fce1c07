/** Ends what a key has running at the moment when the key ends. */
import type { Caller } from '../domain/permissions.ts';

export class KeyEndings {
  /** How many keys have ended so far: an order of events that no clock has to agree with. */
  #count = 0;
  readonly #endedAt = new Map<string, number>();
  readonly #startedAt = new WeakMap<Caller, number>();
  readonly #watching = new Map<string, Set<() => void>>();

  /** To be taken before the store is asked about a key, and given to `started`. */
  mark(): number {
    return this.#count;
  }

  /** The caller's key counted when it was looked up, after `mark`. */
  started(caller: Caller, mark: number): void {
    this.#startedAt.set(caller, mark);
  }

  /**
   * Calls `then` once the caller's key has ended: at once where that happened between looking it up and now.
   * Gives a function that ends the watch; it must be called when the request is over.
   */
  watch(caller: Caller, then: () => void): () => void {
    const ended = this.#endedAt.get(caller.keyId) ?? 0;
    if (ended > (this.#startedAt.get(caller) ?? 0)) {
      then();
      return () => {};
    }
    const watching = this.#watching.get(caller.keyId) ?? new Set();
    this.#watching.set(caller.keyId, watching);
    // One function may be given twice, by two requests.
    const entry = () => then();
    watching.add(entry);
    return () => {
      watching.delete(entry);
      if (watching.size === 0 && this.#watching.get(caller.keyId) === watching)
        this.#watching.delete(caller.keyId);
    };
  }

  /** The key, or all that it was recognised by until now, counts no more; the store says so already. */
  end(keyId: string): void {
    this.#count += 1;
    this.#endedAt.set(keyId, this.#count);
    const watching = this.#watching.get(keyId);
    this.#watching.delete(keyId);
    for (const then of watching ?? []) then();
  }
}
