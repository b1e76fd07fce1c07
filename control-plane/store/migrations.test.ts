import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { someTime, testDatabase } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { type Database, openDatabase } from './database.ts';
import { migrate, NewerStoreError } from './migrations.ts';

async function tablesOf(database: Database): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from sqlite_schema where type = 'table' order by name`.execute(database);
  return rows.map(({ name }) => name);
}

const tables = [
  'api_keys',
  'connectors',
  'delegate_tokens',
  'delegates',
  'migrations',
  'secrets',
  'templates',
];

test('a fresh file gets the whole schema, and remembers when', async () => {
  using folder = temporaryFolder();
  const database = openDatabase(folder.file('legate.db'));
  await migrate(database, someTime);
  assert.deepEqual(await tablesOf(database), tables);
  const applied = await database.selectFrom('migrations').selectAll().execute();
  await database.destroy();
  assert.deepEqual(applied, [{ number: 1, applied_at: someTime }]);
});

test('migrating again changes nothing', async () => {
  await using store = await testDatabase();
  await store.database
    .insertInto('api_keys')
    .values({ id: 'a', name: 'n', key_hash: 'h', created_at: 'now' })
    .execute();
  await migrate(store.database, 'later');
  const applied = await store.database.selectFrom('migrations').selectAll().execute();
  assert.deepEqual(applied, [{ number: 1, applied_at: someTime }]);
  assert.equal((await store.database.selectFrom('api_keys').selectAll().execute()).length, 1);
});

test('a file that a newer version has written is refused, and left as it is', async () => {
  await using store = await testDatabase();
  await store.database.insertInto('migrations').values({ number: 2, applied_at: 'later' }).execute();
  await assert.rejects(migrate(store.database, someTime), NewerStoreError);
  assert.equal((await store.database.selectFrom('migrations').selectAll().execute()).length, 2);
});

test('a migration that fails leaves nothing behind, so that the next start tries all of it', async () => {
  using folder = temporaryFolder();
  const database = openDatabase(folder.file('legate.db'));
  await sql`create table secrets (in_the_way text)`.execute(database);
  await assert.rejects(migrate(database, someTime), /already exists/);
  assert.deepEqual(await tablesOf(database), ['migrations', 'secrets']);
  await sql`drop table secrets`.execute(database);
  await migrate(database, someTime);
  assert.deepEqual(await tablesOf(database), tables);
  await database.destroy();
});
