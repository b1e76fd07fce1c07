/** The embedded store: one SQLite file, opened with Node's own SQLite below Kysely. */
import { chmodSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  type TransactionSettings,
} from 'kysely';
import { type Hold, shareStore } from './file-lock.ts';
import { isBusy } from './sqlite-errors.ts';
import type { Tables } from './tables.ts';

/** How long a statement waits for another process that writes. */
const busyTimeoutMs = 5_000;
const retryMs = 5;

/**
 * Opens the file, makes it if need be, readable to its owner only. Throws a `StoreInUseError` while it is being
 * restored.
 */
export function openSqlite(file: string): Kysely<Tables> {
  const hold = shareStore(file);
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(file, { timeout: busyTimeoutMs });
    chmodSync(file, 0o600);
    useWriteAheadLog(sqlite);
    sqlite.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    return new SqliteStore(sqlite, hold);
  } catch (error) {
    sqlite?.close();
    hold.release();
    throw error;
  }
}

/** Kysely closes only what it has used; a file that was opened is open, and held, from the beginning. */
class SqliteStore extends Kysely<Tables> {
  readonly #sqlite: DatabaseSync;
  readonly #hold: Hold;

  constructor(sqlite: DatabaseSync, hold: Hold) {
    super({ dialect: new ImmediateDialect({ database: adapter(sqlite) }) });
    this.#sqlite = sqlite;
    this.#hold = hold;
  }

  override async destroy(): Promise<void> {
    await super.destroy();
    if (!this.#sqlite.isOpen) return;
    this.#sqlite.close();
    this.#hold.release();
  }
}

// Of several processes that make the same fresh file, SQLite tells all but one at once that it is locked,
// without the wait that every other statement gets.
function useWriteAheadLog(sqlite: DatabaseSync): void {
  const until = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      sqlite.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw error;
      // Opening is not asynchronous.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}

/**
 * A transaction takes the lock for writing when it begins. One that took it with its first write would fail at once
 * if another process had written since its first read, however long it is willing to wait.
 */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(
    connection: DatabaseConnection,
    settings?: TransactionSettings,
  ): Promise<void> {
    const run = (statement: string) => connection.executeQuery(CompiledQuery.raw(statement));
    if (settings?.accessMode === 'read only') {
      await run('begin');
      return;
    }
    const until = performance.now() + busyTimeoutMs;
    // SQLite's own wait would stop the whole process, and another's transaction may be a long one.
    await run('pragma busy_timeout = 0');
    try {
      while (!(await succeeded(run('begin immediate'), until))) await setTimeout(retryMs);
    } finally {
      await run(`pragma busy_timeout = ${busyTimeoutMs}`);
    }
  }
}

async function succeeded(attempt: Promise<unknown>, until: number): Promise<boolean> {
  try {
    await attempt;
    return true;
  } catch (error) {
    if (!isBusy(error) || performance.now() > until) throw error;
    return false;
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): Driver {
    return new ImmediateDriver(this.#config);
  }
}

/** Kysely was written for another SQLite package; Node's takes parameters one by one. */
function adapter(sqlite: DatabaseSync): SqliteDatabase {
  const values = (parameters: readonly unknown[]) => parameters.map(toSqlite);
  return {
    close: () => {},
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
