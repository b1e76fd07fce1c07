import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { testDatabase } from '../../test/harness/database.ts';
import { type Database, openDatabase } from './database.ts';
import { PostgresUrlError } from './postgres.ts';

const setting = async (database: Database, name: string) => {
  const { rows } = await sql<{ value: string }>`select current_setting(${name}) as value`.execute(database);
  return rows[0]?.value;
};

/** Ends every other connection to the database, as a restart of the server does. */
const disconnectAll = async (target: string, expected: number) => {
  const other = openDatabase(target);
  const { rows } = await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`.execute(other);
  await other.destroy();
  assert.equal(rows.length, expected);
};

test('a connection has limits, and a name for those who look after the server', async () => {
  await using store = await testDatabase('postgres');
  assert.equal(await setting(store.database, 'application_name'), 'legate');
  assert.equal(await setting(store.database, 'statement_timeout'), '30s');
  assert.equal(await setting(store.database, 'lock_timeout'), '20s');
  assert.equal(await setting(store.database, 'idle_in_transaction_session_timeout'), '1min');
  assert.equal(await setting(store.database, 'transaction_isolation'), 'read committed');
});

test('a number too large to be exact is an error, not another number', async () => {
  await using store = await testDatabase('postgres');
  const { rows } = await sql`select 9007199254740991::int8 as n`.execute(store.database);
  assert.deepEqual(rows, [{ n: Number.MAX_SAFE_INTEGER }]);
  await assert.rejects(
    sql`select 9007199254740993::int8 as n`.execute(store.database),
    /too large to be exact/,
  );
});

test('a connection that breaks while nobody uses it is reported, and the next query has a new one', async () => {
  await using store = await testDatabase('postgres');
  const { promise: reported, resolve } = Promise.withResolvers<Error>();
  const database = openDatabase(store.target, resolve);
  await sql`select 1`.execute(database);
  await disconnectAll(store.target, 1);
  assert.match((await reported).message, /terminating connection/);
  assert.deepEqual((await sql`select 1 as one`.execute(database)).rows, [{ one: 1 }]);
  await database.destroy();
});

test('a connection that breaks in a transaction fails the transaction, and nothing else', async () => {
  await using store = await testDatabase('postgres');
  const { promise: reported, resolve } = Promise.withResolvers<Error>();
  const database = openDatabase(store.target, resolve);
  const broken = database.transaction().execute(async transaction => {
    await transaction.insertInto('settings').values({ name: 'a', value: '' }).execute();
    await disconnectAll(store.target, 1);
    await reported;
    await transaction.insertInto('settings').values({ name: 'b', value: '' }).execute();
  });
  await assert.rejects(broken);
  const rows = await database.selectFrom('settings').selectAll().where('name', 'in', ['a', 'b']).execute();
  assert.deepEqual(rows, []);
  await database.destroy();
});

test('a URL that cannot be used is refused in words that do not repeat it', () => {
  const refusal = (url: string) => {
    try {
      openDatabase(url);
    } catch (error) {
      assert.ok(error instanceof PostgresUrlError);
      assert.equal(error.cause, undefined);
      assert.doesNotMatch(String(error.stack), /hunter2/);
      return error.message;
    }
    return assert.fail('it was taken');
  };
  assert.equal(refusal('postgres://user:hunter2@host:port/d'), 'the Postgres URL cannot be used');
  assert.equal(
    refusal('postgres://user:hunter2@host/d?sslmode=verify-full&sslrootcert=/absent.pem'),
    "the Postgres URL cannot be used: ENOENT: no such file or directory, open '/absent.pem'",
  );
});

test('a Postgres that cannot be reached fails the query, in words without the password', async () => {
  const database = openDatabase('postgres://user:hunter2@127.0.0.1:1/db');
  await assert.rejects(sql`select 1`.execute(database), (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.doesNotMatch(JSON.stringify(error) + String(error.stack), /hunter2/);
    return true;
  });
  await database.destroy();
});
