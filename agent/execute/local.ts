/** The runner contract on this machine: bash, started by execa, in a process group and folder of its own. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { type Clock, limits, sleep, systemClock } from '../../protocol/index.ts';
import {
  bootstrap,
  boundedBootstrap,
  readRecords,
  type ScriptRun,
  scriptInput,
} from '../script/bootstrap.ts';
import { keepHead, keepTail, stderrKept } from './bounded-output.ts';
import type { End, Execution, RunBounds, Runner } from './execution.ts';
import { endTree, groupExists, markVariable, signalMarked } from './process-tree.ts';
import { openRunFolder } from './run-folder.ts';

export interface LocalOptions {
  /** The environment of scripts, complete. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder for private working directories. */
  readonly workRoot: string;
  /** Shells that wait, started but unused, so that a task doesn't pay for the start. None is used twice. */
  readonly standby?: number;
  /** Time between TERM and KILL. */
  readonly killGraceMs?: number;
  readonly shell?: string;
  /** The memory, in MiB, that each process of a script may make its own. */
  readonly memoryMib?: number | undefined;
  readonly clock?: Clock;
}

export interface LocalRunner extends Runner {
  /** Ends the waiting shells and removes the folders. Running scripts are their callers' to cancel. */
  close(): Promise<void>;
}

/** How long output may still come after the shell itself has exited. */
const settleMs = 100;
/** The same, where there is no record of the script's end although the shell has exited. */
const lastLookMs = 1_000;
/** How long after a run strays are looked for, so that a busy agent looks once for many runs. */
const sweepAfterMs = 1_000;
/** How long strays may stay while other scripts run. */
const strayMs = 60_000;

type Ended = 'too-large' | 'timed-out' | 'cancelled';
type Exit = { exitCode: number } | { signal: string } | { failure: unknown };

