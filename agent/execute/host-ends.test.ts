/** How a run on a host is ended: all of its processes there, whatever they do, and whoever ends it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { openHost, type TestHost, type TestHostOptions } from '../../test/harness/host-runner.ts';
import { eventually } from '../../test/harness/local-runner.ts';
import { ignoring, trees } from '../../test/harness/process-trees.ts';
import { type TemporaryFolder, temporaryFolder } from '../../test/harness/temporary-folder.ts';
import type { Execution } from './execution.ts';

interface Started extends AsyncDisposable {
  readonly host: TestHost;
  readonly folder: TemporaryFolder;
  readonly running: Promise<Execution>;
  readonly cancel: () => void;
}

/** Starts a program on a host and waits until it, or whatever it starts, has made the file `ready`. */
async function start(program: string, options: TestHostOptions = {}, remainingMs = 60_000): Promise<Started> {
  const folder = temporaryFolder();
  const host = await openHost(options);
  const cancel = new AbortController();
  const bounds = { signal: cancel.signal, remainingMs };
  const running = host.run(program, { workingDirectory: folder.path, ...bounds });
  // The file may be there before we have heard that the script has begun.
  const begun = () => host.steps.some(line => line.startsWith('host: bash'));
  await eventually(`ready: ${program}`, () => existsSync(folder.file('ready')) && begun());
  return {
    host,
    folder,
    running,
    cancel: () => cancel.abort(),
    async [Symbol.asyncDispose]() {
      cancel.abort();
      await running;
      await host[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const gone = (host: TestHost) => eventually('nothing is left there', () => host.processes().length === 0);

describe('a cancelled run leaves nothing on the host, with', { concurrency: 3 }, () => {
  for (const [what, program, forced] of trees) {
    test(what, async () => {
      await using run = await start(program, { killGraceMs: forced ? 150 : 10_000 });
      assert.ok(run.host.processes().length > 0);
      run.cancel();
      const { end, collected } = await run.running;
      assert.deepEqual(end, { kind: 'cancelled', forced });
      assert.equal(collected.value, undefined);
      await gone(run.host);
    });
  }
});

describe('a delegate that is not there any more', { concurrency: 3 }, () => {
  for (const [what, program, forced] of trees.filter(([text]) => !text.includes('stopped'))) {
    test(`ends ${what}`, async () => {
      await using run = await start(program, { killGraceMs: forced ? 150 : 10_000 });
      await run.host.hosts.close();
      assert.equal((await run.running).end.kind, 'lost');
      await gone(run.host);
    });
  }

  test('although nobody tells the host: its server was killed', async () => {
    await using run = await start(': >ready; sleep 60');
    run.host.server.killSessions();
    const { end } = await run.running;
    assert.equal(end.kind, 'lost', JSON.stringify(end));
    await gone(run.host);
  });
});

test('a run whose time is over is ended, and so is one whose value is too large', async () => {
  const host = await openHost();
  after(() => host[Symbol.asyncDispose]());
  const { end } = await host.run('setsid sleep 60 & sleep 60', { remainingMs: 500 });
  assert.deepEqual(end, { kind: 'timed-out', forced: false });
  await gone(host);
  const large = 'secret=$(head -c 2000000 /dev/zero | tr "\\0" x); setsid sleep 60 & ';
  assert.equal((await host.run(large)).end.kind, 'too-large');
  await gone(host);
});

test('a task that was cancelled before it ran does not run', async () => {
  await using host = await openHost();
  const { end } = await host.run('sleep 60', { signal: AbortSignal.abort() });
  assert.ok(end.kind === 'not-started' && end.reason === 'cancelled', JSON.stringify(end));
  await gone(host);
});

test('what the variable held, and the last words, are known when a run is ended', async () => {
  const program = "secret=v; trap 'echo last words >&2; exit' TERM; : >ready; while :; do :; done";
  await using run = await start(program, { killGraceMs: 10_000 });
  run.cancel();
  const { collected, stderr } = await run.running;
  assert.equal(collected.uncollected?.toString(), 'v');
  assert.equal(stderr.toString(), 'last words\n');
});

test('TERM is given its time of grace, and then comes KILL', async () => {
  await using run = await start(`${ignoring}; sleep 60`, { killGraceMs: 700 });
  const begun = performance.now();
  run.cancel();
  assert.deepEqual((await run.running).end, { kind: 'cancelled', forced: true });
  const took = performance.now() - begun;
  assert.ok(took >= 650 && took < 5_000, String(took));
  await gone(run.host);
});

test('what a successful script left behind does not hold its value up, and is ended', async () => {
  await using host = await openHost({ killGraceMs: 2_000 });
  const begun = performance.now();
  const left = [
    'sleep 60 &',
    '(sleep 60; true) & disown;',
    'setsid sleep 60 &',
    'bash -c "trap \'\' TERM; sleep 60; :" &',
  ];
  for (const program of left) {
    const { collected } = await host.run(`${program} secret=v`);
    assert.equal(collected.value?.toString(), 'v', program);
  }
  assert.ok(performance.now() - begun < 6_000);
  await eventually('nothing is left there', () => host.processes().length === 0, 10_000);
});

test('ending one run leaves the others on the same connection alone', async () => {
  await using run = await start(': >ready; sleep 60');
  const rest = Array.from({ length: 6 }, () => run.host.run('sleep 0.5; secret=v'));
  await eventually('all of them run', () => run.host.processes().length >= 15);
  run.cancel();
  assert.equal((await run.running).end.kind, 'cancelled');
  for (const { end } of await Promise.all(rest)) assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
  await gone(run.host);
});
