/** Accepts or rejects each task that arrives, and knows what is running. */
import type { Task, TaskIdentity } from '../protocol/index.ts';
import { refusal } from './admission.ts';

export type Rejection = { why: 'at-capacity' | 'draining' | 'duplicate' | 'refused'; detail?: string };

/** A task that was accepted and has not ended. */
export interface RunningTask extends TaskIdentity {
  /** Aborted when the task is cancelled, or given back. */
  readonly signal: AbortSignal;
  /** Its script begins: from now on a drain lets it finish. */
  readonly begin: () => void;
  readonly begun: boolean;
  /** It was called off here, and not by the control plane: another delegate shall have it. */
  readonly givenBack: boolean;
  /** Gives the place back. Calling it twice is fine. */
  readonly done: () => void;
}

export interface Inbox {
  /** Takes a task in, or says why not. */
  offer(task: Task): RunningTask | Rejection;
  /** Cancels one task; one that is not here has ended already, which is fine. */
  cancel(identity: TaskIdentity): void;
  /** Calls off everything that runs; another delegate may do it. */
  giveBackAll(): void;
  /** From now on every task is rejected, and what has not begun is given back. */
  drain(): void;
  readonly draining: boolean;
  running(): TaskIdentity[];
  /** Resolves when nothing is running. */
  idle(): Promise<void>;
}

interface Entry extends TaskIdentity {
  readonly cancel: AbortController;
  begun: boolean;
  givenBack: boolean;
}

/** `gate`: why no task at all is taken now, besides what the inbox knows itself. */
export function createInbox(capacity: number, gate: () => Rejection | undefined = () => undefined): Inbox {
  const tasks = new Map<string, Entry>();
  const waiters: (() => void)[] = [];
  let draining = false;

  function giveBack(entry: Entry): void {
    // One that nobody wants any more need not be done elsewhere either.
    if (entry.cancel.signal.aborted) return;
    entry.givenBack = true;
    entry.cancel.abort();
  }

  return {
    offer(task) {
      if (draining) return { why: 'draining' };
      // One task never runs twice here at once, whatever the attempt: the older one has to end first.
      if (tasks.has(task.task)) return { why: 'duplicate' };
      if (tasks.size >= capacity)
        return { why: 'at-capacity', detail: `${tasks.size} of ${capacity} are running` };
      const closed = gate();
      if (closed) return closed;
      const refused = refusal(task);
      if (refused) return { why: 'refused', detail: refused };
      const cancel = new AbortController();
      const entry: Entry = {
        task: task.task,
        attempt: task.attempt,
        cancel,
        begun: false,
        givenBack: false,
      };
      tasks.set(task.task, entry);
      return {
        task: task.task,
        attempt: task.attempt,
        signal: cancel.signal,
        begin() {
          entry.begun = true;
        },
        get begun() {
          return entry.begun;
        },
        get givenBack() {
          return entry.givenBack;
        },
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
    giveBackAll() {
      for (const entry of tasks.values()) giveBack(entry);
    },
    drain() {
      draining = true;
      for (const entry of tasks.values()) if (!entry.begun) giveBack(entry);
    },
    get draining() {
      return draining;
    },
    running: () => [...tasks.values()].map(({ task, attempt }) => ({ task, attempt })),
    idle: () => (tasks.size === 0 ? Promise.resolve() : new Promise(resolve => waiters.push(resolve))),
  };
}