export function localRunner(options: LocalOptions): LocalRunner {
  const { clock = systemClock, killGraceMs = 2_000, shell = 'bash', standby = 0 } = options;
  const program = options.memoryMib === undefined ? bootstrap : boundedBootstrap(options.memoryMib);
  const folder = openRunFolder(options.workRoot);
  const markPrefix = `${randomBytes(8).toString('hex')}.`;
  const marksInUse = new Set<string>();
  const waiting: Interpreter[] = [];
  const clearing = new Set<Promise<unknown>>();
  let started = 0;
  let closed = false;
  let running = 0;
  let oldestStray: number | undefined;
  let stopSweep: (() => void) | undefined;

  type Interpreter = ReturnType<typeof start>;

  function start() {
    const directory = folder.make();
    started += 1;
    const mark = `${markPrefix}${started}`;
    marksInUse.add(mark);
    const subprocess = execa(shell, ['--noprofile', '--norc', '-c', program, 'legate'], {
      cwd: directory,
      env: { ...options.environment, [markVariable]: mark },
      extendEnv: false,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      buffer: false,
      reject: false,
      // A process group of its own, which ends as a whole when this process does.
      killDescendants: true,
      forceKillAfterDelay: false,
    });
    const child = subprocess.nodeChildProcess;
    // A shell that has gone away answers with EPIPE, which says no more than its exit does.
    subprocess.stdin.on('error', () => {});
    let overflow = () => {};
    const tooLarge = new Promise<'too-large'>(resolve => {
      overflow = () => resolve('too-large');
    });
    const channel = keepHead(subprocess.stdout, limits.value + 2, () => overflow());
    const stderr = keepTail(subprocess.stderr, stderrKept);
    const exited = new Promise<Exit>(resolve => {
      child.once('exit', (code, signal) => resolve(signal ? { signal } : { exitCode: code ?? -1 }));
      child.once('error', failure => resolve({ failure }));
      // Where there was not even a try (no descriptors left, too large an environment), execa alone tells.
      void subprocess.then(result => {
        if (child.pid === undefined) resolve({ failure: result });
      });
    });
    const outputClosed = new Promise<void>(resolve => child.once('close', () => resolve()));
    return { mark, directory, pid: child.pid, subprocess, tooLarge, channel, stderr, exited, outputClosed };
  }

  function refill(): void {
    while (!closed && waiting.length < standby) {
      let interpreter: Interpreter;
      try {
        interpreter = start();
      } catch {
        return; // The next task tries for itself, and is told why not.
      }
      waiting.push(interpreter);
      // One that ends without having been used is no loss, but must not be handed out.
      void interpreter.exited.then(() => {
        const at = waiting.indexOf(interpreter);
        if (at < 0) return;
        waiting.splice(at, 1);
        discard(interpreter);
      });
    }
  }

  /** A waiting shell, if there is one that is still as it was made. */
  function takeWaiting(): Interpreter | undefined {
    for (let interpreter = waiting.shift(); interpreter; interpreter = waiting.shift()) {
      // Temporary folders get cleaned, also below a shell that waits for days.
      if (existsSync(interpreter.directory)) return interpreter;
      dismiss(interpreter);
    }
    return undefined;
  }

  /** Ends a shell that was not used. */
  function dismiss(interpreter: Interpreter): void {
    interpreter.subprocess.kill('SIGKILL');
    track(interpreter.exited);
    discard(interpreter);
  }

  /** Frees what a run held. What is left of its processes is swept up a moment later. */
  function discard({ mark, directory, subprocess }: Interpreter): void {
    subprocess.stdin.destroy();
    subprocess.stdout.destroy();
    subprocess.stderr.destroy();
    marksInUse.delete(mark);
    track(folder.remove(directory));
    scheduleSweep();
  }

  /** Clearing up goes on behind the outcome; `close` waits for it. */
  function track(work: Promise<unknown>): void {
    const tracked = work.finally(() => clearing.delete(tracked));
    clearing.add(tracked);
  }

  function scheduleSweep(): void {
    if (closed) return;
    oldestStray ??= clock.now();
    stopSweep ??= clock.after(sweepAfterMs, sweep);
  }

  /**
   * Ends what finished runs have left behind, gently first. Some of it serves other runs too (gpg starts an
   * agent that stays), so it is left alone while scripts run, within reason.
   */
  function sweep(): void {
    stopSweep = undefined;
    if (running > 0 && clock.now() - (oldestStray ?? 0) < strayMs) {
      stopSweep = clock.after(sweepAfterMs, sweep);
      return;
    }
    oldestStray = undefined;
    const asked = signalMarked(mark => mark.startsWith(markPrefix) && !marksInUse.has(mark), 'SIGTERM');
    if (asked.size === 0) return;
    stopSweep = clock.after(killGraceMs, () => {
      stopSweep = undefined;
      // Only who was asked: what a later run has left behind may be of use to one that runs now.
      const ignored = signalMarked(mark => asked.has(mark), 'SIGKILL');
      if (ignored.size > 0 || oldestStray !== undefined) scheduleSweep();
    });
  }

  async function run(
    script: ScriptRun,
    { remainingMs, signal, onBegin }: RunBounds,
    onErrorOutput?: (chunk: Buffer) => void,
  ): Promise<Execution> {
    const begun = clock.now();
    let interpreter: Interpreter;
    try {
      interpreter = takeWaiting() ?? start();
    } catch (failure) {
      const detail = `the delegate could not make a folder in ${options.workRoot} (${codeOf(failure)})`;
      const end = { kind: 'not-started', reason: 'internal', detail } as const;
      return { end, collected: { directoryMissing: false }, stderr: Buffer.alloc(0), durationMs: 0 };
    }
    running += 1;
    if (onErrorOutput) interpreter.subprocess.stderr.on('data', onErrorOutput);
    onBegin?.();
    interpreter.subprocess.stdin.end(scriptInput(script));
    const over = new AbortController();
    try {
      const end = await Promise.race([
        interpreter.exited,
        interpreter.tooLarge,
        sleep(clock, remainingMs, over.signal).then(() => 'timed-out' as const),
        aborted(signal, over.signal).then(() => 'cancelled' as const),
      ]).then(first => settle(interpreter, first, over.signal));
      return {
        end,
        collected: readRecords(interpreter.channel()),
        stderr: interpreter.stderr(),
        durationMs: Math.round(clock.now() - begun),
      };
    } finally {
      over.abort();
      running -= 1;
      discard(interpreter);
      setImmediate(refill);
    }
  }

  async function settle(interpreter: Interpreter, first: Exit | Ended, over: AbortSignal): Promise<End> {
    const { pid, mark, outputClosed, channel } = interpreter;
    const closedWithin = (ms: number) =>
      Promise.race([outputClosed.then(() => true), sleep(clock, ms, over).then(() => false)]);
    const lastOutput = async () => {
      // Somebody whom the script left behind may hold the pipes open; it does not delay the outcome for long.
      if ((await closedWithin(settleMs)) || channel().includes(0)) return;
      // No record yet: either the script wrote none, or the machine is so busy that nobody has read it.
      if (pid !== undefined && groupExists(pid)) await endTree({ pid, mark }, killGraceMs, clock);
      await closedWithin(lastLookMs);
    };
    if (typeof first === 'string') {
      const forced = pid !== undefined && (await endTree({ pid, mark }, killGraceMs, clock)).forced;
      // The last thing that comes is what the variable held: without it nothing could be redacted.
      await lastOutput();
      return { kind: first, forced };
    }
    if ('failure' in first) return notStarted(first.failure, shell);
    await lastOutput();
    // Who is left is ended without anybody waiting for it.
    if (pid !== undefined && groupExists(pid)) track(endTree({ pid, mark }, killGraceMs, clock));
    return 'signal' in first
      ? { kind: 'signalled', signal: first.signal }
      : { kind: 'exited', exitCode: first.exitCode };
  }

  refill();
  return {
    run,
    async close() {
      closed = true;
      stopSweep?.();
      for (const interpreter of waiting.splice(0)) dismiss(interpreter);
      while (clearing.size > 0) await Promise.all(clearing);
      // Nobody is left to ask twice.
      signalMarked(mark => mark.startsWith(markPrefix), 'SIGKILL');
      folder.close();
    },
  };
}

function codeOf(failure: unknown): string {
  return failure instanceof Error && 'code' in failure ? String(failure.code) : 'unknown error';
}

function notStarted(failure: unknown, shell: string): End {
  const code = codeOf(failure);
  return code === 'ENOENT'
    ? { kind: 'not-started', reason: 'shell-missing', detail: `there is no ${shell} on the delegate's PATH` }
    : { kind: 'not-started', reason: 'internal', detail: `the delegate could not start ${shell} (${code})` };
}

function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true, signal: over });
  });
}
