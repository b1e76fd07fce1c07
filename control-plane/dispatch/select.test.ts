import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeLink, type FakeLinkOptions } from '../../test/harness/fake-link.ts';
import { readSelectors } from '../domain/selectors.ts';
import type { Demand } from './demand.ts';
import type { Link } from './link.ts';
import { type Absent, Roster } from './roster.ts';
import { choose } from './select.ts';
import { fits, nearestMiss, type Verdict, whyNot } from './why-not.ts';

const anything: Demand = { owner: 'account', selectors: [], shell: 'bash', route: 'account.kv' };

const gone = { scope: 'account', hostName: 'h', agentVersion: '0' } as const;

function rosterOf(links: readonly Link[], absent: readonly Absent[] = []): Roster {
  const roster = new Roster(absent);
  for (const link of links) roster.add(link);
  return roster;
}

/** The name of the chosen one, or why there is none. */
function chosen(links: readonly FakeLinkOptions[], demand = anything, random = () => 0): string {
  const choice = choose(rosterOf(links.map(options => new FakeLink(options))), demand, new Map(), random);
  return choice.kind === 'chosen' ? choice.link.name : choice.kind;
}

test('the least loaded is chosen, in relation to what it can do', () => {
  assert.equal(
    chosen([
      { name: 'small', capacity: 2, busy: 1 },
      { name: 'large', capacity: 100, busy: 40 },
    ]),
    'large',
  );
  assert.equal(
    chosen([
      { name: 'idle', capacity: 1 },
      { name: 'large', capacity: 100, busy: 1 },
    ]),
    'idle',
  );
});

test('among equals chance decides, and every one of them has a chance', () => {
  const equals = ['a', 'b', 'c'].map(name => ({ name, capacity: 4, busy: 2 }));
  const links = [{ name: 'loaded', capacity: 4, busy: 3 }, ...equals];
  const picks = [0, 0.34, 0.67, 0.999_999, 1].map(number => chosen(links, anything, () => number));
  assert.deepEqual(picks, ['a', 'b', 'c', 'c', 'c']);
});

test('one that runs the same thing is chosen before the least loaded, where it may have the task at all', () => {
  const [holder, idle] = [
    new FakeLink({ name: 'holder', capacity: 2, busy: 1 }),
    new FakeLink({ name: 'idle' }),
  ];
  const roster = rosterOf([holder, idle]);
  const nameOf = (demand: Demand, tried = new Map<Link, Verdict>()) => {
    const choice = choose(roster, demand, tried, () => 0);
    return choice.kind === 'chosen' ? choice.link.name : choice.kind;
  };
  const same = { ...anything, sameRun: 'x' };
  assert.equal(nameOf(same), 'idle');
  roster.places.started('x', holder, 0);
  assert.equal(nameOf(same), 'holder');
  assert.equal(nameOf({ ...same, sameRun: 'y' }), 'idle');
  assert.equal(nameOf(same, new Map([[holder, { why: 'LOST', detail: '' }]])), 'idle');
  holder.busy = 2;
  assert.equal(nameOf(same), 'idle', 'it is full');
  holder.busy = 0;
  holder.draining = true;
  assert.equal(nameOf(same), 'idle', 'it drains');
  holder.draining = false;
  roster.setStatus('holder', 'DELETED');
  assert.equal(nameOf(same), 'idle', 'it was deleted');
  roster.setStatus('holder', 'ENABLED');
  assert.equal(nameOf({ ...same, owner: 'org/pay' }), 'holder');
  roster.remove(holder, 'now');
  assert.equal(nameOf(same), 'idle', 'it has gone');
});

test('what needs a feature goes to a delegate that has it, and the others say so', () => {
  const demand = { ...anything, feature: 'pick' };
  const old = new FakeLink({ name: 'old', features: [] });
  assert.equal(
    chosen(
      [
        { name: 'old', features: [] },
        { name: 'new', capacity: 2, busy: 1 },
      ],
      demand,
    ),
    'new',
  );
  assert.equal(chosen([{ name: 'old', features: [] }]), 'old', 'what needs none may go anywhere');
  assert.deepEqual(whyNot(rosterOf([old]), demand, new Map()), [
    {
      delegate: 'old',
      instance: old.instance,
      why: 'TASK_TYPE_UNSUPPORTED',
      detail: 'its version (0) does not know "pick", which the secret needs: update it',
    },
  ]);
});

