// fixtures/version-2.db was made by the code of commit ff0dfcc, through its command line: the documents of
// templates/pass, the first key and one with a narrowed grant, a token of an organisation with two names and one of the
// account without, and a delegate that came and went.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { sql } from 'kysely';
import { emptyDatabase, someTime } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { assertTokens } from '../../test/harness/upgraded-tokens.ts';
import { openDatabase } from './database.ts';
import { migrate, newestMigration } from './migrations.ts';

const fixture = new URL('fixtures/version-2.db', import.meta.url).pathname;
/** What no step after version 2 changes. */
const unchanged = ['api_keys', 'api_key_credentials', 'delegates', 'templates', 'template_contents'] as const;
const more = ['template_versions', 'connectors', 'secrets', 'secret_uses', 'audit', 'settings'] as const;

function rowsOf(path: string, table: string): Record<string, string | null>[] {
  using file = new DatabaseSync(path, { readOnly: true });
  return file
    .prepare(`select * from ${table} order by 1, 2`)
    .all()
    .map(row =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, value === null ? null : String(value)]),
      ),
    );
}

test('a store of version 2 keeps everything, and its tokens allow what they allowed', async () => {
  using folder = temporaryFolder();
  const path = folder.file('legate.db');
  copyFileSync(fixture, path);
  const database = openDatabase(path);
  await migrate(database, someTime);
  const { number } = await database
    .selectFrom('migrations')
    .select(({ fn }) => fn.max('number').as('number'))
    .executeTakeFirstOrThrow();
  assert.equal(number, newestMigration);
  await assertTokens(database, rowsOf(fixture, 'delegate_tokens'));
  await database.destroy();
  for (const table of [...unchanged, ...more]) {
    assert.deepEqual(rowsOf(path, table).map(asBefore), rowsOf(fixture, table), table);
    assert.ok(rowsOf(path, table).length > 0 || table === 'secret_uses', table);
  }
});

test('the same in Postgres', async () => {
  await using store = await emptyDatabase('postgres');
  await migrate(store.database, someTime, 2);
  const rows = rowsOf(fixture, 'delegate_tokens');
  for (const row of rows) {
    const columns = sql.join(Object.keys(row).map(name => sql.ref(name)));
    await sql`insert into delegate_tokens (${columns}) values (${sql.join(Object.values(row))})`.execute(
      store.database,
    );
  }
  await migrate(store.database, someTime);
  await assertTokens(store.database, rows);
});

/** Without the columns that came later, which hold nothing yet. */
function asBefore({ drained_at, ...row }: Readonly<Record<string, string | null>>) {
  assert.ok(drained_at === undefined || drained_at === null);
  return row;
}
