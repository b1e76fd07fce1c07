/** One delegate, one attempt: what is sent, what comes back, and when patience ends. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  accepted,
  dispatching,
  failureOf,
  kinds,
  recipient,
  settled,
  somePlan,
  succeeded,
  value,
} from '../../test/harness/dispatching.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';

test('a fetch that works: accepted, logs, value, succeeded, each as the delegate said it', async () => {
  const link = new FakeLink();
  const { clock, fetch } = dispatching([link]);
  const fetching = fetch();
  const attempt = await link.started();
  attempt.say(accepted, { type: 'log', text: 'a line\n' });
  attempt.say({ type: 'value', seq: 0, final: false, sealed: '1' });
  attempt.say(
    { type: 'value', seq: 1, final: true, sealed: '2' },
    { type: 'succeeded', chunks: 2, durationMs: 7 },
  );
  await fetching.ended;
  const { task } = attempt.task;
  const id = { task, attempt: 1 };
  assert.match(task, /^[A-Za-z0-9_-]{16}$/);
  assert.deepEqual(fetching.events, [
    { event: 'accepted', ...id, delegate: 'edge' },
    { event: 'log', text: 'a line\n' },
    { event: 'value', ...id, seq: 0, final: false, sealed: '1' },
    { event: 'value', ...id, seq: 1, final: true, sealed: '2' },
    { event: 'succeeded', ...id, delegate: 'edge', durationMs: 7 },
  ]);
  assert.equal(attempt.cancelled, false);
  clock.assertNoTimers();
});

test('a task holds the plan, and nothing that its delegate has no use for', async () => {
  const link = new FakeLink();
  const { fetch } = dispatching([link]);
  const fetching = fetch({ workingDirectory: '/srv', selectors: ['edge'], timeoutMs: 90_000 });
  const attempt = await link.started();
  const { task: _, ...sent } = attempt.task;
  assert.deepEqual(sent, {
    type: 'task',
    attempt: 1,
    remainingMs: 90_000,
    program: { shell: 'bash', ...somePlan.program },
    inputs: [{ kind: 'plain', data: 'demo/db' }],
    workingDirectory: '/srv',
    recipient,
    logs: true,
    subject: somePlan.subject,
  });
  attempt.say(accepted, value, succeeded);
  await fetching.ended;
});

test('every fetch has a task id of its own', async () => {
  const link = new FakeLink({ capacity: 2 });
  const { fetch } = dispatching([link]);
  const both = [fetch(), fetch()];
  await settled();
  assert.notEqual(link.attempts[0]?.task.task, link.attempts[1]?.task.task);
  for (const attempt of link.attempts) attempt.say(accepted, value, succeeded);
  await Promise.all(both.map(({ ended }) => ended));
});

test('a script that fails is told with all its facts, and is not tried again', async () => {
  const links = [new FakeLink({ name: 'one' }), new FakeLink({ name: 'two' })];
  const { clock, fetch } = dispatching(links);
  const fetching = fetch();
  await settled();
  const facts = { exitCode: 3, signal: 'SIGTERM', stderrTail: 'no such file', detail: 'exit code 3' };
  links[0]?.attempts[0]?.say(accepted, { type: 'failed', reason: 'script-failed', durationMs: 5, ...facts });
  await fetching.ended;
  const { task: _, ...failed } = failureOf(fetching);
  assert.deepEqual(failed, {
    event: 'failed',
    attempt: 1,
    delegate: 'one',
    failure: { reason: 'script-failed', ...facts },
  });
  assert.equal(links[1]?.attempts.length, 0);
  clock.assertNoTimers();
});

test('a reason that only the control plane may set becomes protocol-error when a delegate sends it', async () => {
  const link = new FakeLink();
  const { fetch } = dispatching([link]);
  const fetching = fetch();
  const attempt = await link.started();
  attempt.say(accepted, value, {
    type: 'failed',
    reason: 'no-eligible-delegate',
    detail: 'a lie',
    durationMs: 1,
  });
  await fetching.ended;
  assert.deepEqual(failureOf(fetching).failure, { reason: 'protocol-error', detail: 'a lie' });
});

test("a delegate's own report that time is over wins over the control plane's clock", async () => {
  const link = new FakeLink();
  const { clock, fetch } = dispatching([link]);
  const fetching = fetch();
  const attempt = await link.started();
  attempt.say(accepted);
  await clock.advance(24_900);
  assert.deepEqual(kinds(fetching.events), ['accepted']);
  attempt.say({ type: 'failed', reason: 'timed-out', detail: 'precise', durationMs: 20_000 });
  await fetching.ended;
  assert.deepEqual(failureOf(fetching).failure, { reason: 'timed-out', detail: 'precise' });
  assert.equal(attempt.cancelled, false);
  clock.assertNoTimers();
});

test('a delegate that lets the deadline pass in silence is told to stop, 5 s later', async () => {
  const link = new FakeLink();
  const { clock, fetch } = dispatching([link]);
  const fetching = fetch();
  const attempt = await link.started();
  attempt.say(accepted);
  await clock.advance(24_999);
  assert.equal(attempt.cancelled, false);
  await clock.advance(1);
  await fetching.ended;
  assert.deepEqual(failureOf(fetching).failure, {
    reason: 'timed-out',
    detail: '20 s were over while edge was running it',
  });
  assert.equal(attempt.cancelled, true);
  clock.assertNoTimers();
});

test('a caller who reads slowly loses nothing', async () => {
  const link = new FakeLink();
  const { clock, request } = dispatching([link]);
  const events = request();
  const first = events.next();
  (await link.started()).say(accepted, value, succeeded);
  assert.equal((await first).value?.event, 'accepted');
  await clock.advance(60_000);
  assert.equal((await events.next()).value?.event, 'value');
  assert.equal((await events.next()).value?.event, 'succeeded');
  assert.equal((await events.next()).done, true);
  clock.assertNoTimers();
});
