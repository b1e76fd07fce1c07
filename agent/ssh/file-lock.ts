/** One at a time over a file, also among processes. */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A lock this old belongs to somebody who died: what it is held for takes milliseconds. */
const staleMs = 10_000;
const retryMs = 20;
const tries = 250;

/** Runs `work`, which is done when it returns, while holding `<path>.lock`. Throws what `work` or the system throws. */
export async function withFileLock<T>(path: string, work: () => T): Promise<T> {
  const lock = `${path}.lock`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      closeSync(openSync(lock, 'wx', 0o600));
      break;
    } catch (error) {
      const held = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!held || attempt === tries) throw error;
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
      if (since !== undefined && Date.now() - since > staleMs) rmSync(lock, { force: true });
      else await delay(retryMs);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}
