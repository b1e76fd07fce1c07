/**
 * Ends everything a script has started. A process group catches what stays in it; what left it (setsid, a
 * double fork) is found by a mark in the environment that its whole tree inherits.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type Clock, sleep } from '../../protocol/index.ts';

/** The variable in a script's environment that marks its processes. */
export const markVariable = 'LEGATE_RUN';

export interface ProcessTree {
  /** Process id of the shell, which leads its own process group. */
  readonly pid: number;
  /** Value of the mark variable. */
  readonly mark: string;
}

const pollMs = 20;

/**
 * TERM to the whole tree, and KILL to what is left after `graceMs`. Resolves when nothing is left; `forced`
 * tells whether KILL was needed.
 */
export async function endTree(
  tree: ProcessTree,
  graceMs: number,
  clock: Clock,
): Promise<{ forced: boolean }> {
  signalTree(tree, 'SIGTERM');
  const deadline = clock.now() + graceMs;
  while (isAlive(tree)) {
    if (clock.now() >= deadline) {
      // A tree that forks may outrun one look at it, so look until it is gone.
      do {
        signalTree(tree, 'SIGKILL');
        await sleep(clock, pollMs);
      } while (isAlive(tree) && clock.now() < deadline + graceMs);
      return { forced: true };
    }
    await sleep(clock, pollMs);
  }
  return { forced: false };
}

/** Is anything of the tree's process group left? Cheap: one system call. It does not see who left the group. */
export function groupExists(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Signals every process whose mark begins with `prefix` and is not in `keep`. Returns how many there were. */
export function signalMarked(prefix: string, keep: ReadonlySet<string>, signal: NodeJS.Signals): number {
  const strays = marked(prefix).filter(({ mark }) => !keep.has(mark));
  for (const { pid } of strays) kill(pid, signal);
  return strays.length;
}

function signalTree(tree: ProcessTree, signal: NodeJS.Signals): void {
  kill(-tree.pid, signal);
  for (const { pid } of marked(tree.mark)) kill(pid, signal);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already, which is what was wanted.
  }
}

function isAlive(tree: ProcessTree): boolean {
  // A group of nothing but zombies exists although nothing runs, for instance below a PID 1 that reaps late.
  return (groupExists(tree.pid) && !groupIsDead(tree.pid)) || marked(tree.mark).length > 0;
}

function groupIsDead(group: number): boolean {
  const states = processIds().flatMap(pid => {
    const stat = read(`/proc/${pid}/stat`);
    // The command's name stands in brackets and may hold anything; state, parent and group follow it.
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(pgrp) === group && state ? [state] : [];
  });
  return states.length > 0 && states.every(state => state === 'Z' || state === 'X');
}

/** The processes whose mark begins with `prefix`. Empty where there is no /proc. A zombie has no environment. */
function marked(prefix: string): { pid: number; mark: string }[] {
  return processIds().flatMap(pid => {
    const environment = read(`/proc/${pid}/environ`);
    const at = `\0${environment}`.indexOf(`\0${markVariable}=${prefix}`);
    if (at < 0) return [];
    const mark = environment.slice(at + markVariable.length + 1).split('\0', 1)[0] ?? '';
    return [{ pid, mark }];
  });
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // It has ended, or belongs to somebody else.
  }
}
