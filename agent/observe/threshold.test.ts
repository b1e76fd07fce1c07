import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import type { Usage } from './load.ts';
import { watchThreshold } from './threshold.ts';

test('a delegate is above a threshold for as long as the last look said so', async () => {
  const clock = new FakeClock();
  let usage: Usage = { memory: 80, cpu: undefined };
  const threshold = watchThreshold({ memory: 80, cpu: 90 }, clock, () => usage);
  assert.equal(threshold.above(), undefined);
  usage = { memory: 80.6, cpu: 0 };
  await clock.advance(1_999);
  assert.equal(threshold.above(), undefined);
  await clock.advance(1);
  assert.equal(threshold.above(), 'memory is at 81 %, above 80 %');
  usage = { memory: 10, cpu: 91 };
  await clock.advance(2_000);
  assert.equal(threshold.above(), 'cpu is at 91 %, above 90 %');
  usage = { memory: 10, cpu: 90 };
  await clock.advance(2_000);
  assert.equal(threshold.above(), undefined);
  threshold.stop();
  clock.assertNoTimers();
});
