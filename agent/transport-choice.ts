/** Which way to the control plane is tried next. */
import type { Transport } from '../protocol/index.ts';
import type { Logger } from './logger.ts';

/** When to poll: always, never, or where websockets do not get through. */
export type PollWhen = 'true' | 'false' | 'auto';

/** So many upgrades in a row that something in between has spoiled are no accident. */
export const mostSpoiled = 3;

export class TransportChoice {
  readonly #when: PollWhen;
  readonly #logger: Logger;
  #spoiled = 0;

  constructor(when: PollWhen, logger: Logger) {
    this.#when = when;
    this.#logger = logger;
  }

  next(): Transport {
    if (this.#when !== 'auto') return this.#when === 'true' ? 'polling' : 'websocket';
    if (this.#spoiled < mostSpoiled) return 'websocket';
    this.#logger.warn({ upgrades: this.#spoiled }, 'websockets do not get through: trying long polling');
    return 'polling';
  }

  /** A websocket was refused by something in between, or cut before a word came through. */
  upgradeSpoiled(): void {
    this.#spoiled += 1;
  }

  /** A message, or a close code, has come through a websocket: nothing in between breaks them. */
  websocketWorked(): void {
    this.#spoiled = 0;
  }

  /** After polling, whatever came of it, a websocket is tried first; once, where they did not work. */
  polled(): void {
    this.#spoiled = Math.min(this.#spoiled, mostSpoiled - 1);
  }
}
