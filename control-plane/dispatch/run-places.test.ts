import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';
import { RunPlaces } from './run-places.ts';

const [a, b] = [new FakeLink({ name: 'a' }), new FakeLink({ name: 'b' })];

test('a delegate is best asked while it runs the same thing, and not any more when that has ended', () => {
  const places = new RunPlaces(new FakeClock());
  assert.equal(places.of('same'), undefined);
  const first = places.started('same', a, 0);
  const second = places.started('same', a, 0);
  assert.equal(places.of('same'), a.id);
  assert.equal(places.of('other'), undefined);
  first(true);
  first(true);
  assert.equal(places.of('same'), a.id);
  second(false);
  assert.equal(places.of('same'), undefined);
});

test('it is best asked as long as it keeps the value, counted from the beginning of the run', async () => {
  const clock = new FakeClock();
  const places = new RunPlaces(clock);
  const ended = places.started('same', a, 10_000);
  await clock.advance(4_000);
  ended(true);
  await clock.advance(5_999);
  assert.equal(places.of('same'), a.id);
  await clock.advance(1);
  assert.equal(places.of('same'), undefined);
});

test('the delegate that was asked last counts, whatever comes of what another one runs', () => {
  const places = new RunPlaces(new FakeClock());
  const first = places.started('same', a, 10_000);
  const second = places.started('same', b, 10_000);
  first(true);
  assert.equal(places.of('same'), b.id);
  second(false);
  assert.equal(places.of('same'), undefined, 'it yielded nothing');
});
