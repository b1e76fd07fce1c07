/** The store in a Postgres, for several servers or for those who have one anyway. */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Tables } from './tables.ts';

/** Connections per server. The dispatcher waits for delegates, not for the store: few are enough. */
const connections = 10;

/**
 * Opens a Postgres by its URL; connects with the first query. `onError` hears of connections that break while no
 * query is under way. Throws for a URL that is none, in words without the URL: it may hold a password.
 */
export function openPostgres(url: string, onError: (error: Error) => void): Kysely<Tables> {
  if (!isReadable(url)) throw new Error('the Postgres URL cannot be read');
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'legate',
    max: connections,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    // What hangs ends, and lets go of its locks, before a caller's own deadline of a minute or more.
    statement_timeout: 30_000,
    lock_timeout: 20_000,
    idle_in_transaction_session_timeout: 60_000,
    types: { getTypeParser },
  });
  pool.on('error', onError);
  // The pool listens only to connections that nobody uses; one that breaks between two statements of a transaction
  // would end the process.
  pool.on('connect', client => client.on('error', onError));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

function isReadable(url: string): boolean {
  try {
    new pg.Client({ connectionString: url });
    return true;
  } catch {
    return false;
  }
}

/** Counts are 64 bits wide in Postgres, and pg gives those as text. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') => {
  if (oid === pg.types.builtins.INT8 && format !== 'binary') return wholeNumber;
  return pg.types.getTypeParser(oid, format);
};

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError('the store holds a number too large to be exact');
  return number;
}
