import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { dialects, eachDialect, emptyDatabase, someTime } from '../../test/harness/database.ts';
import { startProgram } from '../../test/harness/program.ts';
import { type Database, dialectOf } from './database.ts';
import { migrate, NewerStoreError, newestMigration } from './migrations.ts';

async function tablesOf(database: Database): Promise<string[]> {
  const { rows } = await (dialectOf(database) === 'sqlite'
    ? sql<{ name: string }>`select name from sqlite_schema where type = 'table' order by name`
    : sql<{ name: string }>`select table_name as name from information_schema.tables
        where table_schema = 'public' order by table_name collate "C"`
  ).execute(database);
  return rows.map(({ name }) => name);
}

const tables = [
  'api_key_credentials',
  'api_keys',
  'applications',
  'audit',
  'connectors',
  'delegate_issuers',
  'delegate_scopes',
  'delegate_token_credentials',
  'delegate_tokens',
  'delegates',
  'encrypted_values',
  'environments',
  'migrations',
  'secret_uses',
  'secrets',
  'settings',
  'template_contents',
  'template_versions',
  'templates',
];

const numbers = Array.from({ length: newestMigration }, (_, index) => index + 1);
const applied = async (database: Database) =>
  database.selectFrom('migrations').selectAll().orderBy('number').execute();

eachDialect('a fresh store gets the whole schema, and remembers when', async ({ database }) => {
  assert.deepEqual(await tablesOf(database), tables);
  const expected = numbers.map(number => ({ number, applied_at: someTime }));
  assert.deepEqual(await applied(database), expected);
});

eachDialect('migrating again changes nothing', async ({ database }) => {
  await database.insertInto('settings').values({ name: 'kept', value: 'as it is' }).execute();
  const before = await applied(database);
  await migrate(database, 'later');
  assert.deepEqual(await applied(database), before);
  const kept = await database.selectFrom('settings').selectAll().where('name', '=', 'kept').execute();
  assert.deepEqual(kept, [{ name: 'kept', value: 'as it is' }]);
});

eachDialect(
  'a store that a newer version has written is refused, and left as it is',
  async ({ database }) => {
    await database
      .insertInto('migrations')
      .values({ number: newestMigration + 1, applied_at: 'later' })
      .execute();
    const before = await applied(database);
    await assert.rejects(migrate(database, someTime), NewerStoreError);
    assert.deepEqual(await applied(database), before);
  },
);

for (const dialect of dialects) {
  test(`a step that fails leaves nothing behind, and the next start tries all of it (${dialect})`, async () => {
    await using store = await emptyDatabase(dialect);
    const { database } = store;
    await migrate(database, someTime, 1);
    const before = await tablesOf(database);
    await sql`create table applications (in_the_way text)`.execute(database);
    await assert.rejects(migrate(database, someTime), /already exists/);
    assert.deepEqual(await tablesOf(database), [...before, 'applications'].sort());
    assert.equal((await applied(database)).length, 1);
    await sql`drop table applications`.execute(database);
    await migrate(database, someTime);
    assert.deepEqual(await tablesOf(database), tables);
  });

  test(`of servers that start at once, each finds the whole schema, applied once (${dialect})`, async () => {
    await using store = await emptyDatabase(dialect);
    const starter = new URL('../../test/harness/migrate-store.ts', import.meta.url).pathname;
    const programs = ['one', 'two', 'three'].map(name =>
      startProgram({ args: [starter, store.target, name] }),
    );
    await Promise.all(programs.map(program => program.said('ready')));
    for (const program of programs) program.signal('SIGUSR2');
    const ended = await Promise.all(programs.map(program => program.ended));
    const output = programs.map(program => program.output()).join('');
    assert.deepEqual(ended, Array(3).fill({ code: 0, signal: null }), output);
    assert.deepEqual(await tablesOf(store.database), tables);
    assert.deepEqual(
      (await applied(store.database)).map(({ number }) => number),
      numbers,
    );
    const accounts = await store.database.selectFrom('settings').selectAll().execute();
    assert.equal(accounts.filter(({ name }) => name === 'account_id').length, 1);
  });
}

eachDialect('lists have the order of code points, in a Postgres that sorts by language, too', async store => {
  for (const name of ['b', 'B', 'a', 'A', '_', 'é'])
    await store.database.insertInto('applications').values({ id: name, name, created_at: '' }).execute();
  const rows = await store.database.selectFrom('applications').select('name').orderBy('name').execute();
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['A', 'B', '_', 'a', 'b', 'é'],
  );
});