test('one that drains, lacks a selector or does not run the shell is never chosen', () => {
  assert.equal(chosen([{ draining: true }]), 'none');
  assert.equal(
    chosen([{ tags: ['eu'] }], { ...anything, selectors: readSelectors(['eu', 'gpu'], undefined) }),
    'none',
  );
  assert.equal(chosen([{ shells: ['pwsh'] }]), 'none');
  assert.equal(chosen([]), 'none');
});

test('when all that fit are full there is something to wait for, else there is not', () => {
  assert.equal(chosen([{ capacity: 2, busy: 2 }]), 'busy');
  assert.equal(
    chosen([
      { capacity: 2, busy: 2 },
      { name: 'other', draining: true },
    ]),
    'busy',
  );
  assert.equal(chosen([{ capacity: 2, busy: 2, draining: true }]), 'none');
});

test('more than full, as it happens when places are taken that we do not know of, is full', () => {
  assert.equal(chosen([{ capacity: 1, busy: 3 }]), 'busy');
});

test('a link that had its turn is left out; the same instance on a new link is not', () => {
  const first = new FakeLink();
  const verdict: Verdict = { why: 'LOST', detail: 'gone' };
  const tried = new Map<Link, Verdict>([[first, verdict]]);
  assert.equal(choose(rosterOf([first]), anything, tried, () => 0).kind, 'none');
  const again = new FakeLink();
  assert.deepEqual(
    choose(rosterOf([again]), anything, tried, () => 0),
    { kind: 'chosen', link: again },
  );
});

test('why not is told for every known delegate, the first reason of each', () => {
  const refused = new FakeLink({ name: 'refused' });
  const links = [
    new FakeLink({ name: 'lacking', tags: ['eu'], draining: true }),
    new FakeLink({ name: 'shell', tags: ['EU', 'gpu', 'a100'], shells: ['pwsh'], draining: true }),
    new FakeLink({ name: 'draining', tags: ['eu', 'gpu', 'a100'], draining: true }),
    new FakeLink({ name: 'full', tags: ['eu', 'gpu', 'a100'], capacity: 3, busy: 3 }),
    refused,
  ];
  const absent: Absent[] = [
    { ...gone, name: 'gone', tags: ['eu', 'gpu', 'a100'], since: '2024-01-01' },
    { ...gone, name: 'gone-too', hostName: 'gpu', tags: [], since: undefined },
  ];
  const demand = { ...anything, selectors: readSelectors(['eu', 'GPU', 'A100'], undefined) };
  const instance = (name: string) => `instance-of-${name}`;
  assert.deepEqual(whyNot(rosterOf(links.slice(0, 4), absent), demand, new Map()), [
    {
      delegate: 'lacking',
      instance: instance('lacking'),
      why: 'SELECTOR_MISMATCH',
      detail: 'its tags lack "GPU", "A100"',
    },
    {
      delegate: 'shell',
      instance: instance('shell'),
      why: 'SHELL_BLOCKED',
      detail: 'it does not run bash scripts',
    },
    {
      delegate: 'draining',
      instance: instance('draining'),
      why: 'DRAINING',
      detail: 'it is draining and takes no more tasks',
    },
    { delegate: 'full', instance: instance('full'), why: 'OVER_CAPACITY', detail: 'all 3 places are taken' },
    { delegate: 'gone', why: 'DISCONNECTED', detail: 'disconnected since 2024-01-01' },
    { delegate: 'gone-too', why: 'DISCONNECTED', detail: 'disconnected; also, its tags lack "eu", "A100"' },
  ]);
  const tried = new Map<Link, Verdict>([[refused, { why: 'REJECTED', detail: 'refused: not allowed here' }]]);
  assert.deepEqual(whyNot(rosterOf([refused]), anything, tried), [
    {
      delegate: 'refused',
      instance: instance('refused'),
      why: 'REJECTED',
      detail: 'refused: not allowed here',
    },
  ]);
});

test('a delegate serves its own scope and what is below it, and no selector changes that', () => {
  const serves: [scope: Link['scope'], owner: Demand['owner'], does: boolean][] = [
    ['account', 'account', true],
    ['account', 'org/pay', true],
    ['account', 'org/pay/demo', true],
    ['org/pay', 'account', false],
    ['org/pay', 'org/pay', true],
    ['org/pay', 'org/pay/demo', true],
    ['org/pay', 'org/payments', false],
    ['org/pay', 'org/payments/demo', false],
    ['org/pay/demo', 'org/pay', false],
    ['org/pay/demo', 'org/pay/demo', true],
    ['org/pay/demo', 'org/pay/demo2', false],
  ];
  for (const [scope, owner, does] of serves) {
    const demand = { ...anything, owner };
    assert.equal(chosen([{ name: 'edge', scope }], demand), does ? 'edge' : 'none', `${scope} ${owner}`);
    if (does) continue;
    assert.deepEqual(
      whyNot(
        rosterOf([new FakeLink({ scope, tags: [] })]),
        { ...demand, selectors: readSelectors(['eu'], undefined) },
        new Map(),
      ),
      [
        {
          delegate: 'edge',
          instance: 'instance-of-edge',
          why: 'OWNER_MISMATCH',
          detail: `it serves ${scope}, and the connector is of ${owner}`,
        },
      ],
    );
  }
});

