/** The index changes how fast a choice is, and nothing else. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { type FleetLink, fleetLink, oneOf, seeded, someSelectors } from '../../test/harness/fleet.ts';
import { naiveEquals } from '../../test/harness/naive-choice.ts';
import type { Scope } from '../domain/scope.ts';
import { readSelectors, type Selector } from '../domain/selectors.ts';
import type { Demand } from './demand.ts';
import type { Link } from './link.ts';
import { Roster } from './roster.ts';
import { choose } from './select.ts';
import type { Verdict } from './why-not.ts';

const words = [
  'aws',
  'gcp',
  'PROD',
  'dev',
  'eu-west-1',
  'canary',
  'vault-net',
  'linux',
  'team-7',
  'delegate-3',
];

/** Any selectors, plain or expressions, that some delegates of a fleet fulfil. */
function anySelectors(random: () => number): readonly Selector[] {
  const kind = random();
  if (kind < 0.3) {
    const { texts, syntax } = oneOf(someSelectors, random);
    return readSelectors(texts, syntax);
  }
  if (kind < 0.5) return readSelectors([oneOf(words, random), oneOf(words, random)], undefined);
  const expression = (depth: number): string => {
    const part = random();
    if (depth === 0 || part < 0.3) return oneOf(words, random);
    if (part < 0.5) return `!${expression(depth - 1)}`;
    return `(${expression(depth - 1)} ${part < 0.75 ? '&' : '|'} ${expression(depth - 1)})`;
  };
  return readSelectors([expression(3), expression(1)], 'expression');
}

/** Everybody whom `choose` picks for some number that chance may bring; or what else it says. */
function picks(roster: Roster, demand: Demand, tried: Map<Link, Verdict>, equals: number): string[] {
  const found = new Set<string>();
  for (let n = 0; n < Math.max(1, equals); n++) {
    const choice = choose(roster, demand, tried, () => (n + 0.5) / Math.max(1, equals));
    found.add(choice.kind === 'chosen' ? choice.link.id : choice.kind);
  }
  return [...found].sort();
}

for (const seed of [1, 2, 3]) {
  test(`a choice by the index is the choice by looking at everybody, whatever has happened (seed ${seed})`, () => {
    const random = seeded(seed);
    const roster = new Roster([], { clock: new FakeClock() });
    const fleet: FleetLink[] = [];
    const tried = new Map<Link, Verdict>();
    const come = () => {
      const link = fleetLink(Math.floor(random() * 60), random);
      link.running = oneOf([0, 0, 1, 25, 50], random);
      roster.add(link);
      fleet.push(link);
    };
    const route = () => oneOf(['one', 'two'], random);
    const happenings: (() => void)[] = [
      come,
      come,
      () => roster.remove(oneOf(fleet, random), ''),
      () => {
        oneOf(fleet, random).draining = random() < 0.5;
      },
      () => {
        oneOf(fleet, random).running = oneOf([0, 1, 50], random);
      },
      () => roster.setDrained(oneOf(fleet, random).name, random() < 0.5 ? 'now' : undefined),
      () => roster.setStatus(oneOf(fleet, random).name, oneOf(['ENABLED', 'DELETED'], random)),
      () => roster.record.started(route(), oneOf(fleet, random))('worked'),
      () => {
        const [on, link] = [route(), oneOf(fleet, random)];
        roster.record.started(on, link)({ fault: 'internal' });
      },
      () => void roster.record.started(route(), oneOf(fleet, random)),
      () =>
        void (random() < 0.5 ? tried.clear() : tried.set(oneOf(fleet, random), { why: 'LOST', detail: '' })),
    ];
    for (let n = 0; n < 40; n++) come();
    for (let step = 0; step < 1_500; step++) {
      oneOf(happenings, random)();
      const owner = oneOf<Scope>(['account', 'org/o1', 'org/o1/p1', 'org/o7/p2', 'org/nobody'], random);
      const demand = { owner, selectors: anySelectors(random), shell: 'bash', route: route() };
      const { equals, busy } = naiveEquals(roster, demand, tried);
      const expected = equals.length > 0 ? equals.map(({ id }) => id).sort() : [busy ? 'busy' : 'none'];
      assert.deepEqual(picks(roster, demand, tried, equals.length), expected, JSON.stringify(demand));
    }
  });
}
