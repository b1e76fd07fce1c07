// fixtures/version-3.db was made by the code of commit b7bdb22, through its command line: the documents of
// templates/pass, a value of the built-in manager, the first key and one with a narrowed grant, a token with every bound,
// one without and a revoked one, and a delegate that came and went.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { sql } from 'kysely';
import { emptyDatabase, someTime } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { openDatabase } from './database.ts';
import { listDelegateRows } from './delegates.ts';
import { migrate, newestMigration } from './migrations.ts';

const fixture = new URL('fixtures/version-3.db', import.meta.url).pathname;

function tablesOf(path: string): string[] {
  using file = new DatabaseSync(path, { readOnly: true });
  return file
    .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by 1")
    .all()
    .map(({ name }) => String(name));
}

type Row = Record<string, string | number | null>;

function rowsOf(path: string, table: string): Row[] {
  using file = new DatabaseSync(path, { readOnly: true });
  const rows = file.prepare(`select * from ${table} order by 1, 2`).all();
  return rows.map(row =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
  );
}

function plain(value: unknown): string | number | null {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  return assert.fail('a value of another type than the tables have');
}

/** Of columns that came later none holds anything yet. */
function asBefore(row: Row, before: Row): Row {
  const known = Object.entries(row).filter(([name, value]) => {
    assert.ok(name in before || value === null, name);
    return name in before;
  });
  return Object.fromEntries(known);
}

test('a store of version 3 keeps every row of every table', async () => {
  using folder = temporaryFolder();
  const path = folder.file('legate.db');
  copyFileSync(fixture, path);
  const database = openDatabase(path);
  await migrate(database, someTime);
  const [delegate] = await listDelegateRows(database);
  assert.deepEqual([delegate?.name, delegate?.drainedAt], ['wanderer', undefined]);
  await database.destroy();
  const tables = tablesOf(fixture).filter(table => table !== 'migrations');
  assert.ok(tables.length > 15, tables.join());
  for (const table of tables) {
    const before = rowsOf(fixture, table);
    const rows = rowsOf(path, table).map((row, index) => asBefore(row, before[index] ?? {}));
    assert.deepEqual(rows, before, table);
  }
  for (const table of ['connectors', 'delegate_tokens', 'encrypted_values', 'audit', 'delegates'])
    assert.ok(rowsOf(path, table).length > 0, table);
  assert.equal(rowsOf(path, 'migrations').at(-1)?.number, newestMigration);
});

test('the same of its delegates and tokens in Postgres', async () => {
  await using store = await emptyDatabase('postgres');
  const { database } = store;
  await migrate(database, someTime, 3);
  for (const table of ['delegates', 'delegate_tokens', 'delegate_token_credentials']) {
    for (const row of rowsOf(fixture, table)) {
      const columns = sql.join(Object.keys(row).map(name => sql.ref(name)));
      await sql`insert into ${sql.table(table)} (${columns}) values (${sql.join(Object.values(row))})`.execute(
        database,
      );
    }
  }
  await migrate(database, someTime);
  for (const table of ['delegates', 'delegate_tokens', 'delegate_token_credentials']) {
    const before = rowsOf(fixture, table);
    const { rows } = await sql<Row>`select * from ${sql.table(table)} order by 1, 2`.execute(database);
    assert.deepEqual(
      rows.map((row, index) => asBefore({ ...row }, before[index] ?? {})),
      before,
      table,
    );
  }
});