test('a delegate that an administrator has not approved, or has deleted, gets nothing', () => {
  const roster = rosterOf([new FakeLink()]);
  for (const [status, detail] of [
    ['WAITING_FOR_APPROVAL', 'it waits for approval'],
    ['DELETED', 'it was deleted'],
  ] as const) {
    roster.setStatus('edge', status);
    assert.equal(choose(roster, anything, new Map(), () => 0).kind, 'none');
    assert.deepEqual(
      whyNot(roster, anything, new Map()).map(({ why, detail }) => [why, detail]),
      [['NOT_APPROVED', detail]],
    );
  }
  roster.setStatus('edge', 'ENABLED');
  assert.equal(choose(roster, anything, new Map(), () => 0).kind, 'chosen');
});

test('a drained name gets nothing, also by an instance that comes later, until it is undrained', () => {
  const roster = rosterOf([new FakeLink()], [{ ...gone, name: 'away', tags: [], since: 'monday' }]);
  roster.setDrained('edge', 'tuesday');
  roster.setDrained('away', 'tuesday');
  roster.add(new FakeLink({ instance: 'later' }));
  assert.equal(choose(roster, anything, new Map(), () => 0).kind, 'none');
  const detail = 'it was drained by an operator at tuesday, and takes no tasks until it is undrained';
  assert.deepEqual(
    whyNot(roster, anything, new Map()).map(({ why, detail }) => [why, detail]),
    [
      ['DRAINING', detail],
      ['DRAINING', detail],
      ['DISCONNECTED', `disconnected since monday; also, ${detail}`],
    ],
  );
  roster.setDrained('edge', undefined);
  assert.equal(choose(roster, anything, new Map(), () => 0).kind, 'chosen');
});

test('who asks beforehand sees each delegate, and which one comes nearest', () => {
  const demand = { ...anything, selectors: readSelectors(['eu', 'gpu'], undefined) };
  const roster = rosterOf(
    [
      new FakeLink({ name: 'fits', tags: ['eu', 'gpu'], capacity: 1, busy: 1 }),
      new FakeLink({ name: 'near', tags: ['eu'] }),
      new FakeLink({ name: 'far' }),
      new FakeLink({ name: 'foreign', tags: ['eu'], scope: 'org/x' }),
    ],
    [{ ...gone, name: 'away', tags: ['eu', 'gpu'], since: 'monday' }],
  );
  assert.deepEqual(
    fits(roster, demand).map(({ delegate, why }) => [delegate, why]),
    [
      ['fits', undefined],
      ['near', 'SELECTOR_MISMATCH'],
      ['far', 'SELECTOR_MISMATCH'],
      ['foreign', 'OWNER_MISMATCH'],
      ['away', 'DISCONNECTED'],
    ],
  );
  assert.deepEqual(nearestMiss(roster, demand), {
    delegate: 'near',
    missing: ['gpu'],
    detail: 'near lacks "gpu"',
  });
  assert.equal(nearestMiss(rosterOf([new FakeLink({ scope: 'org/x' })]), demand), undefined);
});

test('a script for a host is given only to those that say they can: an older agent would run it on itself', () => {
  const demand = { ...anything, target: 'host' as const };
  const roster = rosterOf([new FakeLink({ targets: [] })]);
  assert.equal(choose(roster, anything, new Map(), () => 0).kind, 'chosen');
  assert.equal(choose(roster, demand, new Map(), () => 0).kind, 'none');
  assert.deepEqual(
    whyNot(roster, demand, new Map()).map(({ why, detail }) => [why, detail]),
    [['TASK_TYPE_UNSUPPORTED', 'its version (0) runs no scripts on target hosts: update it']],
  );
  roster.add(new FakeLink({ name: 'newer' }));
  assert.equal(choose(roster, demand, new Map(), () => 0).kind, 'chosen');
});
