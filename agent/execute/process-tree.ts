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
  const deadline = clock.now() + graceMs;
  const asked = new Set<string>();
  for (let left = members(tree); left.length > 0; left = members(tree)) {
    if (clock.now() >= deadline) {
      await forceEnd(tree, graceMs, clock);
      return { forced: true };
    }
    // Each program is asked once, as it may have a trap; but also one that was started only just now, as the
    // shell that waits for it hears of nothing before it has ended. A process that was asked while it was still
    // its shell's copy forgets that when it becomes another program.
    for (const pid of left) {
      const program = `${pid} ${read(`/proc/${pid}/cmdline`)}`;
      if (asked.has(program)) continue;
      asked.add(program);
      kill(pid, 'SIGTERM');
    }
    await sleep(clock, pollMs);
  }
  return { forced: false };
}

/** A tree that forks may outrun one look at it, so it looks until the tree is gone, within reason. */
async function forceEnd(tree: ProcessTree, mostMs: number, clock: Clock): Promise<void> {
  const deadline = clock.now() + mostMs;
  do {
    kill(-tree.pid, 'SIGKILL');
    for (const pid of members(tree)) kill(pid, 'SIGKILL');
    await sleep(clock, pollMs);
  } while (members(tree).length > 0 && clock.now() < deadline);
}

/** Is anything of the tree's process group left? Cheap: one system call. It does not see who left the group. */
export function groupExists(pid: number): boolean {
  return kill(-pid, 0);
}

/** Signals every process with a mark that is meant. Returns the marks that were found. */
export function signalMarked(meant: (mark: string) => boolean, signal: NodeJS.Signals): ReadonlySet<string> {
  const found = new Set<string>();
  for (const pid of processIds()) {
    const mark = markOf(pid);
    if (mark === undefined || !meant(mark)) continue;
    kill(pid, signal);
    found.add(mark);
  }
  return found;
}

/** What runs of a tree. Where there is no /proc, that is its process group as one. */
function members(tree: ProcessTree): number[] {
  const all = processIds();
  if (all.length === 0) return groupExists(tree.pid) ? [-tree.pid] : [];
  return all.filter(pid => {
    const { state, group } = statusOf(pid);
    // A zombie has ended, also where whoever should reap it comes late.
    if (state === undefined || state === 'Z' || state === 'X') return false;
    return group === tree.pid || markOf(pid) === tree.mark;
  });
}

/** Signals a process, or a group by its negative number. False when it has ended already. */
function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function statusOf(pid: number): { state?: string | undefined; group?: number } {
  const stat = read(`/proc/${pid}/stat`);
  // The command's name stands in brackets and may hold anything; state, parent and group follow it.
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === undefined ? {} : { state, group: Number(group) };
}

/** The mark in a process's environment. A zombie has none. */
function markOf(pid: number): string | undefined {
  const environment = `\0${read(`/proc/${pid}/environ`)}`;
  const name = `\0${markVariable}=`;
  const at = environment.indexOf(name);
  return at < 0 ? undefined : environment.slice(at + name.length).split('\0', 1)[0];
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
