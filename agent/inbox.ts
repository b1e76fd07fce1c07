/** Accepts or rejects each task that arrives, and knows what is running. */
import type { Task, TaskIdentity } from '../protocol/index.ts';
import { refusal } from './admission.ts';

export type Rejection = { why: 'at-capacity' | 'draining' | 'duplicate' | 'refused'; detail?: string };

/** A task that was accepted and has not ended. */
export interface RunningTask extends TaskIdentity {
  /** Aborted when the task is cancelled. */
  readonly signal: AbortSignal;
  /** Gives the place back. Calling it twice is fine. */
  readonly done: () => void;
}

export interface Inbox {
  /** Takes a task in, or says why not. */
  offer(task: Task): RunningTask | Rejection;
  /** Cancels one task; one that is not here has ended already, which is fine. */
  cancel(identity: TaskIdentity): void;
  cancelAll(): void;
  /** From now on every task is rejected. */
  drain(): void;
  readonly draining: boolean;
  running(): TaskIdentity[];
  /** Resolves when nothing is running. */
  idle(): Promise<void>;
}

export function createInbox(capacity: number): Inbox {
  const tasks = new Map<string, TaskIdentity & { cancel: AbortController }>();
  const waiters: (() => void)[] = [];
  let draining = false;

  return {
    offer(task) {
      if (draining) return { why: 'draining' };
      // One task never runs twice here at once, whatever the attempt: the older one has to end first.
      if (tasks.has(task.task)) return { why: 'duplicate' };
      if (tasks.size >= capacity)
        return { why: 'at-capacity', detail: `${tasks.size} of ${capacity} are running` };
      const refused = refusal(task);
      if (refused) return { why: 'refused', detail: refused };
      const cancel = new AbortController();
      const entry = { task: task.task, attempt: task.attempt, cancel };
      tasks.set(task.task, entry);
      return {
        task: task.task,
        attempt: task.attempt,
        signal: cancel.signal,
        done() {
          // Called twice, it must not give back the place of a later attempt.
          if (tasks.get(task.task) !== entry) return;
          tasks.delete(task.task);
          if (tasks.size === 0) for (const resolve of waiters.splice(0)) resolve();
        },
      };
    },
    cancel({ task, attempt }) {
      const running = tasks.get(task);
      if (running?.attempt === attempt) running.cancel.abort();
    },
    cancelAll() {
      for (const { cancel } of tasks.values()) cancel.abort();
    },
    drain() {
      draining = true;
    },
    get draining() {
      return draining;
    },
    running: () => [...tasks.values()].map(({ task, attempt }) => ({ task, attempt })),
    idle: () => (tasks.size === 0 ? Promise.resolve() : new Promise(resolve => waiters.push(resolve))),
  };
}
