/** Copies of a SQLite store: made while servers use it, and put back while none does. */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BackupError, checkStore } from './check-store.ts';
import { shareStore } from './file-lock.ts';

/** The store's file in a data folder. */
export const storeFile = (dataFolder: string): string => join(dataFolder, 'legate.db');

export interface Backup {
  /** The number of the schema that the copy has. */
  readonly migration: number;
  readonly bytes: number;
}

/**
 * Copies the store in a data folder, as it is at one moment, into a file that is not there yet, readable to its owner
 * only. Servers go on meanwhile. When this returns, the copy has been checked and is on the disk. Throws a
 * `BackupError`, and then leaves no file behind.
 */
export function backup(dataFolder: string, toFile: string): Backup {
  const source = storeFile(dataFolder);
  if (!existsSync(source)) {
    throw new BackupError(`there is no store at ${source}; name the data folder of the server with --data`);
  }
  refuseToOverwrite(toFile);
  const partial = `${toFile}.partial-${process.pid}`;
  try {
    copyStore(source, partial);
    const migration = checkStore(partial, source);
    const bytes = statSync(partial).size;
    publish(partial, toFile);
    return { migration, bytes };
  } finally {
    rmSync(partial, { force: true });
  }
}

function refuseToOverwrite(file: string): void {
  if (existsSync(file)) throw new BackupError(`${file} exists already; name a file that does not`);
}

function copyStore(source: string, copy: string): void {
  const hold = shareStore(source);
  try {
    copyDatabase(source, copy);
  } finally {
    hold.release();
  }
}

/**
 * Copies a database into a file that is not there yet. One statement, which sees one moment, and which leaves out
 * what has been deleted.
 */
export function copyDatabase(source: string, copy: string): void {
  // SQLite takes an empty file for a new one; ours is private from its first byte.
  closeSync(openSync(copy, 'wx', 0o600));
  using sqlite = new DatabaseSync(source, { timeout: 5_000 });
  sqlite.prepare('vacuum into ?').run(copy);
  onDisk(copy);
}

/** Gives a file its name. It has it wholly or not at all, and nobody else's file of that name is lost. */
function publish(partial: string, file: string): void {
  try {
    linkSync(partial, file);
  } catch {
    refuseToOverwrite(file);
    // A file system without links, such as a memory stick's.
    renameSync(partial, file);
  }
  onDisk(dirname(file));
}

/** Waits until a file, or the names in a folder, are on the disk. */
export function onDisk(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
