import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { openRunFolder } from './run-folder.ts';

/** Runs as somebody whom file permissions stop, which they don't for root. */
async function asPlainUser(folder: string, work: () => Promise<void>): Promise<void> {
  const plainUser = 65_534;
  if (process.geteuid?.() !== 0 || !process.seteuid) return work();
  chownSync(folder, plainUser, plainUser);
  process.seteuid(plainUser);
  try {
    await work();
  } finally {
    process.seteuid(0);
  }
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('a run directory is empty, private, and different each time', () => {
  using root = temporaryFolder();
  const folder = openRunFolder(root.path);
  const [one, other] = [folder.make(), folder.make()];
  assert.notEqual(one, other);
  assert.deepEqual(readdirSync(one), []);
  assert.equal(modeOf(one), 0o700);
  assert.equal(modeOf(join(one, '..')), 0o700);
  folder.close();
});

test('the folder for them is made where it is missing, for nobody else', () => {
  using root = temporaryFolder();
  const folder = openRunFolder(join(root.path, 'a', 'b'));
  assert.equal(modeOf(join(root.path, 'a', 'b')), 0o700);
  folder.close();
});

test('removing a run directory leaves the others', async () => {
  using root = temporaryFolder();
  const folder = openRunFolder(root.path);
  const [one, other] = [folder.make(), folder.make()];
  mkdirSync(join(one, 'a'));
  writeFileSync(join(one, 'a', 'b'), 'x');
  await folder.remove(one);
  await folder.remove(one); // Gone already, which is what was wanted.
  assert.ok(!existsSync(one) && existsSync(other));
  folder.close();
  assert.deepEqual(readdirSync(root.path), []);
});

describe('what a script made unreadable goes all the same', () => {
  for (const how of ['remove', 'close'] as const) {
    test(`with ${how}`, async () => {
      using root = temporaryFolder();
      await asPlainUser(root.path, async () => {
        const folder = openRunFolder(root.path);
        const run = folder.make();
        mkdirSync(join(run, 'a', 'b'), { recursive: true });
        writeFileSync(join(run, 'a', 'b', 'c'), 'x');
        for (const path of ['a/b', 'a', '.']) chmodSync(join(run, path), 0);
        if (how === 'remove') await folder.remove(run);
        else folder.close();
        assert.ok(!existsSync(run));
        folder.close();
      });
      assert.deepEqual(readdirSync(root.path), []);
    });
  }

  test('and a link in it is not followed', async () => {
    using root = temporaryFolder();
    await asPlainUser(root.path, async () => {
      const folder = openRunFolder(root.path);
      const outside = mkdtempSync(join(root.path, 'outside-'));
      writeFileSync(join(outside, 'kept'), 'x');
      chmodSync(outside, 0o500);
      const run = folder.make();
      symlinkSync(outside, join(run, 'link'));
      chmodSync(run, 0);
      await folder.remove(run);
      assert.ok(!existsSync(run));
      assert.deepEqual(readdirSync(outside), ['kept']);
      assert.equal(modeOf(outside), 0o500);
      folder.close();
    });
  });
});

describe('at the start, folders', () => {
  /** The process id of something that has ended. */
  const ended = spawnSync('true').pid;

  test('of agents that no longer live are removed, those of living ones stay', () => {
    using root = temporaryFolder();
    const own = openRunFolder(root.path);
    const run = own.make();
    for (const pid of [ended, process.ppid])
      mkdirSync(join(root.path, `legate-runs-${pid}-abc`, 'run-1'), { recursive: true });
    const folder = openRunFolder(root.path);
    assert.ok(!existsSync(join(root.path, `legate-runs-${ended}-abc`)));
    assert.ok(existsSync(join(root.path, `legate-runs-${process.ppid}-abc`)));
    assert.ok(existsSync(run), "another runner's of this process");
    own.close();
    folder.close();
  });

  test('of an earlier agent with the same process id are removed, as in a restarted container', () => {
    using root = temporaryFolder();
    const left = join(root.path, `legate-runs-${process.pid}-abc`);
    mkdirSync(join(left, 'run-1'), { recursive: true });
    openRunFolder(root.path).close();
    assert.ok(!existsSync(left));
  });

  test('and files that are nobody’s runs stay', () => {
    using root = temporaryFolder();
    const names = ['legate-runs-', 'legate-runs-x', `other-${ended}-abc`, 'legate-runs-0-abc'];
    for (const name of names) mkdirSync(join(root.path, name));
    openRunFolder(root.path).close();
    assert.deepEqual(readdirSync(root.path).sort(), names.sort());
  });
});

test('a folder that was cleaned away is made anew, under another name', () => {
  using root = temporaryFolder();
  const folder = openRunFolder(root.path);
  const before = join(folder.make(), '..');
  rmSync(before, { recursive: true });
  const run = folder.make();
  assert.notEqual(join(run, '..'), before);
  assert.equal(modeOf(join(run, '..')), 0o700);
  folder.close();
  assert.deepEqual(readdirSync(root.path), []);
});
