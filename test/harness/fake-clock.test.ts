import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock } from './fake-clock.ts';

test('timers are called in the order of their times, and of their setting where the times are equal', async () => {
  const clock = new FakeClock();
  const called: string[] = [];
  clock.after(20, () => called.push('late'));
  clock.after(10, () => called.push('first'));
  clock.after(10, () => called.push('second'));
  await clock.advance(20);
  assert.deepEqual(called, ['first', 'second', 'late']);
});

test('a timer sees its own time, and the clock stands at the end when all is done', async () => {
  const clock = new FakeClock(500);
  let seen = 0;
  clock.after(10, () => {
    seen = clock.now();
  });
  await clock.advance(25);
  assert.equal(seen, 510);
  assert.equal(clock.now(), 525);
});

test('a timer that is not due yet waits for its time', async () => {
  const clock = new FakeClock();
  let called = 0;
  clock.after(10, () => {
    called += 1;
  });
  await clock.advance(9);
  assert.equal(called, 0);
  await clock.advance(1);
  assert.equal(called, 1);
  await clock.advance(100);
  assert.equal(called, 1);
});

test('promises settle between two timers, and what they set falls due in the same advance', async () => {
  const clock = new FakeClock();
  const called: string[] = [];
  clock.after(10, () => {
    void Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => clock.after(5, () => called.push('set by a promise')));
  });
  clock.after(20, () => called.push('later'));
  await clock.advance(20);
  assert.deepEqual(called, ['set by a promise', 'later']);
});

test('a timer that was called off is not called and does not count as left', async () => {
  const clock = new FakeClock();
  const stop = clock.after(10, () => assert.fail('it was called off'));
  assert.deepEqual(clock.pending(), [10]);
  stop();
  stop();
  clock.assertNoTimers();
  await clock.advance(20);
});

test('timers that are left are named', () => {
  const clock = new FakeClock();
  clock.after(70, () => {});
  clock.after(30, () => {});
  assert.deepEqual(clock.pending(), [30, 70]);
  assert.throws(() => clock.assertNoTimers(), /timers are left/);
});

test('a delay that is not a number is a mistake', () => {
  const clock = new FakeClock();
  for (const delay of [Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => clock.after(delay, () => {}), RangeError);
});

test('a timer that sets itself again without delay does not run for ever', async () => {
  const clock = new FakeClock();
  const again = () => void clock.after(0, again);
  again();
  await assert.rejects(clock.advance(1), RangeError);
});
