// What a newcomer types first.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const quickstart = fileURLToPath(new URL('../scripts/quickstart', import.meta.url));

test('quickstart walks the whole route, prints the value, and stops what it started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'legate-quickstart-test-'));
  try {
    const { stdout } = await execa(quickstart, { stdin: 'ignore', env: { TMPDIR: folder } });
    assert.match(stdout, /^db-password = [A-Za-z0-9+/]{32}$/m);
    assert.match(stdout, /^account\.quickstart_files works: delegate quickstart-delegate got a value/m);
    assert.deepEqual(await readdir(folder), []);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('quickstart refuses an argument that it does not know', async () => {
  const { exitCode, stderr } = await execa(quickstart, ['--nope'], { reject: false });
  assert.equal(exitCode, 2);
  assert.match(stderr, /unknown argument '--nope'/);
});
