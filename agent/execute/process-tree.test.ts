import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { systemClock } from '../../protocol/index.ts';
import { eventually, processesWith } from '../../test/harness/local-runner.ts';
import { endTree, groupExists, markVariable, signalMarked } from './process-tree.ts';

interface Tree extends AsyncDisposable {
  readonly pid: number;
  readonly mark: string;
  readonly child: ChildProcess;
  /** Resolves with the next line that the program writes. */
  line(): Promise<string>;
  processes(): number[];
}

/** Starts bash as the leader of a process group, with a mark; disposing of it leaves nothing. */
function startTree(program: string, mark: string = randomUUID()): Tree {
  const child = spawn('bash', ['-c', program], {
    detached: true,
    env: { PATH: process.env.PATH, [markVariable]: mark },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const pid = child.pid;
  assert.ok(pid !== undefined);
  const processes = () => processesWith(`${markVariable}=${mark}`);
  return {
    pid,
    mark,
    child,
    processes,
    async line() {
      const { value } = await lines.next();
      return String(value);
    },
    async [Symbol.asyncDispose]() {
      for (const left of processes()) process.kill(left, 'SIGKILL');
      await eventually('the test left nothing', () => processes().length === 0);
      child.stdout.destroy();
    },
  };
}

describe('ending a tree', () => {
  test('that has ended already is done at once', async () => {
    await using tree = startTree('echo done');
    await tree.line();
    await eventually('it has ended', () => tree.child.exitCode === 0);
    const begun = performance.now();
    assert.deepEqual(await endTree(tree, 5_000, systemClock), { forced: false });
    assert.ok(performance.now() - begun < 1_000);
  });

  test('asks each of its processes once, so that no trap runs twice', async () => {
    const child = "trap 'echo asked; sleep 0.2; exit' TERM; echo ready; while :; do sleep 0.01; done";
    await using tree = startTree(`(${child}) & (${child}) & wait; wait; wait; sleep 0.1`);
    assert.deepEqual([await tree.line(), await tree.line()], ['ready', 'ready']);
    await endTree(tree, 5_000, systemClock);
    assert.deepEqual(
      [await tree.line(), await tree.line(), await tree.line()],
      ['asked', 'asked', 'undefined'],
    );
  });

  test('asks also what was started after it had begun', async () => {
    await using tree = startTree("trap 'sleep 60; exit' TERM; echo ready; while :; do sleep 0.01; done");
    await tree.line();
    assert.deepEqual(await endTree(tree, 10_000, systemClock), { forced: false });
    assert.deepEqual(tree.processes(), []);
  });

  test('asks again what has become another program, which knows nothing of the first time', async () => {
    await using tree = startTree("trap 'exec sleep 60' TERM; echo ready; while :; do sleep 0.01; done");
    await tree.line();
    assert.deepEqual(await endTree(tree, 10_000, systemClock), { forced: false });
  });

  test('leaves a tree alone whose mark only begins like its own', async () => {
    const mark = randomUUID();
    await using tree = startTree('echo ready; sleep 60', `${mark}.1`);
    await using other = startTree('echo ready; sleep 60', `${mark}.12`);
    await Promise.all([tree.line(), other.line()]);
    await endTree(tree, 5_000, systemClock);
    assert.deepEqual(tree.processes(), []);
    assert.ok(groupExists(other.pid));
    assert.ok(other.processes().includes(other.pid));
  });

  test('finds by its group what has no mark', async () => {
    await using tree = startTree('env -i bash -c "echo ready; sleep 60"');
    await tree.line();
    await endTree(tree, 5_000, systemClock);
    await eventually('nothing of it is left', () => !groupExists(tree.pid));
  });

  test('does not wait for zombies that nobody reaps', async () => {
    // The child leads a group of its own, and its parent becomes a program that does not know of it.
    await using tree = startTree('setsid sleep 0.01 & echo $!; exec sleep 60');
    const zombie = Number(await tree.line());
    await eventually('it is a zombie', () => /\) Z /.test(readFileSync(`/proc/${zombie}/stat`, 'latin1')));
    assert.ok(groupExists(zombie));
    assert.deepEqual(await endTree({ pid: zombie, mark: 'x' }, 5_000, systemClock), { forced: false });
  });

  test('finds by its group also what has given itself a misleading name', async () => {
    const misleading = "printf ') R 1 1 (' >/proc/self/comm; echo ready; while :; do sleep 60; done";
    await using tree = startTree(`exec env -i bash -c "${misleading}"`);
    await tree.line();
    assert.deepEqual(await endTree(tree, 1_000, systemClock), { forced: false });
    await eventually('nothing of it is left', () => !groupExists(tree.pid));
  });
});

describe('signals by mark', () => {
  test('reach those that are meant, in whatever group they are, and say whom they found', async () => {
    const mark = randomUUID();
    await using one = startTree('setsid sleep 60 & echo ready; sleep 60', `${mark}.1`);
    await using other = startTree('echo ready; sleep 60', `${mark}.2`);
    await Promise.all([one.line(), other.line()]);
    assert.deepEqual(
      signalMarked(found => found === `${mark}.1`, 'SIGKILL'),
      new Set([`${mark}.1`]),
    );
    await eventually('they are gone', () => one.processes().length === 0);
    assert.ok(other.processes().includes(other.pid));
  });

  test('find nobody where nobody has such a mark', () => {
    assert.deepEqual(
      signalMarked(found => found === randomUUID(), 'SIGKILL'),
      new Set(),
    );
  });
});
