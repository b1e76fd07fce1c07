import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { every, sleep, systemClock } from './clock.ts';

/** Whether a promise has resolved yet. */
function watch(promise: Promise<void>): { done: boolean } {
  const state = { done: false };
  void promise.then(() => {
    state.done = true;
  });
  return state;
}

test('sleep ends after its delay and no sooner', async () => {
  const clock = new FakeClock();
  const asleep = watch(sleep(clock, 100));
  await clock.advance(99);
  assert.equal(asleep.done, false);
  await clock.advance(1);
  assert.equal(asleep.done, true);
  clock.assertNoTimers();
});

test('sleep ends when its signal aborts, and leaves no timer behind', async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const asleep = watch(sleep(clock, 100, abort.signal));
  await clock.advance(10);
  assert.equal(asleep.done, false);
  abort.abort();
  await clock.advance(0);
  assert.equal(asleep.done, true);
  clock.assertNoTimers();
});

test('sleep with a signal that has aborted already sets no timer', async () => {
  const clock = new FakeClock();
  await sleep(clock, 100, AbortSignal.abort());
  clock.assertNoTimers();
});

test('sleep that has ended no longer listens to its signal', async t => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const added = t.mock.method(signal, 'addEventListener');
  const removed = t.mock.method(signal, 'removeEventListener');
  const asleep = sleep(clock, 100, signal);
  await clock.advance(100);
  await asleep;
  const listener = added.mock.calls[0]?.arguments[1];
  assert.ok(listener);
  assert.equal(removed.mock.calls[0]?.arguments[1], listener);
});

test('every calls its tick once in each period', async () => {
  const clock = new FakeClock(0);
  const ticks: number[] = [];
  const stop = every(clock, 100, () => ticks.push(clock.now()));
  await clock.advance(350);
  assert.deepEqual(ticks, [100, 200, 300]);
  stop();
});

test('every stops for good when it is told to', async () => {
  const clock = new FakeClock();
  let ticks = 0;
  const stop = every(clock, 100, () => {
    ticks += 1;
  });
  await clock.advance(100);
  stop();
  clock.assertNoTimers();
  await clock.advance(1_000);
  assert.equal(ticks, 1);
});

test('every may be stopped by its own tick', async () => {
  const clock = new FakeClock();
  let ticks = 0;
  const stop = every(clock, 100, () => {
    ticks += 1;
    stop();
  });
  await clock.advance(1_000);
  assert.equal(ticks, 1);
  clock.assertNoTimers();
});

test('every goes on after a tick that throws', async () => {
  const clock = new FakeClock();
  let ticks = 0;
  const stop = every(clock, 100, () => {
    ticks += 1;
    if (ticks === 1) throw new Error('the first tick');
  });
  await assert.rejects(clock.advance(100), /the first tick/);
  await clock.advance(100);
  assert.equal(ticks, 2);
  stop();
});

test("the system's clock calls after the delay, and not at all when called off", t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const called: string[] = [];
  systemClock.after(50, () => called.push('kept'));
  const stop = systemClock.after(50, () => called.push('called off'));
  stop();
  stop();
  t.mock.timers.tick(49);
  assert.deepEqual(called, []);
  t.mock.timers.tick(1);
  assert.deepEqual(called, ['kept']);
});
