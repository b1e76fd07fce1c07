/**
 * How often somebody may: a bucket per name that holds so many, and fills evenly in a minute. Of a bucket only the
 * time is kept at which it is full again.
 */
import type { Clock } from '../../protocol/index.ts';

/** How a bucket is after somebody took from it, or was refused. */
export interface Allowance {
  readonly allowed: boolean;
  /** Requests in a minute. */
  readonly limit: number;
  readonly remaining: number;
  /** Until it is full. */
  readonly resetMs: number;
  /** Until there is one again; 0 where there is. */
  readonly waitMs: number;
}

const minuteMs = 60_000;
/** Names that are remembered. Who comes from more addresses than these is not held by a limit per address anyhow. */
const mostNames = 10_000;

export class RateLimit {
  readonly #limit: number;
  readonly #clock: Clock;
  /** When the bucket of a name is full again; who took longest ago stands first. */
  readonly #fullAt = new Map<string, number>();

  /** `limit`: in a minute, at least 1. */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Takes one where there is one. */
  take(name: string): Allowance {
    const now = this.#clock.now();
    const before = this.#resetAt(name, now);
    const after = before + minuteMs / this.#limit;
    const allowed = this.#fits(after, now);
    const fullAt = allowed ? after : before;
    this.#fullAt.delete(name);
    const [oldest] = this.#fullAt.size >= mostNames ? this.#fullAt.keys() : [];
    if (oldest !== undefined) this.#fullAt.delete(oldest);
    this.#fullAt.set(name, fullAt);
    return this.#allowance(allowed, fullAt, now);
  }

  /** The same without taking it. */
  look(name: string): Allowance {
    const now = this.#clock.now();
    const fullAt = this.#resetAt(name, now);
    return this.#allowance(this.#fits(fullAt + minuteMs / this.#limit, now), fullAt, now);
  }

  #resetAt(name: string, now: number): number {
    return Math.max(this.#fullAt.get(name) ?? now, now);
  }

  /** Sums of fractions are never quite exact. */
  #fits(fullAt: number, now: number): boolean {
    return fullAt - now <= minuteMs + 1e-6;
  }

  #allowance(allowed: boolean, fullAt: number, now: number): Allowance {
    const stepMs = minuteMs / this.#limit;
    const resetMs = fullAt - now;
    return {
      allowed,
      limit: this.#limit,
      remaining: Math.max(0, Math.floor((minuteMs - resetMs) / stepMs + 1e-6)),
      resetMs,
      waitMs: Math.max(0, resetMs + stepMs - minuteMs),
    };
  }
}
