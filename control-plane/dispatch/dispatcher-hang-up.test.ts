/** A caller that goes away: in every phase the delegate is told, and nothing is left. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { accepted, dispatching, failureOf, full, settled, value } from '../../test/harness/dispatching.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';

const cancelled = (when: string) => ({ reason: 'cancelled', detail: `the caller hung up ${when}` });

test('before anything was sent, nothing is sent', async () => {
  const link = new FakeLink();
  const { clock, hangUp, fetch } = dispatching([link]);
  hangUp.abort();
  const fetching = fetch();
  await fetching.ended;
  assert.deepEqual(failureOf(fetching).failure, cancelled('while waiting for a free delegate'));
  assert.equal(link.attempts.length, 0);
  clock.assertNoTimers();
});

test('while waiting for a free place, the place is left to others', async () => {
  const link = new FakeLink({ busy: 1 });
  const { clock, roster, hangUp, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  hangUp.abort();
  await fetching.ended;
  assert.deepEqual(failureOf(fetching).failure, cancelled('while waiting for a free delegate'));
  link.busy = 0;
  roster.changed();
  await settled();
  assert.equal(link.attempts.length, 0);
  clock.assertNoTimers();
});

test('while a full delegate is to be asked again, it is not asked', async () => {
  const link = new FakeLink({ capacity: 2 });
  const { clock, hangUp, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  link.attempts[0]?.say(full);
  await settled();
  hangUp.abort();
  await fetching.ended;
  assert.equal(link.attempts.length, 1);
  assert.equal(failureOf(fetching).failure.reason, 'cancelled');
  clock.assertNoTimers();
});

test('before the delegate has accepted, it is told to cancel', async () => {
  const link = new FakeLink();
  const { clock, hangUp, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  hangUp.abort();
  await fetching.ended;
  assert.deepEqual(failureOf(fetching).failure, cancelled('while edge was running it'));
  assert.equal(link.attempts[0]?.cancelled, true);
  clock.assertNoTimers();
});

test('while the script runs, the delegate is told to cancel', async () => {
  const link = new FakeLink();
  const { clock, hangUp, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  link.attempts[0]?.say(accepted);
  await settled();
  hangUp.abort();
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'cancelled');
  assert.equal(link.attempts[0]?.cancelled, true);
  clock.assertNoTimers();
});

test('in the middle of the value, the delegate is told to cancel', async () => {
  const link = new FakeLink();
  const { clock, hangUp, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  link.attempts[0]?.say(accepted, { type: 'value', seq: 0, final: false, sealed: 'x' });
  await settled();
  hangUp.abort();
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'cancelled');
  assert.equal(link.attempts[0]?.cancelled, true);
  clock.assertNoTimers();
});

test('while a lost delegate is waited for, the waiting ends', async () => {
  const link = new FakeLink();
  const { clock, lose, hangUp, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  lose(link);
  await settled();
  hangUp.abort();
  await fetching.ended;
  assert.equal(failureOf(fetching).failure.reason, 'cancelled');
  clock.assertNoTimers();
});

test('a reader that stops reading ends the attempt, without a signal', async () => {
  const link = new FakeLink();
  const { clock, request } = dispatching([link]);
  const events = request();
  const first = events.next();
  await settled();
  link.attempts[0]?.say(accepted, value);
  await first;
  await events.return();
  assert.equal(link.attempts[0]?.cancelled, true);
  assert.equal((await events.next()).done, true);
  clock.assertNoTimers();
});

test('after the end hanging up means nothing, and nobody listens for it any more', async () => {
  const link = new FakeLink();
  const { clock, hangUp, fetch } = dispatching([link]);
  const fetching = fetch();
  await settled();
  link.attempts[0]?.say(accepted, value, { type: 'succeeded', chunks: 1, durationMs: 1 });
  await fetching.ended;
  assert.equal(getEventListeners(hangUp.signal, 'abort').length, 0);
  hangUp.abort();
  await settled();
  assert.equal(link.attempts[0]?.cancelled, false);
  assert.equal(fetching.events.at(-1)?.event, 'succeeded');
  clock.assertNoTimers();
});
