/** Runs the command that a key ring comes from. */
import { spawn } from 'node:child_process';
import type { Clock } from '../../protocol/index.ts';
import { KeyRingError } from './key-ring.ts';

const mostTimeMs = 10_000;
const mostBytes = 64 * 1024;

/**
 * The standard output of `sh -c COMMAND`; through a shell, as operators write pipelines. What the command says on its
 * error output is dropped: nobody knows what a key tool says there. Throws a `KeyRingError`.
 */
export function runKeyCommand(command: string, clock: Clock): Promise<string> {
  const failed = (what: string) =>
    new KeyRingError(
      `LEGATE_KEY_COMMAND ${what}; run it by hand as the user of this server and see what it says`,
    );
  return new Promise((resolve, reject) => {
    // A process group of its own, so that the end of the time is the end of the whole pipeline.
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (error: KeyRingError | undefined) => {
      stopTimer();
      if (!error) return resolve(Buffer.concat(chunks).toString());
      reject(error);
      child.stdout.destroy();
      killGroup(child.pid);
    };
    const stopTimer = clock.after(mostTimeMs, () => end(failed(`did not end within ${mostTimeMs / 1000} s`)));
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > mostBytes) end(failed(`wrote more than ${mostBytes / 1024} KiB, which is no key ring`));
    });
    child.once('error', () => end(failed('could not be started')));
    child.once('close', (code, signal) => {
      end(
        code === 0 ? undefined : failed(signal ? `was ended by ${signal}` : `failed with exit code ${code}`),
      );
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
