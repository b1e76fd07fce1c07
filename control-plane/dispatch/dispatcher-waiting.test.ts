/** Waiting where it is asked for, in turn, and with a limit; and delegates that are passed over for a while. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  accepted,
  dispatching,
  failureOf,
  lost,
  settled,
  succeeded,
  value,
} from '../../test/harness/dispatching.ts';
import { FakeLink, type Says } from '../../test/harness/fake-link.ts';

const noShell: Says = { type: 'failed', reason: 'shell-missing', durationMs: 0 };

test('a fetch that asks for it waits for a delegate that fits, and gets it', async () => {
  const { clock, roster, fetch } = dispatching([new FakeLink({ name: 'other' })]);
  const fetching = fetch({ selectors: ['gpu'], timeoutMs: 60_000 }, { waitMs: 30_000 });
  await clock.advance(29_000);
  roster.add(new FakeLink({ name: 'other-too' }));
  await settled();
  const link = new FakeLink({ name: 'late', tags: ['gpu'] });
  roster.add(link);
  await settled();
  assert.equal(link.attempts[0]?.task.remainingMs, 31_000);
  link.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('when none has come by then it fails, with why not and the nearest miss', async () => {
  const { clock, fetch } = dispatching([
    new FakeLink({ name: 'near', tags: ['eu'] }),
    new FakeLink({ name: 'far' }),
  ]);
  const fetching = fetch({ selectors: ['eu', 'gpu'] }, { waitMs: 5_000 });
  await clock.advance(4_999);
  assert.equal(fetching.events.length, 0);
  await clock.advance(1);
  await fetching.ended;
  const { failure, delegates, nearestMiss } = failureOf(fetching);
  assert.deepEqual(failure, {
    reason: 'no-eligible-delegate',
    detail: 'none came within the 5 s that one was waited for',
  });
  assert.deepEqual([delegates?.length, nearestMiss], [2, 'near lacks "gpu"']);
  clock.assertNoTimers();
});

test('waiting ends at the deadline at the latest', async () => {
  const { clock, fetch } = dispatching([]);
  const fetching = fetch({ timeoutMs: 3_000 }, { waitMs: 30_000 });
  await clock.advance(3_000);
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'timed-out');
  clock.assertNoTimers();
});

test('a busy delegate that fits is waited for longer than one that might come', async () => {
  const link = new FakeLink({ busy: 1 });
  const { clock, roster, fetch } = dispatching([link]);
  const fetching = fetch({}, { waitMs: 1_000 });
  await clock.advance(10_000);
  assert.equal(fetching.events.length, 0);
  link.busy = 0;
  roster.changed(link);
  await settled();
  link.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('a delegate that begins to drain while it is waited for is waited for no longer', async () => {
  const link = new FakeLink({ busy: 1 });
  const { roster, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  link.draining = true;
  roster.changed(link);
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'no-eligible-delegate');
});

test('where too many of one scope wait the next one fails at once, and another scope may wait', async () => {
  const link = new FakeLink({ busy: 1 });
  const { clock, roster, hangUp, fetch } = dispatching([link], [], 2);
  const waiting = [fetch({}, { scope: 'org/a' }), fetch({}, { scope: 'org/a' })];
  await settled();
  const third = fetch({}, { scope: 'org/a' });
  await third.ended;
  const { failure, delegates } = failureOf(third);
  assert.deepEqual(failure, { reason: 'delegates-busy', detail: 'too many fetches of org/a are waiting' });
  assert.deepEqual(
    delegates?.map(({ why }) => why),
    ['OVER_CAPACITY'],
  );
  const other = fetch({}, { scope: 'org/b' });
  await settled();
  link.busy = 0;
  roster.changed(link);
  await settled();
  link.attempts[0]?.say(accepted, value, succeeded);
  await settled();
  roster.changed(link);
  await settled();
  link.attempts[1]?.say(accepted, value, succeeded);
  await Promise.all([waiting[0]?.ended, other.ended]);
  assert.equal(other.events.at(-1)?.event, 'succeeded');
  assert.deepEqual(waiting[1]?.events, []);
  hangUp.abort();
  await waiting[1]?.ended;
  clock.assertNoTimers();
});

test('an exclusion keeps a delegate away, where the plan says that its selectors are expressions', async () => {
  const links = [
    new FakeLink({ name: 'canary', tags: ['eu', 'canary'] }),
    new FakeLink({ name: 'old', tags: ['us'] }),
  ];
  const { fetch } = dispatching(links);
  const fetching = fetch({ selectors: ['(eu | de) & !canary'], selectorSyntax: 'expression' });
  await fetching.ended;
  const { delegates, nearestMiss } = failureOf(fetching);
  assert.deepEqual(
    delegates?.map(({ detail }) => detail),
    ['its tags hold "canary", which must not be there', 'its tags lack "eu | de"'],
  );
  assert.equal(nearestMiss, 'canary lacks "!canary"');
});

test('a caller hears of delegates that do not serve the scope only where it may', async () => {
  const links = [
    new FakeLink({ name: 'theirs', scope: 'org/x' }),
    new FakeLink({ name: 'ours', draining: true }),
  ];
  const { fetch } = dispatching(links);
  const names = async (mayKnow: boolean) => {
    const fetching = fetch({}, { mayKnow: () => mayKnow });
    await fetching.ended;
    return failureOf(fetching).delegates?.map(({ delegate }) => delegate);
  };
  assert.deepEqual([await names(true), await names(false)], [['theirs', 'ours'], ['ours']]);
});

test('of very many delegates a failure lists those that came nearest, and how many there are more', async () => {
  const links = Array.from({ length: 130 }, (_, n) => new FakeLink({ name: `d${n}` }));
  const { fetch } = dispatching([...links, new FakeLink({ name: 'near', tags: ['eu'], draining: true })]);
  const fetching = fetch({ selectors: ['eu'] });
  await fetching.ended;
  const { delegates, delegatesLeftOut } = failureOf(fetching);
  assert.deepEqual([delegates?.[0]?.delegate, delegates?.length, delegatesLeftOut], ['near', 100, 31]);
});

/** One delegate that fails three times, seconds apart. */
async function failing() {
  const link = new FakeLink({ name: 'broken', capacity: 4 });
  const dispatched = dispatching([link]);
  for (let n = 0; n < 3; n++) {
    const fetching = dispatched.fetch();
    await settled();
    link.attempts[n]?.say(accepted, noShell);
    await fetching.ended;
    await dispatched.clock.advance(2_000);
  }
  return { ...dispatched, link };
}

