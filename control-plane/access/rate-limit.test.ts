import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { RateLimit } from './rate-limit.ts';

test('a bucket holds a minute of requests, and fills evenly', async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(6, clock);
  const remaining = Array.from({ length: 6 }, () => limit.take('a').remaining);
  assert.deepEqual(remaining, [5, 4, 3, 2, 1, 0]);
  const refused = { allowed: false, limit: 6, remaining: 0, resetMs: 60_000, waitMs: 10_000 };
  assert.deepEqual(limit.take('a'), refused);
  assert.deepEqual(limit.take('a'), refused, 'a refused request takes nothing');
  await clock.advance(9_999);
  assert.equal(limit.take('a').waitMs, 1);
  await clock.advance(1);
  assert.deepEqual(limit.take('a'), { ...refused, allowed: true });
  assert.equal(limit.take('a').allowed, false);
  await clock.advance(3_600_000);
  assert.equal(limit.take('a').remaining, 5, 'it does not become fuller than full');
});

test('names do not take from each other', () => {
  const limit = new RateLimit(1, new FakeClock());
  assert.equal(limit.take('a').allowed, true);
  assert.equal(limit.take('a').allowed, false);
  assert.equal(limit.take('b').allowed, true);
});

test('a look takes nothing', () => {
  const limit = new RateLimit(1, new FakeClock());
  for (let time = 0; time < 3; time += 1) assert.equal(limit.look('a').allowed, true);
  assert.equal(limit.take('a').allowed, true);
  assert.equal(limit.look('a').allowed, false);
});

test('limits of which a minute is no whole multiple allow exactly so many at once', () => {
  for (const count of [7, 11, 13, 997, 6_000]) {
    const limit = new RateLimit(count, new FakeClock(123_456.789));
    for (let at = 1; at <= count; at += 1) {
      const { allowed, remaining } = limit.take('a');
      assert.deepEqual({ allowed, remaining }, { allowed: true, remaining: count - at }, `${at} of ${count}`);
    }
    assert.equal(limit.take('a').allowed, false, `one more than ${count}`);
  }
});

test('of very many names the one that took longest ago is forgotten', () => {
  const limit = new RateLimit(1, new FakeClock());
  limit.take('first');
  limit.take('second');
  limit.take('first');
  for (let at = 0; at < 9_999; at += 1) limit.take(`other ${at}`);
  assert.equal(limit.look('first').allowed, false);
  assert.equal(limit.look('second').allowed, true);
});
