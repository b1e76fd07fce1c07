/**
 * Process 1 of a container has to reap whatever loses its parent, which Node can't do: it knows only its own children. So
 * an agent that finds itself process 1 becomes bash, which can, and which starts it anew as its child.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Passes on what asks the agent to stop, and ends as it does. Arguments: the agent's command. */
const init = [
  'trap \'kill -TERM "$agent" 2>/dev/null\' TERM',
  'trap \'kill -INT "$agent" 2>/dev/null\' INT',
  '"$@" & agent=$!',
  // A signal interrupts `wait`, which then tells of the signal and not of the agent.
  'while :; do wait "$agent"; code=$?; kill -0 "$agent" 2>/dev/null || break; done',
  'exit "$code"',
].join('\n');

/** Does not return where this is process 1 and bash can take its place. */
export function leaveProcessOne(): void {
  // Where it does not exist, or there is no bash, the agent works all the same; only zombies stay.
  if (process.pid !== 1 || process.execve === undefined) return;
  const shell = findOnPath('bash');
  if (shell === undefined) return;
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(
    shell,
    ['bash', '--noprofile', '--norc', '-c', init, 'legate-init', ...command],
    process.env,
  );
}

function findOnPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '');
  return folders
    .map(folder => join(folder, program))
    .find(path => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
