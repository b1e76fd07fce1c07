/** A real runner in a folder of its own, and a look at what its scripts leave behind. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Execution } from '../../agent/execute/execution.ts';
import { type LocalOptions, type LocalRunner, localRunner } from '../../agent/execute/local.ts';
import type { ScriptRun } from '../../agent/script/bootstrap.ts';

export interface TestRunner extends AsyncDisposable {
  readonly runner: LocalRunner;
  readonly workRoot: string;
  /** Runs a program with a generous deadline that a test may shorten. */
  run(program: string, options?: RunOptions): Promise<Execution>;
  /** Ids of the processes that this runner's scripts have started and that still run. */
  processes(): number[];
}

export interface RunOptions extends Omit<Partial<ScriptRun>, 'program'> {
  readonly remainingMs?: number;
  readonly signal?: AbortSignal;
}

export async function openRunner(options: Partial<LocalOptions> = {}): Promise<TestRunner> {
  const workRoot = await mkdtemp(join(tmpdir(), 'legate-runner-test-'));
  // Whatever is started below this runner inherits this, so that other tests' processes are not counted.
  const nonce = `LEGATE_TEST_NONCE=${randomUUID()}`;
  const [name = '', value = ''] = nonce.split('=');
  const environment = { PATH: process.env.PATH ?? '', ...options.environment, [name]: value };
  const runner = localRunner({ killGraceMs: 300, ...options, workRoot, environment });
  return {
    runner,
    workRoot,
    run(program, { remainingMs = 20_000, signal = new AbortController().signal, ...run } = {}) {
      return runner.run({ program, inputs: [], ...run }, { remainingMs, signal });
    },
    processes: () => processesWith(nonce),
    async [Symbol.asyncDispose]() {
      await runner.close();
      await rm(workRoot, { recursive: true, force: true, maxRetries: 2 });
    },
  };
}

/** The processes in whose environment this entry stands. A zombie has none, and has ended. */
export function processesWith(entry: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(pid => Number.isInteger(pid) && `\0${environmentOf(pid)}`.includes(`\0${entry}\0`));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return ''; // It has ended meanwhile.
  }
}

/** Waits for what other processes bring about: there is no event to wait for. Says what was awaited. */
export async function eventually(what: string, holds: () => boolean, withinMs = 5_000): Promise<void> {
  const until = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > until) throw new Error(`not so within ${withinMs} ms: ${what}`);
    await pause(10);
  }
}
