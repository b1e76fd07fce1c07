/** The private working directories of scripts: empty, 0700, and gone afterwards, also after a crash. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const prefix = 'legate-runs-';
/** The folders of this process. In a container the next agent often has the process id of the last one. */
const ours = new Set<string>();

export interface RunFolder {
  /** Makes the private directory of one run. */
  make(): string;
  /** Removes it with all that the script left there. */
  remove(path: string): Promise<void>;
  /** Removes everything. */
  close(): void;
}

/**
 * Makes this process's folder of run directories below `workRoot`, and removes the folders of agents that
 * no longer live: a killed agent can't tidy up after itself.
 */
export function openRunFolder(workRoot: string): RunFolder {
  let folder = makeProcessFolder(workRoot);
  for (const name of readdirSync(workRoot)) {
    const pid = name.startsWith(prefix) && Number(name.slice(prefix.length).split('-')[0]);
    const path = join(workRoot, name);
    if (pid && !ours.has(path) && (pid === process.pid || !lives(pid))) removeNow(path);
  }
  return {
    make() {
      try {
        return mkdtempSync(join(folder, 'run-'));
      } catch {
        // Temporary folders get cleaned. A new name, as the old one may be somebody else's by now.
        folder = makeProcessFolder(workRoot);
        return mkdtempSync(join(folder, 'run-'));
      }
    },
    remove: path => rm(path, removal).catch(() => removeNow(path)),
    close: () => removeNow(folder),
  };
}

/** Makes a folder that the next agent removes, should this process not live to do so. */
export function makeProcessFolder(workRoot: string): string {
  mkdirSync(workRoot, { recursive: true, mode: 0o700 });
  const made = mkdtempSync(join(workRoot, `${prefix}${process.pid}-`));
  ours.add(made);
  return made;
}

const removal = { recursive: true, force: true, maxRetries: 2 } as const;

function removeNow(path: string): void {
  try {
    openUp(path);
    rmSync(path, removal);
  } catch {
    // Another user's, or gone already: not worth failing for.
  }
}

/** A script may have left folders that not even their owner can empty. Links are not followed. */
function openUp(path: string): void {
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) openUp(join(path, entry.name));
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled, and lives.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
