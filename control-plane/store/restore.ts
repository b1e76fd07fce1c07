/** Puts a backup in the place of a SQLite store. */
import { existsSync, linkSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { copyDatabase, onDisk, storeFile } from './backup.ts';
import { BackupError, checkStore, refuseNewer } from './check-store.ts';
import { giveToOwnerOf, ownStore } from './file-lock.ts';
import { isBusy, isNoDatabase } from './sqlite-errors.ts';

export interface Restored {
  /** The number of the schema that the store now has; the server brings it up to date when it starts. */
  readonly migration: number;
  /** Where the store that was there is kept. */
  readonly replaced: string | undefined;
}

/**
 * Puts a backup where the server with this data folder will look for its store. The store that was there is kept
 * beside it, under a name with the time `now` (ISO 8601). Killed at any moment, it leaves the one or the other. Throws
 * a `BackupError`, `NewerStoreError` or `StoreInUseError`, having changed nothing.
 */
export function restore(fromFile: string, dataFolder: string, now: string): Restored {
  if (!existsSync(fromFile)) throw new BackupError(`there is no file ${fromFile}`);
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const store = storeFile(dataFolder);
  const hold = ownStore(store);
  try {
    const migration = stage(fromFile, `${store}.restoring`, dataFolder);
    return { migration, replaced: replace(store, `${store}.restoring`, now) };
  } finally {
    rmSync(`${store}.restoring`, { force: true });
    hold.release();
  }
}

/** Copies the backup beside its place, and checks the copy. */
function stage(fromFile: string, staged: string, dataFolder: string): number {
  rmSync(staged, { force: true });
  try {
    copyDatabase(fromFile, staged);
  } catch (error) {
    throw isNoDatabase(error) ? new BackupError(`${fromFile} is not a store of Legate`) : error;
  }
  const migration = checkStore(staged, fromFile);
  refuseNewer(migration);
  giveToOwnerOf(dataFolder, staged);
  onDisk(staged);
  return migration;
}

function replace(store: string, staged: string, now: string): string | undefined {
  const replaced = existsSync(store) ? `${store}.replaced-${now.replaceAll(':', '')}` : undefined;
  if (replaced) {
    settle(store);
    // Only a damaged store still has these. They belong to it: with the restored one they would be its ruin.
    for (const suffix of ['-wal', '-shm'])
      if (existsSync(store + suffix)) renameSync(store + suffix, replaced + suffix);
    keep(store, replaced);
  }
  renameSync(staged, store);
  onDisk(dirname(store));
  return replaced;
}

/** Writes what is in the store's log, perhaps of a server that was killed, into the store itself. */
function settle(store: string): void {
  try {
    using sqlite = new DatabaseSync(store, { timeout: 0 });
    sqlite.exec('pragma journal_mode = delete');
  } catch (error) {
    if (isBusy(error)) throw new BackupError(`${store} is in use by another program; stop that first`);
    // A store that is damaged is a reason to restore.
  }
}

function keep(store: string, replaced: string): void {
  try {
    linkSync(store, replaced);
  } catch {
    // A file system without links: for a moment there is no store, and a server that was started now would make one,
    // were it not kept out.
    renameSync(store, replaced);
  }
}
