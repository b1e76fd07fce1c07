/** A delegate that fails its task: when another one gets it, and when nobody does. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  accepted,
  dispatching,
  failureOf,
  kinds,
  lost,
  settled,
  succeeded,
  value,
} from '../../test/harness/dispatching.ts';
import { FakeLink, type Says } from '../../test/harness/fake-link.ts';

const refused: Says = { type: 'rejected', why: 'refused', detail: 'digest not allowed' };
/** Two delegates, of which chance prefers the first. */
const pair = () => [new FakeLink({ name: 'one' }), new FakeLink({ name: 'two' })] as const;

test('a delegate that is lost before a value was passed on is replaced: another one, attempt 2, less time', async () => {
  const [one, two] = pair();
  const { clock, lose, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(accepted, { type: 'log', text: 'on my way' });
  await clock.advance(4_500);
  lose(one);
  await settled();
  const second = two.attempts[0];
  assert.deepEqual([second?.task.attempt, second?.task.remainingMs], [2, 15_500]);
  assert.equal(second?.task.task, one.attempts[0]?.task.task);
  second?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.deepEqual(kinds(fetching.events), ['accepted', 'log', 'accepted', 'value', 'succeeded']);
  clock.assertNoTimers();
});

test('a delegate that is lost after a value was passed on fails the fetch: nothing can take the value back', async () => {
  const [one, two] = pair();
  const { clock, lose, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(accepted, { type: 'value', seq: 0, final: false, sealed: 'x' });
  await settled();
  lose(one);
  await fetching.ended;
  const { failure, delegate, delegates } = failureOf(fetching);
  assert.deepEqual(failure, {
    reason: 'delegate-lost',
    detail: 'The delegate one disconnected while executing the task.',
  });
  assert.deepEqual([delegate, delegates, two.attempts], ['one', undefined, []]);
  clock.assertNoTimers();
});

test('a failure on the way of the value is not tried again either', async () => {
  const [one, two] = pair();
  const { fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(accepted, value, { type: 'failed', reason: 'internal', durationMs: 1 });
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'internal');
  assert.equal(two.attempts.length, 0);
});

test('a delegate that does not answer within 5 s is told to forget it, and another one is asked', async () => {
  const [one, two] = pair();
  const { clock, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await clock.advance(4_999);
  assert.deepEqual([one.attempts[0]?.cancelled, two.attempts], [false, []]);
  await clock.advance(1);
  assert.equal(one.attempts[0]?.cancelled, true);
  await settled();
  assert.equal(two.attempts[0]?.task.attempt, 2);
  two.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('a delegate that has accepted may be silent for longer', async () => {
  const [one, two] = pair();
  const { clock, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(accepted);
  await clock.advance(15_000);
  assert.equal(two.attempts.length, 0);
  one.attempts[0]?.say(value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('a delegate that refuses is passed over, and when all refuse the last refusal is told', async () => {
  const [one, two] = pair();
  const { clock, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(refused);
  await settled();
  two.attempts[0]?.say({ type: 'rejected', why: 'draining' });
  await fetching.ended;
  const { failure, delegate, delegates, attempt } = failureOf(fetching);
  assert.deepEqual(
    [failure, delegate, attempt],
    [{ reason: 'rejected-by-delegate', detail: 'draining' }, 'two', 2],
  );
  assert.deepEqual(
    delegates?.map(({ why, detail }) => [why, detail]),
    [
      ['REJECTED', 'refused: digest not allowed'],
      ['REJECTED', 'draining'],
    ],
  );
  assert.deepEqual([one.attempts.length, two.attempts.length], [1, 1]);
  clock.assertNoTimers();
});

test('any number of delegates may refuse before one takes it', async () => {
  const links = Array.from(
    { length: 6 },
    (_, n) => new FakeLink({ name: `d${n}`, onStart: attempt => attempt.say(refused) }),
  );
  const willing = new FakeLink({ name: 'willing', capacity: 2, busy: 1 });
  const { fetch } = dispatching([...links, willing]);
  const fetching = fetch();
  await settled();
  assert.equal(willing.attempts[0]?.task.attempt, 7);
  willing.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
});

test('a failure that another delegate may not have is tried there', async () => {
  const [one, two] = pair();
  const { fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(accepted, { type: 'failed', reason: 'shell-missing', durationMs: 0 });
  await settled();
  two.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.equal(fetching.events.at(-1)?.event, 'succeeded');
});

test('the only delegate, lost and back within 30 s, gets attempt 2', async () => {
  const only = new FakeLink({ name: 'only' });
  const { clock, roster, lose, fetch } = dispatching([only]);
  const fetching = fetch({ timeoutMs: 60_000 });
  await settled();
  only.attempts[0]?.say(accepted);
  await settled();
  lose(only);
  await clock.advance(29_000);
  assert.deepEqual(kinds(fetching.events), ['accepted']);
  const back = new FakeLink({ name: 'only' });
  roster.add(back);
  await settled();
  assert.deepEqual([back.attempts[0]?.task.attempt, back.attempts[0]?.task.remainingMs], [2, 31_000]);
  back.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('a delegate that does not come back within 30 s fails the fetch, with where it is', async () => {
  const only = new FakeLink({ name: 'only' });
  const { clock, roster, lose, fetch } = dispatching([only]);
  const fetching = fetch({ timeoutMs: 60_000 });
  await settled();
  lose(only);
  await settled();
  await clock.advance(25_000);
  // One that does not fit changes nothing, and does not begin the waiting anew.
  roster.add(new FakeLink({ name: 'no-bash', shells: [] }));
  await clock.advance(4_999);
  assert.equal(fetching.events.length, 0);
  await clock.advance(1);
  await fetching.ended;
  const { failure, delegate, delegates } = failureOf(fetching);
  assert.deepEqual([failure.reason, delegate], ['delegate-lost', 'only']);
  assert.deepEqual(
    delegates?.map(({ delegate, why }) => [delegate, why]),
    [
      ['no-bash', 'SHELL_BLOCKED'],
      ['only', 'DISCONNECTED'],
    ],
  );
  clock.assertNoTimers();
});

test('the deadline is stronger than waiting for a lost delegate, whose loss is what is told', async () => {
  const only = new FakeLink();
  const { clock, lose, fetch } = dispatching([only]);
  const fetching = fetch({ timeoutMs: 3_000 });
  await clock.advance(1_000);
  lose(only);
  await clock.advance(2_000);
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'delegate-lost');
  clock.assertNoTimers();
});

test('after a loss a busy delegate is waited for until the deadline, not for 30 s only', async () => {
  const [one, two] = [new FakeLink({ name: 'one' }), new FakeLink({ name: 'two', busy: 1 })];
  const { clock, roster, lose, fetch } = dispatching([one, two]);
  const fetching = fetch({ timeoutMs: 60_000 });
  await settled();
  lose(one);
  await clock.advance(40_000);
  two.busy = 0;
  roster.changed();
  await settled();
  two.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  clock.assertNoTimers();
});

test('a task that costs three delegates their lives is not given to a fourth', async () => {
  const links = Array.from({ length: 5 }, (_, n) => new FakeLink({ name: `d${n}` }));
  const { clock, lose, fetch } = dispatching(links);
  const fetching = fetch({ timeoutMs: 3_600_000 });
  await settled();
  for (const link of links.slice(0, 3)) {
    assert.equal(link.attempts.length, 1);
    link.attempts[0]?.say(accepted);
    await settled();
    lose(link);
    await settled();
  }
  await fetching.ended;
  const { failure, attempt, delegate } = failureOf(fetching);
  assert.deepEqual([failure.reason, attempt, delegate], ['delegate-lost', 3, 'd2']);
  assert.equal(links[3]?.attempts.length, 0);
  clock.assertNoTimers();
});

test('connections that were all dead cost a task none of its runs', async () => {
  const links = Array.from({ length: 5 }, (_, n) => new FakeLink({ name: `d${n}` }));
  const { roster, lose, fetch } = dispatching(links);
  const fetching = fetch({ timeoutMs: 60_000 });
  await settled();
  for (const link of links) lose(link);
  await settled();
  const asked = links.flatMap(link => link.attempts).length;
  assert.equal(asked, 1, 'what was lost in the same moment is not asked');
  const back = new FakeLink({ name: 'd0' });
  roster.add(back);
  await settled();
  back.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.equal(fetching.events.at(-1)?.event, 'succeeded');
});

test('what an earlier attempt still says is heard by nobody', async () => {
  const [one, two] = pair();
  const { clock, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await clock.advance(5_000);
  one.attempts[0]?.say(accepted, value, succeeded);
  await settled();
  assert.equal(fetching.events.length, 0);
  two.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.deepEqual(
    fetching.events.map(event => ('delegate' in event ? event.delegate : event.event)),
    ['two', 'value', 'two'],
  );
});

test('a loss at the very deadline is told as the loss that it is', async () => {
  const [one, two] = pair();
  const { clock, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(accepted);
  await clock.advance(20_000);
  one.attempts[0]?.say(lost);
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'delegate-lost');
  assert.equal(two.attempts.length, 0);
  clock.assertNoTimers();
});

const givenBack: Says = {
  type: 'failed',
  reason: 'rejected-by-delegate',
  detail: 'draining: the delegate stops, and had not begun the script',
  durationMs: 0,
};

test('a task that a stopping delegate gives back goes to another one at once', async () => {
  const [one, two] = pair();
  const { roster, clock, fetch } = dispatching([one, two]);
  const fetching = fetch();
  await settled();
  one.attempts[0]?.say(accepted, givenBack);
  await settled();
  assert.equal(two.attempts[0]?.task.attempt, 2);
  two.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.deepEqual(kinds(fetching.events), ['accepted', 'accepted', 'value', 'succeeded']);
  assert.equal(roster.record.hasFailures(JSON.stringify(['account.kv', '', ''])), false);
  clock.assertNoTimers();
});

test('of a delegate that stops the successor is waited for, and no longer than for one that was lost', async () => {
  const one = new FakeLink({ name: 'edge', instance: 'one' });
  const { roster, clock, fetch } = dispatching([one]);
  const giveBack = async () => {
    one.draining = false;
    const fetching = fetch({ timeoutMs: 60_000 });
    await settled();
    one.draining = true;
    one.attempts.at(-1)?.say(accepted, givenBack);
    await settled();
    return fetching;
  };
  const impatient = await giveBack();
  await clock.advance(30_000);
  await impatient.ended;
  const { failure, delegates } = failureOf(impatient);
  assert.deepEqual([failure.reason, delegates?.[0]?.why], ['rejected-by-delegate', 'DRAINING']);

  const fetching = await giveBack();
  await clock.advance(29_999);
  const successor = new FakeLink({ name: 'edge', instance: 'two' });
  roster.add(successor);
  await settled();
  successor.attempts[0]?.say(accepted, value, succeeded);
  await fetching.ended;
  assert.equal(fetching.events.at(-1)?.event, 'succeeded');
  clock.assertNoTimers();
});
