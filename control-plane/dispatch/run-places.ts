/** Which delegate has, or is having, what a run yields: the best one to ask for the same thing again. */
import type { Clock } from '../../protocol/index.ts';
import { keepLast } from './keep-last.ts';
import type { Link } from './link.ts';

interface Place {
  readonly link: string;
  /** Tasks that go on there. */
  running: number;
  /** Until when its value is kept there, on the clock. */
  until: number;
}

/** Forgetting one costs a run more, and nothing else. */
const mostPlaces = 10_000;

export class RunPlaces {
  readonly #places = new Map<string, Place>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The id of the delegate that is best asked. */
  of(sameRun: string): string | undefined {
    const place = this.#places.get(sameRun);
    if (!place) return undefined;
    if (place.running > 0 || place.until > this.#clock.now()) return place.link;
    this.#places.delete(sameRun);
    return undefined;
  }

  /**
   * A task has been started, and what it yields may be given again for `ttlMs` from now. The returned function takes
   * whether it has yielded something; calling it again means nothing.
   */
  started(sameRun: string, { id }: Link, ttlMs: number): (worked: boolean) => void {
    const known = this.#places.get(sameRun);
    const place = known?.link === id ? known : { link: id, running: 0, until: 0 };
    place.running += 1;
    const until = this.#clock.now() + ttlMs;
    keepLast(this.#places, sameRun, place, mostPlaces);
    let ended = false;
    return worked => {
      if (ended) return;
      ended = true;
      place.running -= 1;
      if (worked) place.until = Math.max(place.until, until);
      const gone = place.running === 0 && place.until <= this.#clock.now();
      if (gone && this.#places.get(sameRun) === place) this.#places.delete(sameRun);
    };
  }
}
