/** The private working directories of scripts: empty, 0700, and gone afterwards, also after a crash. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const prefix = 'legate-runs-';

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
  mkdirSync(workRoot, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(workRoot)) {
    const pid = name.startsWith(prefix) && Number(name.slice(prefix.length).split('-')[0]);
    if (pid && pid !== process.pid && !existsSync(`/proc/${pid}`)) removeNow(join(workRoot, name));
  }
  const folder = mkdtempSync(join(workRoot, `${prefix}${process.pid}-`));
  return {
    make: () => mkdtempSync(join(folder, 'run-')),
    // A script may have left folders that it made unreadable; what can't go now goes with the whole.
    remove: path => rm(path, { recursive: true, force: true, maxRetries: 2 }).catch(() => {}),
    close: () => removeNow(folder),
  };
}

function removeNow(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 2 });
  } catch {
    // Another user's, or made unremovable by a script: not worth failing for.
  }
}
