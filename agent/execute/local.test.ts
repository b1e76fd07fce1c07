/** Where a script runs, what it sees there, and that nothing of it stays. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Clock, systemClock } from '../../protocol/index.ts';
import { eventually, openRunner } from '../../test/harness/local-runner.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import type { Execution } from './execution.ts';

const scripts = await openRunner();
after(() => scripts[Symbol.asyncDispose]());

function text({ collected, end, stderr }: Execution): string {
  assert.ok(collected.value, `${JSON.stringify(end)} ${stderr.toString()}`);
  return collected.value.toString();
}

/** The private directories that are there now, below a runner's one folder. */
function privateDirectories(workRoot: string): string[] {
  return readdirSync(workRoot).flatMap(folder => readdirSync(join(workRoot, folder)));
}

describe("a script's private directory", () => {
  test('is its own, empty, and closed to everybody else', async () => {
    const [one, other] = await Promise.all(
      [1, 2].map(() => scripts.run('secret="$PWD|$(stat -c %a .)|$(ls -A)"')),
    );
    assert.ok(one && other);
    assert.match(text(one), /\|700\|$/);
    assert.ok(text(one).startsWith(`${scripts.workRoot}/`));
    assert.notEqual(text(one), text(other));
  });

  const leftovers: Record<string, string> = {
    nothing: ':',
    'files and folders': 'mkdir -p a/b && echo x >a/b/c && ln -s / a/link && mkfifo pipe',
    'a folder that cannot be read': 'mkdir -p a/b && echo x >a/b/c && chmod 000 a/b a',
    'itself, unreadable': 'echo x >a && chmod 000 "$PWD"',
    'itself, removed': 'rm -rf "$PWD"',
    'a file that cannot be written': 'echo x >a && chmod 000 a && umask 777 && mkdir b',
  };
  for (const [what, program] of Object.entries(leftovers)) {
    test(`is removed when the script leaves ${what}`, async () => {
      assert.equal(text(await scripts.run(`${program}\nsecret=v`)), 'v');
      await eventually('the directory is gone', () => privateDirectories(scripts.workRoot).length === 0);
    });
  }

  test('is removed when the script fails or is ended', async () => {
    await scripts.run('echo x >a; exit 3');
    await scripts.run('echo x >a; sleep 60', { remainingMs: 100 });
    await eventually('the directories are gone', () => privateDirectories(scripts.workRoot).length === 0);
  });

  test('is made anew when somebody has cleaned the temporary folder', async () => {
    await using cleaned = await openRunner({ standby: 1 });
    await eventually('a shell waits', () => cleaned.processes().length === 1);
    rmSync(cleaned.workRoot, { recursive: true });
    const { collected, end } = await cleaned.run('echo x >file && secret=$(stat -c %a .)');
    assert.equal(collected.value?.toString(), '700', JSON.stringify(end));
  });

  test('that cannot be made is a failure that says so, and nothing worse', async () => {
    await using broken = await openRunner({ standby: 1 });
    rmSync(broken.workRoot, { recursive: true });
    writeFileSync(broken.workRoot, 'a file where a folder was');
    const { end } = await broken.run('secret=v');
    assert.equal(end.kind, 'not-started');
    assert.match(end.kind === 'not-started' ? end.detail : '', /could not make a folder in .* \(EEXIST\)$/);
  });
});

test('a folder that breaks while a script runs is its own loss, and not that of the agent', async () => {
  await using broken = await openRunner({ standby: 1 });
  const program = 'rm -rf "$__legate_1"; : >"$__legate_1"; secret=v';
  assert.equal(text(await broken.run(program, { inputs: [broken.workRoot] })), 'v');
  await new Promise(resolve => setImmediate(resolve)); // Now it has tried to keep another shell ready.
  assert.equal((await broken.run('secret=v')).end.kind, 'not-started');
});

