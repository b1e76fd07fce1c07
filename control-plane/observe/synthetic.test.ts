import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sealValue } from '../../protocol/index.ts';
import { settled } from '../../test/harness/dispatching.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { FakeLink, type Says } from '../../test/harness/fake-link.ts';
import { becomesTrue } from '../../test/harness/world.ts';
import { Roster } from '../dispatch/roster.ts';
import { startSynthetic } from './synthetic.ts';

async function open(links: readonly FakeLink[], intervalMs = 10_000) {
  const clock = new FakeClock();
  const roster = new Roster([], { clock });
  for (const link of links) roster.add(link);
  const measured: [string, number][] = [];
  const notes: unknown[] = [];
  const stop = startSynthetic({
    roster,
    clock,
    intervalMs,
    measured: (outcome, durationMs) => measured.push([outcome, durationMs]),
    note: facts => notes.push(facts),
  });
  return { clock, roster, measured, notes, stop };
}

/** The first task that a delegate was given. */
async function firstOf(link: FakeLink) {
  await becomesTrue(() => link.attempts.length > 0);
  const attempt = link.attempts[0];
  if (!attempt) throw new Error('it was given nothing');
  return attempt;
}

test('each delegate gets a task in the time, none of them at once', async () => {
  const links = Array.from({ length: 20 }, (_, at) => new FakeLink({ name: `d${at}` }));
  const { clock, stop } = await open(links);
  await clock.advance(1_000);
  await becomesTrue(() => links.filter(({ attempts }) => attempts.length === 1).length === 2);
  for (let second = 1; second < 10; second += 1) await clock.advance(1_000);
  await becomesTrue(() => links.every(({ attempts }) => attempts.length === 1));
  stop();
});

test('a value that comes back is a success, with the time it took', async () => {
  const link = new FakeLink();
  const { clock, measured, notes, stop } = await open([link]);
  await clock.advance(1_000);
  const attempt = await firstOf(link);
  assert.equal(attempt.task.synthetic, true);
  await clock.advance(250);
  attempt.say({ type: 'accepted' });
  for await (const chunk of sealValue(Buffer.from('ok'), attempt.task.recipient, attempt.task))
    attempt.say({ type: 'value', ...chunk });
  attempt.say({ type: 'succeeded', chunks: 1, durationMs: 1 });
  await becomesTrue(() => measured.length > 0);
  assert.deepEqual([measured, notes], [[['succeeded', 250]], []]);
  stop();
  clock.assertNoTimers();
});

const failures: [what: string, says: Says[], outcome: string | undefined][] = [
  [
    'a script that could not run',
    [{ type: 'accepted' }, { type: 'failed', reason: 'shell-missing', durationMs: 0 }],
    'shell-missing',
  ],
  ['a delegate that is lost', [{ type: 'lost', why: 'closed' }], 'delegate-lost'],
  ['a refusal', [{ type: 'rejected', why: 'refused' }], 'rejected-by-delegate'],
  ['no free place', [{ type: 'rejected', why: 'at-capacity' }], undefined],
  [
    'a value that nobody sealed to us',
    [{ type: 'accepted' }, { type: 'value', seq: 0, final: true, sealed: 'a.b.c.d.e' }],
    'protocol-error',
  ],
];
for (const [what, says, outcome] of failures) {
  test(`${what} is ${outcome ?? 'nothing to measure'}`, async () => {
    const link = new FakeLink();
    const { clock, measured, notes, stop } = await open([link]);
    await clock.advance(1_000);
    (await firstOf(link)).say(...says);
    await becomesTrue(() => clock.pending().length === 1);
    assert.deepEqual(
      measured.map(([name]) => name),
      outcome ? [outcome] : [],
    );
    const { name: delegate, instance } = link;
    assert.deepEqual(notes, outcome ? [{ delegate, instance, reason: outcome }] : []);
    stop();
  });
}

test('one that says nothing has run out of time, and is told to stop', async () => {
  const link = new FakeLink();
  const { clock, measured, stop } = await open([link], 3_600_000);
  await clock.advance(1_000);
  const attempt = await firstOf(link);
  await clock.advance(25_000);
  await becomesTrue(() => measured.length === 1);
  assert.equal(measured[0]?.[0], 'timed-out');
  assert.equal(attempt.cancelled, true);
  stop();
});

test('a delegate that drains, is full or runs no bash is left alone', async () => {
  const links = [new FakeLink({ draining: true }), new FakeLink({ name: 'b', shells: [] })];
  const { clock, stop } = await open(links);
  await clock.advance(10_000);
  await settled();
  assert.deepEqual(
    links.map(({ attempts }) => attempts.length),
    [0, 0],
  );
  stop();
});
