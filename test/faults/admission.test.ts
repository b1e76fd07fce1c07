// A thousand delegates lose their control plane at the same moment.
import assert from 'node:assert/strict';
import { suite } from 'node:test';
import { connections } from '../../agent/connection.ts';
import { createInbox } from '../../agent/inbox.ts';
import { startSession } from '../../agent/session.ts';
import { tokenExchange } from '../../agent/token-exchange.ts';
import { givenToken } from '../../agent/token-source.ts';
import { generateSealingKeys, sealValue, systemClock } from '../../protocol/index.ts';
import { hello } from '../harness/agent-session.ts';
import { faultRow, fetchOnce, seconds } from '../harness/fault-matrix.ts';
import { memoryLogger } from '../harness/memory-logger.ts';
import { becomesTrue, startWorld } from '../harness/world.ts';

const delegates = 1_000;
const perSecond = 100;
const callers = 10;
/** A busy machine may be slower than the pace. */
const longestMs = 70_000;

interface Fleet extends AsyncDisposable {
  /** When each of them was let in, on the clock of this process. */
  readonly welcomes: number[];
  /** (task, attempt) of each task that one of them began. */
  readonly begun: string[];
  /** When each of those began. */
  readonly begunAt: Map<string, number>;
}

/** The agent's own connection, session and inbox, so many times; only that its scripts are no processes. */
async function startFleet(address: string, token: string): Promise<Fleet> {
  const over = new AbortController();
  const fleet = { welcomes: [] as number[], begun: [] as string[], begunAt: new Map<string, number>() };
  const { logger } = memoryLogger();
  const keys = await generateSealingKeys();
  const url = new URL(address.replace(/^http/, 'ws'));
  const live = async (number: number) => {
    const source = givenToken(token);
    const inbox = createInbox(1);
    const options = { url, tokens: source, clock: systemClock, logger, signal: over.signal };
    for await (const socket of connections(options)) {
      const stop = () => socket.terminate();
      over.signal.addEventListener('abort', stop, { once: true });
      const session = startSession(socket, {
        hello: { ...hello, name: `d-${number}`, instance: `instance-${number}`, publicKey: keys.publicKey },
        inbox,
        clock: systemClock,
        logger,
        async runTask(task) {
          fleet.begun.push(`${task.task}/${task.attempt}`);
          fleet.begunAt.set(task.task, performance.now());
          const chunks = sealValue(Buffer.from('v'), task.recipient, task);
          return { ok: true, chunks, durationMs: 1, log: '' };
        },
        onWelcome: () => void fleet.welcomes.push(performance.now()),
        forgetCredential: () => {},
        tokens: send => tokenExchange({ source, send, logger }),
      });
      await session.ended;
      over.signal.removeEventListener('abort', stop);
    }
  };
  const lives = Array.from({ length: delegates }, (_, number) => live(number));
  return {
    ...fleet,
    async [Symbol.asyncDispose]() {
      over.abort();
      await Promise.all(lives);
    },
  };
}

/** The most that were let in within any second. */
function fastest(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let from = 0;
  let most = 0;
  for (const [at, time] of sorted.entries()) {
    while (time - (sorted[from] ?? 0) >= 1_000) from += 1;
    most = Math.max(most, at - from + 1);
  }
  return most;
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}

suite('a herd', () => {
  faultRow(
    `${delegates} delegates lose their control plane, which is restarted (SIGKILL) and lets in ${perSecond} a second`,
    'never more in a second than the pace and a tenth; all come back; every fetch is answered, no attempt runs twice',
    async () => {
      await using world = await startWorld({
        logLevel: 'info',
        args: ['--admission-rate', String(perSecond)],
      });
      const { secret } = await world.script('secret=v');
      await using fleet = await startFleet(world.url, await world.token('herd'));
      await becomesTrue(
        () => fleet.welcomes.length >= delegates,
        () => `only ${fleet.welcomes.length} come`,
        longestMs,
      );
      fleet.welcomes.length = 0;
      await world.restartServer('SIGKILL');
      const restarted = performance.now();
      const waits: number[] = [];
      let answered = 0;
      const asking = async () => {
        while (fleet.welcomes.length < delegates) {
          const asked = performance.now();
          const { value, task } = await fetchOnce(world, secret, 30_000);
          assert.equal(value, 'v');
          answered += 1;
          waits.push((fleet.begunAt.get(task) ?? Number.NaN) - asked);
        }
      };
      const fetching = Promise.all(Array.from({ length: callers }, asking));
      fetching.catch(() => {}); // Looked at below, unless something else has failed before.
      await becomesTrue(
        () => fleet.welcomes.length >= delegates,
        () => `only ${fleet.welcomes.length} are back`,
        longestMs,
      );
      const backMs = performance.now() - restarted;
      await fetching;
      const most = fastest(fleet.welcomes);
      assert.ok(most <= 1.1 * perSecond + 5, `${most} within a second`);
      assert.equal(fleet.welcomes.length, delegates, 'each of them was let in once');
      assert.equal(new Set(fleet.begun).size, fleet.begun.length, 'an attempt was run twice');
      const ms = (percent: number) => `${percentile(waits, percent).toFixed(0)} ms`;
      return (
        `at most ${most} in a second, all back after ${seconds(backMs)}; ${answered} of ${answered} fetches answered; ` +
        `from asking to the first dispatch p50 ${ms(50)}, p99 ${ms(99)}`
      );
    },
    { timeoutMs: 180_000 },
  );
});
