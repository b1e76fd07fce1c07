/**
 * What this delegate refuses to run: it does not simply obey. The schema has already checked shapes and
 * sizes; here is what depends on this delegate, or can't be said in a schema.
 */
import { createHash } from 'node:crypto';
import { type HostHop, inputVariable, type Task } from '../protocol/index.ts';
import { checkHop } from './ssh/address.ts';
import { HostError } from './ssh/connection.ts';

/** Why the task is refused, in words for the user; undefined when it is admitted. */
export function refusal(task: Task): string | undefined {
  const digest = `sha256:${createHash('sha256').update(task.program.text).digest('hex')}`;
  if (digest !== task.program.digest) return 'the program is not the one that its digest names';
  if (task.program.text.includes('\0')) return 'the program holds a NUL character';
  const { workingDirectory, target } = task;
  if (workingDirectory?.includes('\0')) return 'the working directory holds a NUL character';
  // Relative to what? The private folder is empty, so this can only be a mistake. What a variable at the
  // beginning of a host's stands for is looked at where it is replaced.
  const absolute = target ? /^[/$]/ : /^\//;
  if (workingDirectory && !absolute.test(workingDirectory)) {
    return 'the working directory must be an absolute path';
  }
  for (const [index, hop] of target ? [target, ...target.jumps].entries() : []) {
    const why = hopRefusal(hop);
    if (why) return index === 0 ? why : `${why} (jump host ${index})`;
  }
  return undefined;
}

/** Why an opened input can't be handed to the script; undefined when it can. */
export function inputRefusal(value: string, index: number): string | undefined {
  // No shell variable can hold it; bash would drop it in silence, and the script would see another value.
  return value.includes('\0') ? `input ${inputVariable(index)} holds a NUL character` : undefined;
}

/** Not only the schema looks at these: what they say would have a meaning for `ssh`, or for a resolver. */
function hopRefusal(hop: HostHop): string | undefined {
  try {
    checkHop(hop);
    return undefined;
  } catch (error) {
    if (error instanceof HostError) return error.message;
    throw error;
  }
}
