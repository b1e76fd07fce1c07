/**
 * Who uses a SQLite store: any number of servers together, or one who replaces the file. SQLite's own locks do not
 * say so, because they belong to the file that is being replaced. The lock is SQLite's on an empty file beside the
 * store, which is the system's, and so gone with the process, however it ends.
 */
import { chmodSync, chownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './sqlite-errors.ts';

export interface Hold {
  release(): void;
}

/** Somebody else holds the store in a way that excludes this use. */
export class StoreInUseError extends Error {
  override readonly name = 'StoreInUseError';
}

/** Says that the store is used, until released. Throws a `StoreInUseError` while the file is being replaced. */
export function shareStore(file: string): Hold {
  // Reading takes SQLite's shared lock, and a transaction keeps it.
  const hold = lock(file, 'begin; select count(*) from sqlite_schema', 1_000);
  if (!hold) throw new StoreInUseError(`${file} is being restored; try again when that has ended`);
  return hold;
}

/** Keeps everybody else out until released. Throws a `StoreInUseError` when somebody uses the store. */
export function ownStore(file: string): Hold {
  const hold = lock(file, 'begin exclusive', 0);
  if (!hold) throw new StoreInUseError(`${file} is in use; stop the server that uses it first`);
  return hold;
}

function lock(file: string, statements: string, timeout: number): Hold | undefined {
  const path = `${file}.lock`;
  const sqlite = new DatabaseSync(path, { timeout });
  try {
    chmodSync(path, 0o600);
    giveToOwnerOf(dirname(path), path);
    sqlite.exec(statements);
  } catch (error) {
    sqlite.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => sqlite.close() };
}

/** Whoever works on a server's folder as root does it for the user that the server runs as. */
export function giveToOwnerOf(folder: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(folder);
  chownSync(path, uid, gid);
}
