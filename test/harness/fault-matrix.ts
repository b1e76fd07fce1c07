/** The failure matrix: each row is a test of its own that says which fault, what was expected, and what was seen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Program } from './program.ts';
import { startWorld, type World } from './world.ts';

const page = readFileSync(new URL('../../docs/operating-a-delegate.md', import.meta.url), 'utf8');

/** By then a delegate works again. */
export const backWithinMs = 30_000;

export interface RowOptions {
  /** Why it can't be tried on this machine. */
  readonly skip?: string | undefined;
  readonly timeoutMs?: number;
}

/** One row. `see` throws where it is not as expected, and else says in a few words what it saw. */
export function faultRow(
  fault: string,
  expected: string,
  see: () => Promise<string>,
  { skip, timeoutMs = 110_000 }: RowOptions = {},
): void {
  test(fault, { timeout: timeoutMs, ...(skip === undefined ? {} : { skip }) }, async context => {
    const seen = `| ${fault} | ${expected} |`;
    assert.ok(page.includes(seen), `docs/operating-a-delegate.md lacks the row: ${seen}`);
    context.diagnostic(`| ${fault} | ${expected} | ${await see()} |`);
  });
}

export interface FaultyWorld extends AsyncDisposable {
  readonly world: World;
  /** A secret whose script notes each of its runs and is done at once. */
  readonly quick: string;
  /** How often that script has been run. */
  runs(): number;
  /** All delegates, for what is counted in the end. */
  readonly agents: Program[];
}

/** A control plane whose delegates are expected to say something each second, unless told otherwise. */
export async function faultyWorld(
  args: readonly string[] = ['--heartbeat', '1'],
  env: Readonly<Record<string, string>> = {},
  cliEnv: Readonly<Record<string, string>> = {},
): Promise<FaultyWorld> {
  const world = await startWorld({ args, env, cliEnv });
  const noted = join(world.folder, 'runs');
  const { secret } = await world.script(`echo "$$" >>'${noted}'; secret=v`);
  return {
    world,
    quick: secret,
    runs: () => linesIn(noted),
    agents: [],
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

export function linesIn(path: string): number {
  try {
    return readFileSync(path, 'utf8').split('\n').length - 1;
  } catch {
    return 0;
  }
}

export interface Fetched {
  readonly value: string | undefined;
  readonly reason: string | undefined;
  readonly attempt: number;
  /** Its id; empty where no delegate was asked. */
  readonly task: string;
}

/** One fetch with a run of its own, as a caller without a key has it. Rejects when the control plane can't be asked. */
export async function fetchOnce(world: World, secret: string, waitMs = 0): Promise<Fetched> {
  const response = await world.api('/fetch', { secret, waitMs, fresh: true });
  const text = await response.text();
  const events = text
    .split('\n')
    .filter(line => line !== '') // As they come while nothing happens.
    .map(line => JSON.parse(line));
  const values = events.filter(({ event }) => event === 'value').map(({ text: piece }) => piece);
  const last = events.at(-1);
  const done = last.event === 'done';
  const attempts = events.map(({ attempt }) => Number(attempt)).filter(attempt => attempt >= 0);
  return {
    value: done ? values.join('') : undefined,
    reason: done ? undefined : (last.reason ?? last.failure?.reason ?? text),
    attempt: Math.max(0, ...attempts),
    task: String(last.task ?? ''),
  };
}

/** How long it takes from now until a fetch succeeds. Fails where that is too long. */
export async function worksAgain({ world, quick }: FaultyWorld): Promise<number> {
  const begun = performance.now();
  const spentMs = () => Math.round(performance.now() - begun);
  let last = '';
  while (spentMs() < backWithinMs) {
    try {
      const { value, reason } = await fetchOnce(world, quick, 1_000);
      if (value === 'v') return spentMs();
      last = reason ?? '';
    } catch (error) {
      last = String(error);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
  throw new Error(`no fetch has succeeded after ${spentMs()} ms: ${last}`);
}

/**
 * Fails where an agent has ended, or one attempt was begun twice anywhere, or the scripts were run more often than
 * attempts were begun. Says how many attempts there were.
 */
export function noneTwice(faulty: FaultyWorld, others = 0): string {
  const { agents } = faulty;
  const begun = agents.flatMap(agent =>
    agent
      .lines()
      .filter(({ msg }) => msg === 'task started')
      .map(({ task, attempt }) => `${String(task)}/${String(attempt)}`),
  );
  assert.equal(new Set(begun).size, begun.length, 'an attempt was begun twice');
  assert.ok(faulty.runs() + others <= begun.length, 'a script was run without an attempt');
  for (const agent of agents)
    assert.equal(agent.lines().filter(({ msg }) => msg === 'agent started').length, 1, agent.output());
  return `${begun.length} attempts, none run twice`;
}

export const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
