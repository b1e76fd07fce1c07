import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeCode, namedDelayMs } from '../../protocol/index.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { listeningGateway } from '../../test/harness/gateway.ts';
import { admissionPace } from './pace.ts';

test('a few are let in at once, and the others are given turns, one after the other', () => {
  const pace = admissionPace(20, new FakeClock());
  const delays = Array.from({ length: 6 }, () => pace.delayMs());
  assert.deepEqual(delays, [0, 0, 50, 100, 150, 200]);
});

for (const perSecond of [1, 7, 50, 400])
  test(`a thousand that come at once and then at their turns are let in at ${perSecond} a second`, async () => {
    const clock = new FakeClock(0);
    const pace = admissionPace(perSecond, clock);
    const admitted: number[] = [];
    let chance = 0.3;
    const come = () => {
      const delayMs = pace.delayMs();
      if (delayMs === 0) return admitted.push(clock.now());
      chance = (chance * 997) % 1;
      return clock.after(delayMs + Math.round(chance * 500), come);
    };
    for (let n = 0; n < 1_000; n += 1) come();
    while (admitted.length < 1_000) await clock.advance(1_000);
    clock.assertNoTimers();
    const most = perSecond + Math.ceil(perSecond / 10);
    for (const [first, at] of admitted.entries())
      assert.ok(admitted.slice(first).filter(other => other < at + 1_000).length <= most);
    const lastMs = admitted.at(-1) ?? 0;
    assert.ok(lastMs < 2 * (1_000_000 / perSecond) + 2_000, `all are back after ${lastMs} ms`);
  });

test('a delegate too many is told when to come, and is let in then; who is refused takes no turn', async () => {
  await using gateway = await listeningGateway();
  const peers = await Promise.all(
    Array.from({ length: 45 }, (_, n) => gateway.join({ instance: `instance-${n}` })),
  );
  const refused = await gateway.join({ name: 'other' }, 'edges');
  assert.equal((await refused.closed).code, closeCode.nameRefused);
  const told = await Promise.all(
    peers.map(peer => Promise.race([peer.next().then(() => undefined), peer.closed])),
  );
  const late = told.filter(close => close !== undefined);
  assert.equal(late.length, 5);
  const delays = late.map(({ code, reason }) => namedDelayMs(code, reason) ?? 0);
  assert.deepEqual(
    delays.sort((a, b) => a - b),
    [3, 5, 8, 10, 13],
  );
  await gateway.clock.advance(13);
  for (let n = 0; n < 5; n += 1) await (await gateway.join({ instance: `instance-9${n}` })).next();
  assert.equal(gateway.links.length, 45);
});
