import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { sql } from 'kysely';
import { testDatabase } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { openDatabase } from './database.ts';

const key = (id: string) => ({ id, name: `key ${id}`, key_hash: `hash ${id}`, created_at: 'now' });

test("the file and SQLite's files beside it are their owner's only", async () => {
  await using store = await testDatabase();
  await store.database.insertInto('api_keys').values(key('a')).execute();
  const folder = store.file.slice(0, store.file.lastIndexOf('/'));
  const modes = readdirSync(folder).map(name => [name, statSync(`${folder}/${name}`).mode & 0o777]);
  assert.deepEqual(Object.fromEntries(modes), {
    'legate.db': 0o600,
    'legate.db-shm': 0o600,
    'legate.db-wal': 0o600,
  });
});

test('a file that was readable to others is so no longer', async () => {
  using folder = temporaryFolder();
  const file = folder.file('legate.db');
  writeFileSync(file, '');
  chmodSync(file, 0o644);
  await openDatabase(file).destroy();
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

test('what was written is there when the file is opened again', async () => {
  using folder = temporaryFolder();
  const file = folder.file('legate.db');
  const first = openDatabase(file);
  await sql`create table things (name text primary key)`.execute(first);
  await sql`insert into things values (${"it's ; -- \u0000 é"})`.execute(first);
  await first.destroy();
  const second = openDatabase(file);
  const { rows } = await sql`select name from things`.execute(second);
  await second.destroy();
  assert.deepEqual(rows, [{ name: "it's ; -- \u0000 é" }]);
});

test('a transaction that fails on its way leaves nothing', async () => {
  await using store = await testDatabase();
  const interrupted = store.database.transaction().execute(async transaction => {
    await transaction.insertInto('api_keys').values(key('a')).execute();
    throw new Error('half-way');
  });
  await assert.rejects(interrupted, /half-way/);
  assert.deepEqual(await store.database.selectFrom('api_keys').selectAll().execute(), []);
});

test('a transaction that was never completed is gone when the file is opened again', async () => {
  await using store = await testDatabase();
  const transaction = await store.database.startTransaction().execute();
  await transaction.insertInto('api_keys').values(key('a')).execute();
  // As a crash does it: the file is read by another process while the first has not said "commit".
  const other = openDatabase(store.file);
  assert.deepEqual(await other.selectFrom('api_keys').selectAll().execute(), []);
  await other.destroy();
  await transaction.rollback().execute();
});

test('statements of others wait until a transaction is over, and never become part of it', async () => {
  await using store = await testDatabase();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const rolledBack = store.database.transaction().execute(async transaction => {
    await transaction.insertInto('api_keys').values(key('a')).execute();
    await gate;
    throw new Error('half-way');
  });
  const outside = store.database.insertInto('api_keys').values(key('b')).execute();
  open();
  await assert.rejects(rolledBack, /half-way/);
  await outside;
  assert.deepEqual(await store.database.selectFrom('api_keys').select('id').execute(), [{ id: 'b' }]);
});

test('rows are plain objects, and a value that SQLite has no type for is refused', async () => {
  await using store = await testDatabase();
  const { rows } = await sql`select 1 as one`.execute(store.database);
  assert.deepEqual(rows, [{ one: 1 }]);
  await assert.rejects(sql`select ${true}`.execute(store.database), /no column type for a boolean/);
  await assert.rejects(sql`select ${{ a: 1 }}`.execute(store.database), /no column type for a object/);
});
