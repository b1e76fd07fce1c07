import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'node:test';
import { Command } from 'commander';
import { testDatabase } from '../test/harness/database.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { backupCommand, restoreCommand } from './backup-command.ts';
import { newestMigration } from './store/migrations.ts';

/** Runs a command line below `legate server`, which takes the same option. */
async function legateServer(
  ...args: string[]
): Promise<{ code: number | string | undefined; out: string; err: string }> {
  let out = '';
  let err = '';
  const writeOut = (text: string) => {
    out += text;
  };
  const writeErr = (text: string) => {
    err += text;
  };
  const commands = [backupCommand(), restoreCommand()].map(command =>
    command.configureOutput({ writeOut, writeErr }),
  );
  const server = new Command('server').option('--data <folder>');
  for (const command of commands) server.addCommand(command);
  try {
    await server.parseAsync(args, { from: 'user' });
    return { code: process.exitCode ?? 0, out, err };
  } finally {
    process.exitCode = undefined;
  }
}

test('a store is backed up and restored, and a person is told what is not in the file', async () => {
  await using store = await testDatabase();
  using places = temporaryFolder();
  const data = dirname(store.target);
  const file = places.file('backup.db');
  const made = await legateServer('backup', file, '--data', data);
  assert.deepEqual([made.code, made.err], [0, '']);
  assert.equal(
    made.out,
    `wrote ${file} (${statSync(file).size} bytes, schema ${newestMigration}), checked and on the disk
values are in it as they are in the store, encrypted; the key ring that opens them is not
keep a copy of the key ring in another place than this file: docs/keys-and-backup.md
`,
  );
  const restored = await legateServer('--data', places.file('new'), 'restore', file);
  assert.deepEqual([restored.code, restored.err], [0, '']);
  assert.equal(
    restored.out,
    `restored ${file} into ${places.file('new')} (schema ${newestMigration})
there was no store before
the server needs a key ring that holds the keys of the time of the backup
`,
  );
  assert.ok(existsSync(places.file('new/legate.db')));
});

test('a refusal is one line: of ours, of the system, or of a store that a server uses', async () => {
  await using store = await testDatabase();
  using places = temporaryFolder();
  const data = dirname(store.target);
  const file = places.file('backup.db');
  writeFileSync(file, '');
  assert.deepEqual(await legateServer('backup', file, '--data', data), {
    code: 1,
    out: '',
    err: `legate server backup: ${file} exists already; name a file that does not\n`,
  });
  const nowhere = await legateServer('backup', places.file('absent/backup.db'), '--data', data);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /^legate server backup: ENOENT.*\n$/);
  assert.deepEqual(await legateServer('restore', file, '--data', data), {
    code: 1,
    out: '',
    err: `legate server restore: ${store.target} is in use; stop the server that uses it first\n`,
  });
});

test('a Postgres is left to its own tools', async t => {
  t.after(() => {
    delete process.env.LEGATE_DATABASE_URL;
  });
  process.env.LEGATE_DATABASE_URL = 'postgres://user:hunter2@host/legate';
  assert.deepEqual(await legateServer('backup', 'file'), {
    code: 2,
    out: '',
    err: 'legate server backup: this is for a store in the data folder; for a Postgres, use its own pg_dump and pg_restore\n',
  });
});
