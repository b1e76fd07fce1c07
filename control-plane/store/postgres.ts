/** The store in a Postgres, for several servers or for those who have one anyway. */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Tables } from './tables.ts';

/** Connections per server. The dispatcher waits for delegates, not for the store: few are enough. */
const connections = 10;

/**
 * Opens a Postgres by its URL; connects with the first query. `onError` hears of connections that break while no
 * query is under way. Throws a `PostgresUrlError`.
 */
export function openPostgres(url: string, onError: (error: Error) => void): Kysely<Tables> {
  check(url);
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

/** A URL that cannot be used, in words without the URL: it may hold a password. */
export class PostgresUrlError extends Error {
  override readonly name = 'PostgresUrlError';
}

function check(url: string): void {
  try {
    new pg.Client({ connectionString: url });
  } catch (error) {
    // Such as the certificate that `sslrootcert` names; the system's message names the file.
    const ofTheSystem = error instanceof Error && 'syscall' in error;
    throw new PostgresUrlError(`the Postgres URL cannot be used${ofTheSystem ? `: ${error.message}` : ''}`);
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
