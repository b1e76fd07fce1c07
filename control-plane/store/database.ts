/** The store, wherever it is: opened here, and used through Kysely by everything else. */
import { type Kysely, PostgresAdapter, type SelectQueryBuilder, sql } from 'kysely';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

export type Dialect = 'sqlite' | 'postgres';

/** Whether a target is the address of a Postgres, and not a file. */
export function isPostgresUrl(target: string): boolean {
  return /^postgres(ql)?:\/\//i.test(target);
}

/**
 * Opens the store at a file path (SQLite; the file is made if need be) or a `postgres://` URL. A Postgres that cannot
 * be reached shows with the first query. `onError` hears of a connection that broke while nobody waited for it; the
 * next query makes a new one. Throws a `PostgresUrlError`, or a `StoreInUseError` for a file that is being restored.
 */
export function openDatabase(target: string, onError: (error: Error) => void = () => {}): Database {
  return isPostgresUrl(target) ? openPostgres(target, onError) : openSqlite(target);
}

export function dialectOf<DB>(database: Kysely<DB>): Dialect {
  return database.getExecutor().adapter instanceof PostgresAdapter ? 'postgres' : 'sqlite';
}

/**
 * Keeps the rows that a query finds from being changed by others until the transaction ends: for what is read in
 * order to be written. SQLite's transactions have the whole store to themselves, so there it is the query as it is.
 */
export function forUpdate<DB, T extends keyof DB, O>(
  transaction: Kysely<DB>,
  query: SelectQueryBuilder<DB, T, O>,
): SelectQueryBuilder<DB, T, O> {
  return dialectOf(transaction) === 'postgres' ? query.forUpdate() : query;
}

/**
 * Waits until no other transaction that named the same thing is under way, and keeps others waiting until this one
 * ends: for what no single row stands for, such as "the last record" or "there is none yet".
 */
export async function waitForTurn<DB>(transaction: Kysely<DB>, name: string): Promise<void> {
  if (dialectOf(transaction) === 'sqlite') return;
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(transaction);
}
