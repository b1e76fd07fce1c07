/** Nobody fits, all are busy, one says it is full: who is asked, and who waits for how long. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  accepted,
  dispatching,
  failureOf,
  full,
  settled,
  succeeded,
  value,
} from '../../test/harness/dispatching.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';

test('when no delegate fits it fails at once, and lists each of them and why not', async () => {
  const links = [
    new FakeLink({ name: 'lacking' }),
    new FakeLink({ name: 'draining', tags: ['eu'], draining: true }),
  ];
  const absent = [
    {
      name: 'gone',
      scope: 'account',
      hostName: '',
      tags: ['eu'],
      agentVersion: '0',
      since: 'monday',
    } as const,
  ];
  const { clock, fetch } = dispatching(links, absent);
  const fetching = fetch({ selectors: ['eu'] });
  await fetching.ended;
  const { failure, delegates, delegate, attempt } = failureOf(fetching);
  assert.deepEqual([failure, delegate, attempt], [{ reason: 'no-eligible-delegate' }, undefined, 0]);
  assert.deepEqual(
    delegates?.map(({ delegate, why }) => [delegate, why]),
    [
      ['lacking', 'SELECTOR_MISMATCH'],
      ['draining', 'DRAINING'],
      ['gone', 'DISCONNECTED'],
    ],
  );
  clock.assertNoTimers();
});

test('without any delegate it fails at once with an empty list', async () => {
  const { fetch } = dispatching([]);
  const fetching = fetch();
  await fetching.ended;
  assert.deepEqual(failureOf(fetching).delegates, []);
});

test('when all that fit are busy it waits until a place is free', async () => {
  const link = new FakeLink({ busy: 1 });
  const { clock, roster, fetch } = dispatching([link]);
  const fetching = fetch();
  await clock.advance(6_000);
  assert.deepEqual([fetching.events.length, link.attempts.length], [0, 0]);
  link.busy = 0;
  roster.changed();
  await settled();
  assert.equal(link.attempts[0]?.task.remainingMs, 14_000);
  link.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('a delegate that comes while others wait gets its share', async () => {
  const { roster, fetch } = dispatching([new FakeLink({ name: 'busy', busy: 1 })]);
  const fetching = fetch();
  await settled();
  const fresh = new FakeLink({ name: 'fresh' });
  roster.add(fresh);
  await settled();
  fresh.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.equal(fetching.events.at(-1)?.event, 'succeeded');
});

test('waiting ends with the deadline, and with the reasons', async () => {
  const { clock, fetch } = dispatching([new FakeLink({ busy: 1 })]);
  const fetching = fetch({ timeoutMs: 3_000 });
  await clock.advance(2_999);
  assert.equal(fetching.events.length, 0);
  await clock.advance(1);
  await fetching.ended;
  const { failure, delegates } = failureOf(fetching);
  assert.deepEqual(failure, {
    reason: 'timed-out',
    detail: '3 s were over while waiting for a free delegate',
  });
  assert.deepEqual(
    delegates?.map(({ why, detail }) => [why, detail]),
    [['OVER_CAPACITY', 'all 1 places are taken']],
  );
  clock.assertNoTimers();
});

test('waiting ends when the delegate that was waited for goes away', async () => {
  const link = new FakeLink({ busy: 1 });
  const { clock, lose, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  lose(link);
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'no-eligible-delegate');
  clock.assertNoTimers();
});

test('of many who wait for one free place one gets it, and the others wait on', async () => {
  const link = new FakeLink({ busy: 1 });
  const { roster, fetch } = dispatching([link]);
  const waiting = Array.from({ length: 5 }, () => fetch());
  await settled();
  link.busy = 0;
  for (let done = 1; done <= 5; done++) {
    roster.changed();
    await settled();
    assert.equal(link.attempts.length, done);
    link.attempts.at(-1)?.say(accepted, value, succeeded);
    await settled();
  }
  await Promise.all(waiting.map(({ ended }) => ended));
});

test('a delegate that says it is full is asked again after a moment, with the same attempt', async () => {
  const link = new FakeLink({ capacity: 2 });
  const { clock, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  link.attempts[0]?.say(full);
  await clock.advance(199);
  assert.equal(link.attempts.length, 1);
  await clock.advance(1);
  link.attempts[1]?.say({ type: 'rejected', why: 'duplicate' });
  await clock.advance(200);
  assert.deepEqual(
    link.attempts.map(({ task }) => [task.attempt, task.remainingMs]),
    [
      [1, 20_000],
      [1, 19_800],
      [1, 19_600],
    ],
  );
  link.attempts[2]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('that a delegate says it is full frees the place that was counted, and is no reason to ask it at once', async () => {
  const link = new FakeLink({ capacity: 2 });
  const { clock, roster, hangUp, fetch } = dispatching([link]);
  const fetching = [fetch(), fetch()];
  await settled();
  for (const attempt of link.attempts) attempt.say(full);
  roster.changed(link);
  await settled();
  roster.changed(link);
  await settled();
  assert.equal(link.attempts.length, 2);
  await clock.advance(200);
  assert.equal(link.attempts.length, 4);
  hangUp.abort();
  await Promise.all(fetching.map(({ ended }) => ended));
});

test('a delegate that says it is full is asked again at once when something changes, and nothing waits on', async () => {
  const link = new FakeLink({ capacity: 2 });
  const { clock, roster, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  link.attempts[0]?.say(full);
  await settled();
  roster.changed();
  await settled();
  link.attempts[1]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('while one says it is full another one is asked first', async () => {
  const links = [
    new FakeLink({ name: 'one', capacity: 2 }),
    new FakeLink({ name: 'two', capacity: 2, busy: 1 }),
  ];
  const { fetch } = dispatching(links);
  const fetching = fetch();
  await settled();
  links[0]?.attempts[0]?.say(full);
  await settled();
  links[1]?.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.equal(links[0]?.attempts.length, 1);
});

test('asking a full delegate goes on until the deadline, within what a message can count', async () => {
  const link = new FakeLink({ capacity: 2, onStart: attempt => attempt.say(full) });
  const { clock, fetch } = dispatching([link]);
  const fetching = fetch({ timeoutMs: 600_000 });
  await clock.advance(600_000);
  await fetching.ended;
  assert.equal(link.attempts.length, 3_000);
  assert.ok(link.attempts.every(({ task }) => task.attempt === 1));
  const { failure, delegates } = failureOf(fetching);
  assert.equal(failure.reason, 'timed-out');
  assert.deepEqual(
    delegates?.map(({ why, detail }) => [why, detail]),
    [['OVER_CAPACITY', 'it says that it is full']],
  );
  clock.assertNoTimers();
});