test('a delegate that keeps failing for a connector is passed over, for this one, and it is told until when', async () => {
  const { link, fetch } = await failing();
  const fetching = fetch();
  await fetching.ended;
  const { failure, delegates, nearestMiss } = failureOf(fetching);
  assert.deepEqual([failure.reason, nearestMiss], ['no-eligible-delegate', undefined]);
  assert.equal(delegates?.[0]?.why, 'CIRCUIT_OPEN');
  assert.match(
    delegates?.[0]?.detail ?? '',
    /passed over until 2024-01-01T00:00:28\.000Z, for another 28 s$/,
  );
  const subject = { secret: 'account.x', connector: 'account.other', template: 'account.http@1' };
  void fetch({ subject });
  await settled();
  assert.equal(link.attempts.length, 4);
  void fetch({ workingDirectory: '/elsewhere' });
  await settled();
  assert.equal(link.attempts.length, 5);
});

test('a connection test is run there all the same, and when it works the delegate is back', async () => {
  const { link, fetch } = await failing();
  const testing = fetch({}, { evenHeld: true });
  await settled();
  link.attempts[3]?.say(accepted, value, succeeded);
  await testing.ended;
  void fetch();
  await settled();
  assert.equal(link.attempts.length, 5);
});

test('a fetch that waits gets the trial after the cooling; who comes meanwhile waits for what comes of it', async () => {
  const { clock, link, fetch } = await failing();
  const waiting = fetch({ timeoutMs: 60_000 }, { waitMs: 40_000 });
  await clock.advance(27_999);
  assert.equal(link.attempts.length, 3);
  await clock.advance(2);
  assert.equal(link.attempts.length, 4);
  const meanwhile = fetch({ timeoutMs: 60_000 });
  await settled();
  assert.deepEqual([link.attempts.length, meanwhile.events.length], [4, 0]);
  link.attempts[3]?.say(accepted, value, succeeded);
  await waiting.ended;
  await settled();
  link.attempts[4]?.say(accepted, value, succeeded);
  await meanwhile.ended;
  clock.assertNoTimers();
});

test('when the trial fails, who waited for it fails with the reason', async () => {
  const { clock, link, fetch } = await failing();
  await clock.advance(30_000);
  const trial = fetch();
  const meanwhile = fetch();
  await settled();
  assert.equal(link.attempts.length, 4);
  link.attempts[3]?.say(accepted, noShell);
  await Promise.all([trial.ended, meanwhile.ended]);
  assert.deepEqual(
    [failureOf(trial).failure.reason, failureOf(meanwhile).failure.reason],
    ['shell-missing', 'no-eligible-delegate'],
  );
  assert.match(failureOf(meanwhile).delegates?.[0]?.detail ?? '', /for another 60 s$/);
});

test('a caller that hangs up in the middle of the trial leaves it to the next one', async () => {
  const { clock, link, hangUp, request, fetch } = await failing();
  await clock.advance(30_000);
  const events = request();
  const first = events.next();
  await settled();
  link.attempts[3]?.say(accepted);
  await first;
  await events.return();
  void fetch();
  await settled();
  assert.equal(link.attempts.length, 5);
  hangUp.abort();
});

test('a connection that breaks with many tasks on it is one failure', async () => {
  const link = new FakeLink({ capacity: 20 });
  const { clock, roster, lose, fetch } = dispatching([link]);
  const fetches = Array.from({ length: 10 }, () => fetch());
  await settled();
  for (const attempt of link.attempts) attempt.say(lost);
  lose(link);
  await clock.advance(500);
  const back = new FakeLink({ capacity: 20 });
  roster.add(back);
  await settled();
  assert.equal(back.attempts.length, 10);
  for (const attempt of back.attempts) attempt.say(accepted, value, succeeded);
  await Promise.all(fetches.map(({ ended }) => ended));
});

test('among delegates of one load those that brought a value for the connector are preferred', async () => {
  const [one, two] = [
    new FakeLink({ name: 'one', capacity: 2 }),
    new FakeLink({ name: 'two', capacity: 2, busy: 0 }),
  ];
  const { fetch } = dispatching([one, two]);
  one.busy = 1;
  const first = fetch();
  await settled();
  two.attempts[0]?.say(accepted, value, succeeded);
  await first.ended;
  one.busy = 0;
  void fetch();
  await settled();
  assert.deepEqual([one.attempts.length, two.attempts.length], [0, 2]);
  void fetch();
  await settled();
  assert.equal(one.attempts.length, 1, 'the load is stronger');
});
