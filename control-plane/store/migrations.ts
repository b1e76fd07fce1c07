/** Brings the schema forward, step by step, also when several servers start at once. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { type Database, dialectOf } from './database.ts';
import type { Migration, UntypedTables } from './migration.ts';
import { migration1 } from './migration-1.ts';
import { migration2 } from './migration-2.ts';
import { migration3 } from './migration-3.ts';
import { migration4 } from './migration-4.ts';
import { migration5 } from './migration-5.ts';
import type { Tables } from './tables.ts';

/** An entry that has been released is never changed, and there is no way back. */
const migrations: readonly Migration[] = [migration1, migration2, migration3, migration4, migration5];

/** The number of the schema that this version of Legate works with. */
export const newestMigration = migrations.length;

/** The store was written by a version that knows more than this one. */
export class NewerStoreError extends Error {
  override readonly name = 'NewerStoreError';

  constructor() {
    super('the store was written by a newer version of Legate; start that version');
  }
}

/**
 * Brings the schema up to date, or up to the step number `last`. A step is applied wholly or not at all, and once,
 * whoever else tries. Throws a `NewerStoreError`, having changed nothing, where a newer version has been.
 */
export async function migrate(database: Database, now: string, last = newestMigration): Promise<void> {
  await database.connection().execute(async connection => {
    for (const [index, migration] of migrations.slice(0, last).entries()) {
      await apply(connection, index + 1, migration, now);
    }
  });
}

async function apply(connection: Kysely<Tables>, number: number, migration: Migration, now: string) {
  const dialect = dialectOf(connection);
  const sqlite = dialect === 'sqlite';
  // A table that others refer to is changed by making it anew, and SQLite lets that happen only without the check;
  // it ignores the pragma inside of a transaction.
  if (sqlite) await sql`pragma foreign_keys = off`.execute(connection);
  try {
    await connection.transaction().execute(async transaction => {
      if (!sqlite) await waitForOtherMigrations(transaction);
      const applied = await newestApplied(transaction);
      if (applied > newestMigration) throw new NewerStoreError();
      if (applied >= number) return;
      await migration.up(transaction.$extendTables<UntypedTables>(), dialect);
      await (sqlite ? checkForeignKeys(transaction) : sortByCodePoint(transaction));
      await transaction.insertInto('migrations').values({ number, applied_at: now }).execute();
    });
  } finally {
    if (sqlite) await sql`pragma foreign_keys = on`.execute(connection);
  }
}

/** SQLite's transactions are alone from their beginning; Postgres's are not. */
async function waitForOtherMigrations(transaction: Transaction<Tables>): Promise<void> {
  // However long the other one takes: the limit of an ordinary statement would end us.
  await sql`set local statement_timeout = 0`.execute(transaction);
  await sql`set local lock_timeout = 0`.execute(transaction);
  await sql`select pg_advisory_xact_lock(hashtext('legate migrations'))`.execute(transaction);
}

async function newestApplied(transaction: Transaction<Tables>): Promise<number> {
  await sql`create table if not exists migrations (number integer primary key, applied_at text not null)`.execute(
    transaction,
  );
  const { newest } = await transaction
    .selectFrom('migrations')
    .select(({ fn }) => fn.max('number').as('newest'))
    .executeTakeFirstOrThrow();
  return newest ?? 0;
}

async function checkForeignKeys(transaction: Transaction<Tables>): Promise<void> {
  const { rows } = await sql`pragma foreign_key_check`.execute(transaction);
  if (rows.length > 0) throw new Error('a migration would leave rows that refer to nothing');
}

/**
 * Postgres sorts texts by the rules of a language, which differ between machines; SQLite does it by code point. Lists
 * and their pages have one order in both, and an index outlives a new version of the system's rules.
 */
async function sortByCodePoint(transaction: Transaction<Tables>): Promise<void> {
  const { rows } = await sql<{ table: string; column: string }>`
    select table_name as "table", column_name as "column" from information_schema.columns
    where table_schema = current_schema() and data_type = 'text' and collation_name is distinct from 'C'
    order by table_name, column_name`.execute(transaction);
  for (const { table, column } of rows) {
    await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(
      transaction,
    );
  }
}
