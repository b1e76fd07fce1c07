import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { watchEventLoop } from './event-loop.ts';

/** A loop whose every turn ends so many milliseconds late. */
function open(stuckAfterMs = 30_000) {
  const clock = new FakeClock();
  let skew = 0;
  const loop = watchEventLoop({
    stuckAfterMs,
    clock: {
      now: () => clock.now() + skew,
      after: (ms, then) => clock.after(ms, then),
    },
  });
  return {
    clock,
    loop,
    turns: async (count: number, lateMs: number) => {
      for (let turn = 0; turn < count; turn += 1) {
        skew += lateMs;
        await clock.advance(500);
      }
    },
  };
}

test('a loop that comes round in time is not stuck', async () => {
  const { loop, turns } = open();
  await turns(500, 3);
  assert.equal(loop.isStuck(), false);
  assert.equal(loop.lagMs(), 3);
});

test('a loop that is late at every turn is stuck after the time allowed, and not any more after one good turn', async () => {
  const { loop, turns } = open();
  await turns(12, 2_000);
  assert.equal(loop.isStuck(), false);
  await turns(1, 2_000);
  assert.equal(loop.isStuck(), true);
  assert.equal(loop.lagMs(), 2_000);
  await turns(1, 1_999);
  assert.equal(loop.isStuck(), false);
});

test('one long sleep is not being stuck: the machine may have been suspended', async () => {
  const { loop, turns } = open();
  await turns(1, 3_600_000);
  assert.equal(loop.isStuck(), false);
  await turns(100, 0);
  assert.equal(loop.isStuck(), false);
});

test('with 0 it is never called stuck', async () => {
  const { loop, turns } = open(0);
  await turns(100, 60_000);
  assert.equal(loop.isStuck(), false);
});

test('it leaves no timer', async () => {
  const { clock, loop, turns } = open();
  await turns(3, 0);
  loop.stop();
  clock.assertNoTimers();
});
