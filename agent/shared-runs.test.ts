import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '../test/harness/fake-clock.ts';
import type { RunBounds } from './execute/execution.ts';
import { type Share, type SharedRuns, sharedRuns, type Yielded } from './shared-runs.ts';

const mebibyte = 1_048_576;
const off: Share = { version: 'c/1', ttlMs: 0 };
const kept: Share = { version: 'c/1', ttlMs: 60_000 };
const never = new AbortController().signal;

interface Going extends RunBounds {
  yields(value: string): void;
  fails(failure: Extract<Yielded, { ok: false }>['reason']): void;
}

/** Runs that end when a test says so. */
function setup(mostBytes = mebibyte) {
  const clock = new FakeClock();
  const shared = sharedRuns(clock, mostBytes);
  const runs: Going[] = [];
  const run = (bounds: RunBounds) => {
    const { promise, resolve } = Promise.withResolvers<Yielded>();
    const end = { durationMs: 7, log: 'a log' };
    // As a script does that is cancelled.
    bounds.signal.addEventListener('abort', () => resolve({ ok: false, reason: 'cancelled', ...end }));
    runs.push({
      ...bounds,
      yields: value => resolve({ ok: true, bytes: Buffer.from(value), ...end }),
      fails: reason => resolve({ ok: false, reason, ...end }),
    });
    return promise;
  };
  const ask = (
    share = off,
    { same = ['x'], remainingMs = 20_000, signal = never }: Asking = {},
  ): ReturnType<SharedRuns['obtain']> => shared.obtain(same, share, { remainingMs, signal }, run);
  return { clock, shared, runs, ask };
}

interface Asking {
  readonly same?: readonly unknown[];
  readonly remainingMs?: number;
  readonly signal?: AbortSignal;
}

/** The value, or the reason why there is none; and how old it is. */
async function came(asked: Promise<Yielded>): Promise<[string, number | undefined]> {
  const yielded = await asked;
  return yielded.ok ? [yielded.bytes.toString(), yielded.ageMs] : [yielded.reason, undefined];
}

test('tasks that come while the same thing runs have one run, also where nothing is kept', async () => {
  const { clock, runs, ask } = setup();
  const first = ask();
  await clock.advance(400);
  const second = ask();
  await clock.advance(100);
  assert.equal(runs.length, 1);
  runs[0]?.yields('v');
  assert.deepEqual(await came(first), ['v', undefined]);
  assert.deepEqual(await came(second), ['v', 500]);
  const third = ask();
  assert.equal(runs.length, 2, 'nothing was to be kept');
  runs[1]?.yields('w');
  assert.deepEqual(await came(third), ['w', undefined]);
});

test('what differs in anything has a run of its own', async () => {
  const { runs, ask } = setup();
  const asked = [
    ask(off, { same: ['program', ['a', 'b']] }),
    ask(off, { same: ['program', ['a,b']] }),
    ask(off, { same: ['program', ['a', 'b'], '/folder'] }),
    ask({ ...off, version: 'c/2' }, { same: ['program', ['a', 'b']] }),
  ];
  assert.equal(runs.length, 4);
  for (const [index, run] of runs.entries()) run.yields(String(index));
  assert.deepEqual(await Promise.all(asked.map(came)), [
    ['0', undefined],
    ['1', undefined],
    ['2', undefined],
    ['3', undefined],
  ]);
});

test('a value is kept for its time, counted from the beginning of the run and not from its last use', async () => {
  const { clock, runs, ask } = setup();
  const first = ask(kept);
  await clock.advance(10_000);
  runs[0]?.yields('v');
  await first;
  await clock.advance(30_000);
  assert.deepEqual(await came(ask(kept)), ['v', 40_000]);
  await clock.advance(19_999);
  assert.deepEqual(await came(ask(kept)), ['v', 59_999]);
  await clock.advance(1);
  const late = ask(kept);
  assert.equal(runs.length, 2);
  runs[1]?.yields('w');
  assert.deepEqual(await came(late), ['w', undefined]);
});

test('a run that takes longer than its value may be kept is not kept at all', async () => {
  const { clock, runs, ask } = setup();
  const first = ask({ version: 'c/1', ttlMs: 500 });
  await clock.advance(600);
  runs[0]?.yields('v');
  await first;
  void ask({ version: 'c/1', ttlMs: 500 });
  assert.equal(runs.length, 2);
  runs[1]?.yields('w');
});

test('a task that wants a fresh value has a run of its own, whose value is kept instead', async () => {
  const { clock, runs, ask } = setup();
  const first = ask(kept);
  runs[0]?.yields('old');
  await first;
  const going = ask({ ...kept, fresh: true });
  await clock.advance(1);
  const another = ask({ ...kept, fresh: true });
  assert.equal(runs.length, 3, 'neither the kept value nor a run that has begun will do');
  runs[2]?.yields('newest');
  runs[1]?.yields('new');
  assert.deepEqual(await came(another), ['newest', undefined]);
  assert.deepEqual(await came(going), ['new', undefined]);
  assert.equal(
    (await came(ask(kept)))[0],
    'newest',
    'of the run that began last, in whatever order they ended',
  );
});

