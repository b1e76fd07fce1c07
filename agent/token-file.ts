/** Files that hold tokens: written so that they last, or not at all. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isJwt, limits } from '../protocol/index.ts';

/** A token travels in a header; what can't be one is a mistake in the file. */
export function isToken(text: string | undefined): text is string {
  if (text === undefined) return false;
  return /^[\x21-\x7e]{1,512}$/.test(text) || (isJwt(text) && text.length <= limits.token);
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

export function removeIfThere(path: string): void {
  rmSync(path, { force: true });
  syncFolder(path);
}

/** Puts a text in a file's place in one step, readable by nobody else. It has come to the disk when this returns. */
export function writeInPlace(path: string, text: string): void {
  const temporary = writeTemporary(path, text);
  renameSync(temporary, path);
  syncFolder(path);
}

/** The same, but what another process has put there in the meantime stays, where it `counts`. */
export function writeBeside(path: string, text: string, counts: (text: string) => boolean): void {
  const there = readIfThere(path);
  if (there !== undefined && !counts(there)) rmSync(path, { force: true });
  const temporary = writeTemporary(path, text);
  try {
    linkSync(temporary, path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // There are file systems without links.
    if (code !== 'EEXIST') renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(path);
}

function writeTemporary(path: string, text: string): string {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return temporary;
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
