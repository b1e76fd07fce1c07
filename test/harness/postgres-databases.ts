/** Postgres databases for the tests of one file, in a server that starts with the first and goes after the last. */
import { after } from 'node:test';
import { sql } from 'kysely';
import { type Database, openDatabase } from '../../control-plane/store/database.ts';
import { migrate } from '../../control-plane/store/migrations.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';

export interface Place {
  /** What `openDatabase` takes. */
  readonly target: string;
  remove(): Promise<void>;
}

/** The time that tests give to the store. */
export const someTime = '2024-05-06T07:08:09.000Z';

let shared: Promise<PostgresServer> | undefined;
let databases = 0;
/** Up to date, as new, and waiting for the next test: to make a database takes as long as many tests together. */
const ready: MigratedDatabase[] = [];

after(async () => {
  await (await shared)?.[Symbol.asyncDispose]();
});

/** A database of a test's own with nothing in it. */
export async function emptyPlace(): Promise<Place> {
  shared ??= startPostgres();
  const server = await shared;
  databases += 1;
  const name = `test_${databases}`;
  await statement(server.url('postgres'), `create database ${name} strategy file_copy`);
  return {
    target: server.url(name),
    remove: () => statement(server.url('postgres'), `drop database ${name} with (force)`),
  };
}

/**
 * A database of a test's own whose schema is up to date. It is used again, without its rows: a test that changes
 * the schema takes an empty one.
 */
export async function migratedPlace(): Promise<Place> {
  const database = ready.pop() ?? (await makeMigrated());
  return {
    target: database.target,
    async remove() {
      await asNew(database);
      ready.push(database);
    },
  };
}

interface MigratedDatabase {
  readonly target: string;
  /** Every table, and the rows that the migrations themselves have put into it. */
  readonly tables: readonly { name: string; rows: string }[];
}

async function makeMigrated(): Promise<MigratedDatabase> {
  const { target } = await emptyPlace();
  return withDatabase(target, async database => {
    await migrate(database, someTime);
    const { rows: tables } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables where table_schema = 'public'`.execute(
      database,
    );
    return { target, tables: await Promise.all(tables.map(({ name }) => contentOf(database, name))) };
  });
}

async function contentOf(database: Database, name: string): Promise<{ name: string; rows: string }> {
  const { rows } = await sql<{ rows: string }>`
    select coalesce(json_agg(t), '[]')::text as rows from ${sql.table(name)} t`.execute(database);
  return { name, rows: rows[0]?.rows ?? '[]' };
}

function asNew({ target, tables }: MigratedDatabase): Promise<void> {
  return withDatabase(target, database =>
    database.transaction().execute(async transaction => {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.execute(transaction);
      // Without triggers: the order of the tables does not matter, and the audit trail can be emptied.
      await sql`set local session_replication_role = replica`.execute(transaction);
      for (const { name, rows } of tables) {
        const table = sql.table(name);
        await sql`delete from ${table}`.execute(transaction);
        if (rows === '[]') continue;
        await sql`insert into ${table} select * from json_populate_recordset(null::${table}, ${rows})`.execute(
          transaction,
        );
      }
    }),
  );
}

async function withDatabase<T>(target: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase(target);
  try {
    return await work(database);
  } finally {
    await database.destroy();
  }
}

async function statement(target: string, text: string): Promise<void> {
  await withDatabase(target, database => sql.raw(text).execute(database));
}