test('a failure is shared, and not kept', async () => {
  const { runs, ask } = setup();
  const asked = [ask(kept), ask(kept)];
  runs[0]?.fails('script-failed');
  assert.deepEqual(await Promise.all(asked.map(came)), [
    ['script-failed', undefined],
    ['script-failed', undefined],
  ]);
  void ask(kept);
  assert.equal(runs.length, 2);
  runs[1]?.yields('v');
});

test('a run goes on as long as anybody waits for it, and ends when nobody does', async () => {
  const { runs, ask } = setup();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = ask(off, { signal: one.signal });
  const second = ask(off, { signal: two.signal });
  one.abort();
  assert.deepEqual(await came(first), ['cancelled', undefined]);
  assert.equal(runs[0]?.signal.aborted, false, 'the other one still waits');
  two.abort();
  assert.deepEqual(await came(second), ['cancelled', undefined]);
  assert.equal(runs[0]?.signal.aborted, true);
});

test('whoever waits for a run hears when its script begins', async () => {
  const clock = new FakeClock();
  const shared = sharedRuns(clock, 0);
  const heard: string[] = [];
  const { promise, resolve } = Promise.withResolvers<Yielded>();
  let begin: (() => void) | undefined;
  const run = ({ onBegin }: RunBounds) => {
    begin = onBegin;
    return promise;
  };
  const ask = (name: string) =>
    shared.obtain(['x'], off, { remainingMs: 1_000, signal: never, onBegin: () => heard.push(name) }, run);
  const asked = [ask('first'), ask('second')];
  assert.deepEqual(heard, []);
  begin?.();
  assert.deepEqual(heard, ['first', 'second']);
  asked.push(ask('late'));
  assert.deepEqual(heard, ['first', 'second', 'late']);
  resolve({ ok: false, reason: 'script-failed', durationMs: 1, log: '' });
  await Promise.all(asked);
});

test('nobody joins a run that is being cancelled', async () => {
  const { runs, ask } = setup();
  const one = new AbortController();
  const first = ask(off, { signal: one.signal });
  one.abort();
  await turn();
  const second = ask();
  assert.equal(runs.length, 2);
  runs[1]?.yields('v');
  assert.deepEqual(
    [await came(first), await came(second)],
    [
      ['cancelled', undefined],
      ['v', undefined],
    ],
  );
});

test('a task whose time is over ends, and the run goes on for the one that began it', async () => {
  const { clock, runs, ask } = setup();
  const first = ask(off, { remainingMs: 20_000 });
  const second = ask(off, { remainingMs: 3_000 });
  await clock.advance(3_000);
  assert.deepEqual(await came(second), ['timed-out', undefined]);
  assert.equal(runs[0]?.signal.aborted, false);
  runs[0]?.yields('v');
  assert.deepEqual(await came(first), ['v', undefined]);
});

test('a task with time left runs by itself when the run that it waited for runs out of time', async () => {
  const { clock, runs, ask } = setup();
  const first = ask(off, { remainingMs: 1_000 });
  await clock.advance(500);
  const second = ask(off, { remainingMs: 20_000 });
  await clock.advance(500);
  runs[0]?.fails('timed-out');
  assert.deepEqual(await came(first), ['timed-out', undefined]);
  await turn();
  assert.equal(runs.length, 2);
  assert.equal(runs[1]?.remainingMs, 19_500);
  runs[1]?.yields('v');
  assert.deepEqual(await came(second), ['v', undefined]);
});

test('the value that was used longest ago goes where there are too many, and none is kept where none may be', async () => {
  const { runs, ask } = setup(2 * 1_000);
  const fetchOf = async (name: string) => {
    const before = runs.length;
    const asked = ask(kept, { same: [name] });
    runs[before]?.yields(name.repeat(400));
    await asked;
    return runs.length > before;
  };
  assert.deepEqual([await fetchOf('a'), await fetchOf('b')], [true, true]);
  assert.equal(await fetchOf('a'), false);
  assert.equal(await fetchOf('c'), true);
  assert.equal(await fetchOf('a'), false, 'it was used after b');
  assert.equal(await fetchOf('b'), true);
  const none = setup(0);
  const first = none.ask(kept);
  none.runs[0]?.yields('v');
  await first;
  void none.ask(kept);
  assert.equal(none.runs.length, 2);
  none.runs[1]?.yields('v');
});

test('values that are kept are gone when it is closed', async () => {
  const { shared, runs, ask } = setup();
  const first = ask(kept);
  runs[0]?.yields('v');
  const yielded = await first;
  shared.close();
  assert.ok(yielded.ok && yielded.bytes.toString() === 'v', 'what was given stays as it is');
  const second = ask(kept);
  assert.equal(runs.length, 2);
  runs[1]?.yields('w');
  await second;
  void ask(kept);
  assert.equal(runs.length, 3, 'nothing more is kept');
  runs[2]?.yields('x');
});
