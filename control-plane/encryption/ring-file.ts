/** A key ring in a file: only its owner may read it, and a change is there entirely or not at all. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KeyRingError } from './key-ring.ts';

const mostBytes = 64 * 1024;

/** The file's text; undefined when there is none. Throws a `KeyRingError` for one that others could read. */
export function readRingFile(path: string): string | undefined {
  let file: number;
  try {
    // Not waiting for a writer, should the path name a pipe.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new KeyRingError(`cannot read the key ring ${path} (${codeOf(error)}); let this user read it`);
  }
  try {
    const { mode, size } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > mostBytes) {
      throw new KeyRingError(`the key ring ${path} must be a file of at most ${mostBytes / 1024} KiB`);
    }
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8);
      throw new KeyRingError(
        `the key ring ${path} must be for its owner alone, and its mode is ${octal}; chmod 600 it, ` +
          'and if others may have read it, rotate the key',
      );
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/**
 * Replaces the file's text by what `change` makes of it; undefined leaves it as it is. One process at a time, and
 * durable when this returns. Throws a `KeyRingError` when the file can't be changed.
 */
export function changeRingFile(
  given: string,
  change: (text: string | undefined) => string | undefined,
): void {
  const path = realPath(given);
  refuseOtherOwner(path);
  try {
    using _ = lock(`${path}.lock`);
    const before = readRingFile(path);
    const after = change(before);
    if (after !== undefined && after !== before) replace(path, after);
  } catch (error) {
    if (error instanceof KeyRingError) throw error;
    throw new KeyRingError(
      `cannot change the key ring ${given} (${codeOf(error)}); let this user write in its folder, ` +
        'or put the new key first yourself and rotate without making one',
    );
  }
}

function replace(path: string, text: string): void {
  // Of a fixed name, so that what a killed process left does not stay for ever.
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Two rotations that both read the ring and then both wrote it would lose the key of one of them. Node has no file
 * locks, but its SQLite does: the system releases them when a process ends, however it ends.
 */
function lock(file: string): Disposable {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    database.exec('begin exclusive');
  } catch (error) {
    database.close();
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** A ring written by root would be root's, and a server that runs as somebody else could not read it any more. */
function refuseOtherOwner(path: string): void {
  const owner = statSync(path, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner === process.geteuid?.()) return;
  throw new KeyRingError(`the key ring ${path} belongs to user ${owner}; change it as that user`);
}

/** Renaming onto a symbolic link would replace the link, and leave what it names as it was. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return join(path);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'errstr' in error) return String(error.errstr);
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