describe('a working directory that is given', () => {
  test('is where the script runs, and keeps what the script leaves there', async () => {
    using folder = temporaryFolder();
    const workingDirectory = folder.file(`with 'quotes" $HOME and\nlines`);
    await scripts.run(`mkdir "$__legate_1"`, { inputs: [workingDirectory] });
    assert.equal(
      text(await scripts.run('echo x >kept; secret=$PWD', { workingDirectory })),
      workingDirectory,
    );
    assert.deepEqual(readdirSync(workingDirectory), ['kept']);
    assert.ok(!existsSync(join(workingDirectory, 'legate')));
  });

  const absent: Record<string, string> = {
    'does not exist': '/nonexistent/folder',
    'is a file': '/etc/passwd',
    'looks like an option': '-P',
  };
  for (const [what, workingDirectory] of Object.entries(absent)) {
    test(`that ${what} is reported as missing, and nothing runs`, async () => {
      const { end, collected } = await scripts.run('echo ran >&2; secret=v', { workingDirectory });
      assert.deepEqual(end, { kind: 'exited', exitCode: 126 });
      assert.deepEqual(collected, { directoryMissing: true });
    });
  }
});

test("a script's environment is exactly the one given, the run's mark, and what bash makes", async () => {
  await using other = await openRunner({ environment: { ONE: 'a b', TWO: 'x=y\nz', EMPTY: '' } });
  process.env.LEGATE_TEST_OWN = 'the agent’s own';
  const environment = text(await other.run('secret=$(env -0 | base64 -w0)'));
  delete process.env.LEGATE_TEST_OWN;
  const entries = Buffer.from(environment, 'base64').toString().split('\0').filter(Boolean);
  const names = new Set(entries.map(entry => entry.split('=', 1)[0]));
  const ofBash = ['PWD', 'SHLVL', '_'];
  const given = ['EMPTY', 'LEGATE_RUN', 'LEGATE_TEST_NONCE', 'ONE', 'PATH', 'TWO'];
  assert.deepEqual(names, new Set([...given, ...ofBash]));
  assert.ok(entries.includes('ONE=a b') && entries.includes('TWO=x=y\nz') && entries.includes('EMPTY='));
});

describe('a shell that cannot be started', () => {
  test('is missing when there is none of that name', async () => {
    await using other = await openRunner({ shell: 'no-such-bash', standby: 1 });
    assert.deepEqual((await other.run('secret=v')).end, {
      kind: 'not-started',
      reason: 'shell-missing',
      detail: "there is no no-such-bash on the delegate's PATH",
    });
  });

  test("is looked for on the scripts' PATH", async () => {
    await using other = await openRunner({ environment: { PATH: '/nonexistent' } });
    const { end } = await other.run('secret=v');
    assert.equal(end.kind === 'not-started' && end.reason, 'shell-missing');
  });

  test('is named with the reason when it cannot be executed', async () => {
    using folder = temporaryFolder();
    const shell = folder.file('bash');
    writeFileSync(shell, '');
    chmodSync(shell, 0o600);
    await using other = await openRunner({ shell });
    const { end } = await other.run('secret=v');
    assert.deepEqual(end, {
      kind: 'not-started',
      reason: 'internal',
      detail: `the delegate could not start ${shell} (EACCES)`,
    });
  });

  test('that goes away without reading its input is reported as it ended', async () => {
    await using other = await openRunner({ shell: 'false' });
    const { end, collected } = await other.run(`secret='${'x'.repeat(250_000)}'`);
    assert.deepEqual(end, { kind: 'exited', exitCode: 1 });
    assert.deepEqual(collected, { directoryMissing: false });
  });

  test('fails at once when the system refuses even to try', async () => {
    await using other = await openRunner({ standby: 1, environment: { HUGE: 'x'.repeat(200_000) } });
    const { end } = await other.run('secret=v', { remainingMs: 5_000 });
    assert.deepEqual(end, {
      kind: 'not-started',
      reason: 'internal',
      detail: 'the delegate could not start bash (E2BIG)',
    });
  });
});

