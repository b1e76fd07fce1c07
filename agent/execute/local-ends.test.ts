/** How a run is ended from outside: all of its processes, whatever they do, and no others. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { eventually, openRunner, type TestRunner } from '../../test/harness/local-runner.ts';
import { ignoring, trees } from '../../test/harness/process-trees.ts';
import type { Execution } from './execution.ts';
import type { LocalOptions } from './local.ts';

/** Turns the clock while real processes come to their ends. */
async function turnUntil<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  while (!settled) {
    await clock.advance(20);
    await pause(1);
  }
  return promise;
}

interface Started {
  readonly scripts: TestRunner;
  readonly running: Promise<Execution>;
  readonly cancel: () => void;
}

/** Starts a program and waits until it, or whatever it starts, has made the file `ready`. */
async function start(scripts: TestRunner, program: string, remainingMs = 60_000): Promise<Started> {
  const cancel = new AbortController();
  const running = scripts.run(program, { signal: cancel.signal, remainingMs });
  const folders = () =>
    readdirSync(scripts.workRoot).flatMap(folder =>
      readdirSync(join(scripts.workRoot, folder)).map(run => join(scripts.workRoot, folder, run, 'ready')),
    );
  await eventually(`ready: ${program}`, () => folders().some(existsSync));
  return { scripts, running, cancel: () => cancel.abort() };
}

describe('a cancelled run leaves nothing, and tells whether force was needed, with', {
  concurrency: 4,
}, () => {
  for (const [what, program, forced] of trees) {
    test(what, async () => {
      await using scripts = await openRunner({ killGraceMs: forced ? 150 : 10_000 });
      const { running, cancel } = await start(scripts, program);
      cancel();
      const { end, collected } = await running;
      assert.deepEqual(end, { kind: 'cancelled', forced });
      assert.deepEqual(scripts.processes(), []);
      assert.equal(collected.value, undefined);
    });
  }
});

test('a task that was cancelled before it ran does not outlive that', async () => {
  await using scripts = await openRunner();
  const { end } = await scripts.run('sleep 60', { signal: AbortSignal.abort() });
  assert.equal(end.kind, 'cancelled');
  assert.deepEqual(scripts.processes(), []);
});

test('a run whose time is over is ended in real time too', async () => {
  await using scripts = await openRunner();
  const { end, durationMs } = await scripts.run('sleep 60', { remainingMs: 100 });
  assert.deepEqual(end, { kind: 'timed-out', forced: false });
  assert.ok(durationMs >= 99 && durationMs < 5_000);
  assert.deepEqual(scripts.processes(), []);
});

test('time is taken from the injected clock', async () => {
  const clock = new FakeClock();
  // The clock turns faster than the machine, so grace is long.
  await using scripts = await openRunner({ clock, killGraceMs: 3_600_000 });
  const { running } = await start(scripts, ': >ready; sleep 60', 3_600_000);
  await clock.advance(3_599_999);
  assert.ok(scripts.processes().length > 0);
  await clock.advance(1);
  const { end, durationMs } = await turnUntil(clock, running);
  assert.deepEqual(end, { kind: 'timed-out', forced: false });
  assert.ok(durationMs >= 3_600_000 && durationMs < 7_200_000);
  await turnUntil(clock, scripts.runner.close());
  clock.assertNoTimers();
});

test('TERM is given the time of grace before KILL', async () => {
  const clock = new FakeClock();
  await using scripts = await openRunner({ clock, killGraceMs: 2_000 });
  const { running, cancel } = await start(scripts, ignoring);
  cancel();
  await clock.advance(1_980);
  assert.ok(scripts.processes().length > 0);
  await clock.advance(40);
  assert.deepEqual((await turnUntil(clock, running)).end, { kind: 'cancelled', forced: true });
  await turnUntil(clock, scripts.runner.close());
});

test('a value too large ends the whole tree', async () => {
  await using scripts = await openRunner();
  const { end } = await scripts.run('setsid sleep 60 & secret=$(head -c 3000000 /dev/zero | tr "\\0" x)');
  assert.deepEqual(end, { kind: 'too-large', forced: false });
  assert.deepEqual(scripts.processes(), []);
});

