/** Tasks as a control plane sends them. */
import { createHash } from 'node:crypto';
import type { Task } from '../../protocol/index.ts';

const text = 'secret=v';

/** A task that an agent admits, but for what a test changes. */
export function aTask(changes: Partial<Task> = {}): Task {
  return {
    type: 'task',
    task: 'task-1',
    attempt: 1,
    remainingMs: 20_000,
    program: { shell: 'bash', text, digest: digestOf(text) },
    inputs: [],
    recipient: { kty: 'OKP', crv: 'X25519', x: 'B'.repeat(43) },
    ...changes,
  };
}

export const digestOf = (program: string) => `sha256:${createHash('sha256').update(program).digest('hex')}`;
