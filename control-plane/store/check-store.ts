/** Is a file a store of ours, whole, and of a version that we know? */
import { DatabaseSync } from 'node:sqlite';
import { NewerStoreError, newestMigration } from './migrations.ts';
import { isNoDatabase } from './sqlite-errors.ts';

/** A backup or restore that cannot be done, in one line for a person. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/**
 * The number of a store's schema. Throws a `BackupError` for a file that is damaged, or no store; `name` is what the
 * message calls it.
 */
export function checkStore(file: string, name: string): number {
  try {
    using sqlite = new DatabaseSync(file, { readOnly: true });
    const problem = damage(sqlite);
    if (problem) throw new BackupError(`${name} is damaged (${problem})`);
    const migration = migrationOf(sqlite);
    if (migration === undefined) throw new BackupError(`${name} is not a store of Legate`);
    return migration;
  } catch (error) {
    throw isNoDatabase(error) ? new BackupError(`${name} is not a store of Legate`) : error;
  }
}

/** Throws a `NewerStoreError` for a schema that this version of Legate does not know. */
export function refuseNewer(migration: number): void {
  if (migration > newestMigration) throw new NewerStoreError();
}

function damage(sqlite: DatabaseSync): string | undefined {
  const first = Object.values(sqlite.prepare('pragma integrity_check(1)').get() ?? {})[0];
  if (first !== 'ok') return String(first);
  return sqlite.prepare('pragma foreign_key_check').get() && 'rows that refer to nothing';
}

function migrationOf(sqlite: DatabaseSync): number | undefined {
  const tables = sqlite.prepare(
    "select count(*) as count from sqlite_schema where type = 'table' and name in ('migrations', 'delegate_tokens')",
  );
  if (tables.get()?.count !== 2) return undefined;
  const newest = sqlite.prepare('select max(number) as newest from migrations').get()?.newest;
  return typeof newest === 'number' ? newest : undefined;
}