test('what the variable held, and the last words, are known when a run is ended', async () => {
  for (let round = 0; round < 5; round += 1) {
    await using scripts = await openRunner();
    const program = "secret=v; trap 'echo last words >&2; exit' TERM; : >ready; while :; do :; done";
    const { running, cancel } = await start(scripts, program);
    cancel();
    const { collected, stderr } = await running;
    assert.equal(collected.uncollected?.toString(), 'v');
    assert.equal(stderr.toString(), 'last words\n');
  }
});

test('ending one run leaves the others alone, whatever their numbers are', async () => {
  await using scripts = await openRunner();
  const { running, cancel } = await start(scripts, ': >ready; sleep 60');
  const rest = Array.from({ length: 12 }, () => scripts.run('sleep 0.4; secret=v'));
  await eventually('all of them run', () => scripts.processes().length >= 26);
  cancel();
  assert.equal((await running).end.kind, 'cancelled');
  for (const { end } of await Promise.all(rest)) assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
});

describe('what a successful script left behind', { concurrency: 3 }, () => {
  /** It lets go of the pipes, and has left the process group when the script ends. */
  const leave = (program: string) =>
    `setsid bash -c "${program}; : >>left; exec sleep 60" >/dev/null 2>&1 190>&- &
     until [[ -e left ]]; do sleep 0.01; done; secret=v`;

  async function openClocked(options: Partial<LocalOptions> = {}) {
    const clock = new FakeClock();
    const scripts = await openRunner({ clock, killGraceMs: 2_000, ...options });
    const dispose = () => turnUntil(clock, Promise.resolve(scripts[Symbol.asyncDispose]()));
    return { clock, scripts, [Symbol.asyncDispose]: dispose };
  }

  test('in its process group is ended at once', async () => {
    await using world = await openClocked();
    await turnUntil(world.clock, world.scripts.run('sleep 60 & disown; secret=v'));
    await turnUntil(
      world.clock,
      eventually('it is gone', () => world.scripts.processes().length === 0),
    );
  });

  test('elsewhere is ended a moment later, when nothing runs', async () => {
    await using world = await openClocked();
    await world.scripts.run(leave(':'));
    await world.clock.advance(999);
    assert.equal(world.scripts.processes().length, 1);
    await world.clock.advance(1);
    await eventually('it is gone', () => world.scripts.processes().length === 0);
  });

  test('and ignores TERM is killed', async () => {
    await using world = await openClocked();
    await world.scripts.run(leave("trap '' TERM"));
    await world.clock.advance(2_999);
    assert.equal(world.scripts.processes().length, 1);
    await world.clock.advance(1);
    await eventually('it is gone', () => world.scripts.processes().length === 0);
  });

  test('is left alone while other scripts run, as it may serve them, but for a minute only', async () => {
    await using world = await openClocked();
    await world.scripts.run(leave(':'));
    const [left] = world.scripts.processes();
    assert.ok(left !== undefined);
    const busy = await start(world.scripts, ': >ready; sleep 60', 600_000);
    await world.clock.advance(59_000);
    assert.ok(world.scripts.processes().includes(left));
    await world.clock.advance(1_000);
    await eventually('it is gone', () => !world.scripts.processes().includes(left));
    busy.cancel();
    await turnUntil(world.clock, busy.running);
  });

  test('and was not asked to go is not killed with what was, but asked in its turn', async () => {
    await using world = await openClocked();
    await world.scripts.run(leave("trap '' TERM"));
    const [first] = world.scripts.processes();
    assert.ok(first !== undefined);
    await world.clock.advance(1_000);
    await world.scripts.run(leave("trap '' TERM"));
    const [later] = world.scripts.processes().filter(pid => pid !== first);
    assert.ok(later !== undefined);
    await world.clock.advance(2_000);
    await eventually('the first is gone', () => !world.scripts.processes().includes(first));
    assert.deepEqual(world.scripts.processes(), [later]);
    await world.clock.advance(3_000);
    await eventually('and then the other', () => world.scripts.processes().length === 0);
  });

  test('a while after the last sweep is swept up although nothing runs any more', async () => {
    await using world = await openClocked();
    await world.scripts.run(leave(':'));
    await world.clock.advance(1_000);
    await world.scripts.run(leave(':'));
    await world.clock.advance(10_000);
    await eventually('both are gone', () => world.scripts.processes().length === 0);
  });
});
