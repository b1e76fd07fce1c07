/** The embedded store: one SQLite file, opened with Node's own SQLite below Kysely. */
import { chmodSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** Opens the file, makes it if need be, readable to its owner only. */
export function openDatabase(file: string): Database {
  const sqlite = new DatabaseSync(file);
  chmodSync(file, 0o600);
  sqlite.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000',
  );
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: adapter(sqlite) }) });
}

/** Kysely was written for another SQLite package; Node's takes parameters one by one. */
function adapter(sqlite: DatabaseSync): SqliteDatabase {
  const values = (parameters: readonly unknown[]) => parameters.map(toSqlite);
  return {
    close: () => sqlite.close(),
    prepare(sql) {
      const statement = sqlite.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        // Node's rows have no prototype, which makes them unequal to the plain objects they look like.
        all: parameters => statement.all(...values(parameters)).map(row => ({ ...row })),
        run: parameters => statement.run(...values(parameters)),
        iterate: parameters => statement.iterate(...values(parameters)),
      };
    },
  };
}

function toSqlite(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`SQLite has no column type for a ${typeof value}`);
}