describe('a shell that waits', () => {
  test('is used by one run only, and replaced', async () => {
    await using other = await openRunner({ standby: 2 });
    await eventually('two shells wait', () => other.processes().length === 2);
    const waiting = other.processes();
    const used = new Set<number>();
    for (let run = 0; run < 6; run += 1) used.add(Number(text(await other.run('secret=$$'))));
    assert.equal(used.size, 6);
    assert.deepEqual(new Set([...used].slice(0, 2)), new Set(waiting));
    await eventually('two shells wait again', () => other.processes().length === 2);
  });

  test('is not handed out when somebody has killed it', async () => {
    await using other = await openRunner({ standby: 1 });
    await eventually('a shell waits', () => other.processes().length === 1);
    for (const pid of other.processes()) process.kill(pid, 'SIGKILL');
    await eventually('it is gone', () => privateDirectories(other.workRoot).length === 0);
    assert.equal(text(await other.run('secret=v')), 'v');
  });

  test('knows nothing of the task before', async () => {
    await using other = await openRunner({ standby: 1 });
    await other.run('secret=stale; stale=x; f() { :; }; cd /; umask 0; set -u', { inputs: ['a', 'b'] });
    const program = 'secret="[${stale-}${secret-}${__legate_1-}$(declare -F)$(umask)$-]"';
    assert.match(text(await other.run(program)), /^\[0?022h?B?c?\]$/);
  });
});

test('a value is not lost on a machine so busy that all waiting is over before anything is read', async () => {
  const hurried: Clock = {
    now: () => systemClock.now(),
    after(delayMs, then) {
      // Only the wait for the last output: what looks again and again would keep the machine from anything else.
      if (delayMs !== 100) return systemClock.after(delayMs, then);
      queueMicrotask(then);
      return () => {};
    },
  };
  await using busy = await openRunner({ clock: hurried });
  for (let round = 0; round < 5; round += 1) {
    const many = Array.from({ length: 8 }, (_, run) => busy.run(`printf -v secret '%0100000d' ${run}`));
    for (const execution of await Promise.all(many)) assert.equal(text(execution).length, 100_000);
  }
});

describe('nothing stays', () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;

  test('after two hundred runs in a row: no process, no file, no descriptor', async () => {
    await (await openRunner({ standby: 1 }))[Symbol.asyncDispose](); // What is loaded once is loaded.
    const before = descriptors();
    await using other = await openRunner({ standby: 2 });
    for (let run = 0; run < 50; run += 1) {
      const four = [1, 2, 3, 4].map(number => other.run(`echo x >file; secret=${run}-${number}`));
      assert.deepEqual(
        (await Promise.all(four)).map(text),
        [1, 2, 3, 4].map(number => `${run}-${number}`),
      );
    }
    await other.runner.close();
    assert.deepEqual(other.processes(), []);
    assert.deepEqual(readdirSync(other.workRoot), []);
    await eventually('all descriptors are closed', () => descriptors() <= before);
  });

  test('after closing with shells that wait, strays and a run that is being cancelled', async () => {
    await using other = await openRunner({ standby: 2 });
    await other.run('setsid bash -c "trap : TERM; sleep 60; sleep 60" & secret=v');
    const cancel = new AbortController();
    const running = other.run('echo x >started; sleep 60', { signal: cancel.signal });
    await eventually('it runs', () => {
      const folders = readdirSync(other.workRoot);
      return folders.some(folder =>
        readdirSync(join(other.workRoot, folder)).some(run =>
          existsSync(join(other.workRoot, folder, run, 'started')),
        ),
      );
    });
    cancel.abort();
    await Promise.all([running, other.runner.close()]);
    await eventually('no process is left', () => other.processes().length === 0);
    assert.deepEqual(readdirSync(other.workRoot), []);
    assert.ok(statSync(other.workRoot).isDirectory());
  });
});
