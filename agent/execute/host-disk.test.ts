// A host whose disk is full, and one whose home can't be written: nothing of ours needs either.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { openHost } from '../../test/harness/host-runner.ts';
import { isRoot } from '../../test/harness/sshd.ts';

/** A file system of a few pages over the home that shells see, until it is disposed of. */
function smallDisk(path: string): Disposable {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=755', 'tmpfs', path]);
  return { [Symbol.dispose]: () => execFileSync('umount', ['--lazy', path]) };
}

const reason = isRoot ? false : 'only root can mount a file system';
const script = 'echo x >"$HOME/probe" 2>/dev/null && secret=written || secret="not written"';

test('a script runs in a full home, as its own values need no disk', { skip: reason }, async () => {
  await using host = await openHost();
  const home = host.server.file('home');
  using _ = smallDisk(home);
  assert.throws(() => writeFileSync(`${home}/filler`, Buffer.alloc(1_000_000)), { code: 'ENOSPC' });
  const large = 'x'.repeat(60_000);
  const { collected, end } = await host.run(
    'secret="$__legate_1"; echo more >"$HOME/probe" 2>/dev/null || secret+=full',
    { inputs: [large], workingDirectory: home },
  );
  assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
  assert.equal(collected.value?.toString(), `${large}full`);
});

test('a script runs in a home that is read-only', { skip: reason }, async () => {
  await using host = await openHost();
  const home = host.server.file('home');
  using _ = smallDisk(home);
  execFileSync('mount', ['-o', 'remount,ro', home]);
  const { collected, end } = await host.run(script, { workingDirectory: home });
  assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
  assert.equal(collected.value?.toString(), 'not written');
});
