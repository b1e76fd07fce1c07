/** The embedded store: one SQLite file, opened with Node's own SQLite below Kysely. */
import { chmodSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Generated, Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';

export interface Tables {
  api_keys: { id: string; name: string; key_hash: string; created_at: string };
  delegate_tokens: {
    id: string;
    name: string;
    token_hash: string;
    /** JSON list; empty: any name. */
    delegate_names: string;
    created_at: string;
  };
  /** One row per delegate name that has ever connected. */
  delegates: {
    name: string;
    host_name: string;
    /** JSON list. */
    tags: string;
    agent_version: string;
    first_connected_at: string;
    last_connected_at: string;
    /** Null while an instance is connected, or when the control plane was killed. */
    last_disconnected_at: string | null;
  };
  templates: {
    scope: string;
    identifier: string;
    version_label: string;
    name: string;
    script: string;
    /** JSON list of declared inputs. */
    inputs: string;
    program: string;
    program_digest: string;
    /** JSON list of names. */
    program_inputs: string;
    /** JSON. */
    document: string;
    created_at: string;
    updated_at: string;
  };
  connectors: {
    scope: string;
    identifier: string;
    template_scope: string;
    template_identifier: string;
    template_version_label: string;
    document: string;
    created_at: string;
    updated_at: string;
  };
  secrets: {
    scope: string;
    identifier: string;
    connector_scope: string;
    connector_identifier: string;
    document: string;
    created_at: string;
    updated_at: string;
  };
  migrations: { number: Generated<number>; applied_at: string };
}

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
