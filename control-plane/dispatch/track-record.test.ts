import assert from 'node:assert/strict';
import test from 'node:test';
import { failureReasons } from '../../protocol/index.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';
import type { Link } from './link.ts';
import { describeHold, type Outcome, outcomeOf, TrackRecord } from './track-record.ts';

const route = 'account.kv';
const fault: Outcome = { fault: 'shell-missing' };

function recording() {
  const clock = new FakeClock();
  const changes: Link[] = [];
  const record = new TrackRecord(clock, link => void changes.push(link));
  const ends = (outcome: Outcome, link: Link, on = route) => record.started(on, link)(outcome);
  /** Fails as often as it takes, seconds apart. */
  const trip = async (link: Link, on = route) => {
    for (let n = 0; n < 3; n++) {
      ends(fault, link, on);
      await clock.advance(1_000);
    }
  };
  return { clock, record, changes, ends, trip };
}

test('three failures in a row, and it is passed over for 30 s, for this connector only', async () => {
  const { clock, record, changes, ends } = recording();
  const [link, other] = [new FakeLink(), new FakeLink({ instance: 'other' })];
  for (const expected of [undefined, undefined, 30_000]) {
    await clock.advance(2_000);
    ends(fault, link);
    assert.equal(record.hold(route, link)?.remainingMs, expected);
  }
  assert.deepEqual(record.hold(route, link), {
    trying: false,
    remainingMs: 30_000,
    failures: 3,
    reason: 'shell-missing',
  });
  assert.deepEqual([record.hold('account.other', link), record.hold(route, other)], [undefined, undefined]);
  assert.deepEqual(changes, [link]);
  assert.equal(record.nextTrialMs(route), 30_000);
  await clock.advance(29_999);
  assert.equal(record.hold(route, link)?.remainingMs, 1);
  await clock.advance(1);
  assert.equal(record.hold(route, link), undefined);
  clock.assertNoTimers();
});

test("a value, or a failure that is the script's, in between begins the count anew; a hang-up does not", async () => {
  for (const [outcome, held] of [
    ['worked', false],
    ['fine', false],
    ['unknown', true],
  ] as const) {
    const { clock, record, ends } = recording();
    const link = new FakeLink();
    for (const one of [fault, fault, outcome, fault]) {
      await clock.advance(2_000);
      ends(one, link);
    }
    assert.equal(record.hold(route, link) !== undefined, held, outcome);
  }
});

test('failures that are far apart do not count together, and those of one moment count once', async () => {
  const apart = recording();
  const link = new FakeLink();
  for (let n = 0; n < 5; n++) {
    apart.ends(fault, link);
    await apart.clock.advance(60_001);
  }
  assert.equal(apart.record.hold(route, link), undefined);
  const burst = recording();
  const tasks = Array.from({ length: 20 }, () => burst.record.started(route, link));
  for (const ended of tasks) ended({ fault: 'delegate-lost' });
  assert.equal(burst.record.hold(route, link), undefined);
});

test('after the cooling one task tries, and nobody else until it has ended', async () => {
  const { clock, record, changes, ends, trip } = recording();
  const link = new FakeLink();
  await trip(link);
  await clock.advance(30_000);
  const trial = record.started(route, link);
  assert.deepEqual([record.hold(route, link)?.trying, record.hold(route, link)?.remainingMs], [true, 0]);
  trial('unknown');
  assert.equal(record.hold(route, link), undefined);
  ends('worked', link);
  assert.deepEqual([record.hold(route, link), record.hasFailures(route)], [undefined, false]);
  assert.equal(changes.length, 3);
});

test('a trial that fails makes the cooling twice as long, up to five minutes', async () => {
  const { clock, record, ends, trip } = recording();
  const link = new FakeLink();
  await trip(link);
  const cooling: (number | undefined)[] = [];
  for (let n = 0; n < 5; n++) {
    await clock.advance(300_000);
    ends(fault, link);
    cooling.push(record.hold(route, link)?.remainingMs);
  }
  assert.deepEqual(cooling, [60_000, 120_000, 240_000, 300_000, 300_000]);
});

test('what had begun before, and fails during the cooling, does not make it longer; a success ends it', async () => {
  const { clock, record, trip } = recording();
  const link = new FakeLink();
  const [early, lucky] = [record.started(route, link), record.started(route, link)];
  await trip(link);
  await clock.advance(10_000);
  early(fault);
  assert.deepEqual([record.hold(route, link)?.remainingMs, record.hold(route, link)?.failures], [19_000, 3]);
  lucky('worked');
  assert.equal(record.hold(route, link), undefined);
});

test('whoever brought a value in the last ten minutes is proven, until it fails', async () => {
  const { clock, record, ends } = recording();
  const [one, two] = [new FakeLink(), new FakeLink({ instance: 'two' })];
  ends('worked', one);
  ends('fine', two);
  assert.deepEqual(record.proven(route, [one, two]), [one]);
  assert.deepEqual(record.proven('account.other', [one, two]), []);
  await clock.advance(600_000);
  assert.deepEqual(record.proven(route, [one, two]), []);
  ends('worked', two);
  ends(fault, two);
  assert.deepEqual(record.proven(route, [one, two]), []);
});

test('of more connectors and delegates than it remembers, those that were quiet longest are forgotten', async () => {
  const { record, ends } = recording();
  const links = Array.from({ length: 101 }, (_, n) => new FakeLink({ instance: `i${n}` }));
  for (const link of links) ends('worked', link);
  assert.deepEqual(record.proven(route, links), links.slice(1));
  for (let n = 0; n < 1_000; n++) ends('worked', links[0] ?? new FakeLink(), `route ${n}`);
  assert.deepEqual(record.proven(route, links), []);
});

test('what a failure says about the delegate is decided for each reason', () => {
  const faults = failureReasons.filter(reason => typeof outcomeOf(reason) === 'object');
  assert.deepEqual(faults, [
    'delegate-lost',
    'host-unreachable',
    'host-key-unknown',
    'host-channel-refused',
    'host-connection-lost',
    'working-directory-missing',
    'shell-missing',
    'protocol-error',
    'internal',
  ]);
  for (const reason of ['script-failed', 'empty-value', 'host-authentication-failed'] as const)
    assert.equal(outcomeOf(reason), 'fine', reason);
  for (const reason of ['cancelled', 'timed-out', 'rejected-by-delegate'] as const)
    assert.equal(outcomeOf(reason), 'unknown', reason);
});

test('why it is passed over, and until when, is told in words', () => {
  const hold = { trying: false, remainingMs: 29_500, failures: 3, reason: 'shell-missing' } as const;
  assert.equal(
    describeHold(hold, '2024-05-06T07:08:00.000Z'),
    'it failed 3 times in a row for this connector (shell-missing: There is no bash where the script should run.) ' +
      'and is passed over until 2024-05-06T07:08:29.500Z, for another 30 s',
  );
  assert.match(describeHold({ ...hold, trying: true }, ''), /and is being tried again now$/);
});
