import {
  createDispatcher,
  type DispatchEvent,
  type DispatchRequest,
} from '../../control-plane/dispatch/dispatcher.ts';
import { type Absent, Roster } from '../../control-plane/dispatch/roster.ts';
import type { Plan } from '../../control-plane/domain/entities.ts';
import { FakeClock } from './fake-clock.ts';
import type { FakeLink, Says } from './fake-link.ts';

export const somePlan: Plan = {
  subject: { secret: 'account.db', connector: 'account.kv', template: 'account.http@1' },
  program: { text: 'secret=$__legate_1', digest: `sha256:${'0'.repeat(64)}` },
  owner: 'account',
  inputs: [{ label: 'path', value: 'demo/db', secret: false }],
  workingDirectory: undefined,
  selectors: [],
  timeoutMs: 20_000,
};

export const recipient = { kty: 'OKP', crv: 'X25519', x: 'B'.repeat(43) } as const;

/** What a delegate says of a fetch that works. */
export const accepted: Says = { type: 'accepted' };
export const value: Says = { type: 'value', seq: 0, final: true, sealed: 'a.b.c.d.e' };
export const succeeded: Says = { type: 'succeeded', chunks: 1, durationMs: 7 };
export const lost: Says = { type: 'lost', why: 'the connection closed' };
export const full: Says = { type: 'rejected', why: 'at-capacity' };

export interface Fetching {
  /** What has happened so far. */
  readonly events: DispatchEvent[];
  /** Resolves when there is nothing more to come. */
  readonly ended: Promise<void>;
}

/** A dispatcher with delegates that the test plays and a clock that it turns. */
export function dispatching(links: readonly FakeLink[], absent: readonly Absent[] = [], mostWaiting = 10) {
  const clock = new FakeClock();
  const roster = new Roster(absent, { clock, now: () => '2024-01-01T00:00:00.000Z', mostWaiting });
  for (const link of links) roster.add(link);
  const dispatch = createDispatcher({ roster, clock, random: () => 0 });
  const hangUp = new AbortController();
  const request = (plan: Partial<Plan> = {}, more: Partial<DispatchRequest> = {}) =>
    dispatch({ plan: { ...somePlan, ...plan }, recipient, signal: hangUp.signal, logs: true, ...more });
  return {
    clock,
    roster,
    hangUp,
    request,
    /** Asks, and takes whatever comes as it comes. */
    fetch: (plan: Partial<Plan> = {}, more: Partial<DispatchRequest> = {}): Fetching => {
      const events: DispatchEvent[] = [];
      const ended = (async () => {
        for await (const event of request(plan, more)) events.push(event);
      })();
      return { events, ended };
    },
    /** A delegate's connection is gone, and what ran over it. */
    lose: (link: FakeLink): void => {
      roster.remove(link, '2024-01-01T00:00:00.000Z');
      for (const attempt of link.attempts) attempt.say(lost);
    },
  };
}

/** Turns the event loop, so that everything that can go on without time passing has done so. */
export async function settled(): Promise<void> {
  // After a loss the dispatcher itself waits for a turn of the event loop.
  for (let turn = 0; turn < 3; turn += 1) await new Promise<void>(resolve => setImmediate(resolve));
}

/** The kinds of events, for a glance at an order. */
export const kinds = (events: readonly DispatchEvent[]) => events.map(({ event }) => event);

/** The failure with which a fetch ended. */
export function failureOf({ events }: Fetching) {
  const last = events.at(-1);
  if (last?.event !== 'failed') throw new Error(`it ended with ${JSON.stringify(last)}`);
  return last;
}
