/**
 * What this delegate refuses to run: it does not simply obey. The schema has already checked shapes and
 * sizes; here is what depends on this delegate, or can't be said in a schema.
 */
import { createHash } from 'node:crypto';
import { inputVariable, type Task } from '../protocol/index.ts';

/** Why the task is refused, in words for the user; undefined when it is admitted. */
export function refusal(task: Task): string | undefined {
  const digest = `sha256:${createHash('sha256').update(task.program.text).digest('hex')}`;
  if (digest !== task.program.digest) return 'the program is not the one that its digest names';
  if (task.program.text.includes('\0')) return 'the program holds a NUL character';
  // Relative to what? The private folder is empty, so this can only be a mistake.
  if (task.workingDirectory && !task.workingDirectory.startsWith('/')) {
    return 'the working directory must be an absolute path';
  }
  if (task.workingDirectory?.includes('\0')) return 'the working directory holds a NUL character';
  return undefined;
}

/** Why an opened input can't be handed to the script; undefined when it can. */
export function inputRefusal(value: string, index: number): string | undefined {
  // No shell variable can hold it; bash would drop it in silence, and the script would see another value.
  return value.includes('\0') ? `input ${inputVariable(index)} holds a NUL character` : undefined;
}
