/** What one step of the schema is. */
import { sql, type Transaction } from 'kysely';
import type { Dialect } from './database.ts';

/**
 * The tables as a migration sees them: any. The ones of `tables.ts` are today's, and a migration that has been
 * released goes on meeting those of its own day.
 */
export type UntypedTables = Record<string, Record<string, unknown>>;

/** Brings the schema one step forward. Runs in a transaction, with SQLite's foreign keys off until its end. */
export interface Migration {
  up(transaction: Transaction<UntypedTables>, dialect: Dialect): Promise<void>;
}

/** A migration that both stores take as the same list of SQL statements. */
export function statements(list: readonly string[]): Migration {
  return {
    async up(transaction) {
      for (const statement of list) await sql.raw(statement).execute(transaction);
    },
  };
}
