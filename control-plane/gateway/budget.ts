import type { Clock } from '../../protocol/index.ts';

/** So much in each minute. */
export class Budget {
  readonly #perMinute: number;
  readonly #clock: Clock;
  #begun: number;
  #spent = 0;

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
    this.#begun = clock.now();
  }

  /** False: nothing is left. */
  spend(): boolean {
    const now = this.#clock.now();
    if (now - this.#begun >= 60_000) {
      this.#begun = now;
      this.#spent = 0;
    }
    this.#spent += 1;
    return this.#spent <= this.#perMinute;
  }
}
