import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { sql } from 'kysely';
import { testDatabase } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { openSqlite } from './sqlite.ts';
import { isBusy } from './sqlite-errors.ts';

test("the file and SQLite's files beside it are their owner's only", async () => {
  await using store = await testDatabase();
  const folder = dirname(store.target);
  const modes = readdirSync(folder).map(name => [name, statSync(`${folder}/${name}`).mode & 0o777]);
  assert.deepEqual(Object.fromEntries(modes), {
    'legate.db': 0o600,
    'legate.db.lock': 0o600,
    'legate.db-shm': 0o600,
    'legate.db-wal': 0o600,
  });
});

test('a file that was readable to others is so no longer', async () => {
  using folder = temporaryFolder();
  const file = folder.file('legate.db');
  writeFileSync(file, '');
  chmodSync(file, 0o644);
  await openSqlite(file).destroy();
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('the store is durable, checks foreign keys and waits for a lock', async () => {
  await using store = await testDatabase();
  const pragma = async (name: string) => {
    const { rows } = await sql.raw<Record<string, unknown>>(`PRAGMA ${name}`).execute(store.database);
    return Object.values(rows[0] ?? {})[0];
  };
  assert.equal(await pragma('journal_mode'), 'wal');
  assert.equal(await pragma('synchronous'), 2);
  assert.equal(await pragma('foreign_keys'), 1);
  assert.equal(await pragma('busy_timeout'), 5_000);
});

test('a transaction keeps other writers out from its beginning, and one that only reads does not', async () => {
  await using store = await testDatabase();
  using other = new DatabaseSync(store.target, { timeout: 0 });
  const write = () =>
    other.exec("insert into settings values ('x', 'y'); delete from settings where name = 'x'");
  const writing = await store.database.startTransaction().execute();
  assert.throws(write, isBusy);
  await writing.rollback().execute();
  const reading = await store.database.startTransaction().setAccessMode('read only').execute();
  await reading.selectFrom('settings').selectAll().execute();
  write();
  await reading.rollback().execute();
});

test('rows are plain objects, and a value that SQLite has no type for is refused', async () => {
  await using store = await testDatabase();
  const { rows } = await sql`select 1 as one`.execute(store.database);
  assert.deepEqual(rows, [{ one: 1 }]);
  await assert.rejects(sql`select ${true}`.execute(store.database), /no column type for a boolean/);
  await assert.rejects(sql`select ${{ a: 1 }}`.execute(store.database), /no column type for a object/);
});
