/**
 * Tries the whole way at a low rate: a constant program on each connected delegate, whose value comes back sealed and
 * is opened here. Nothing of it is chosen, recorded or retried; what comes of it is measured.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Clock, every, generateSealingKeys, openValue, type Task } from '../../protocol/index.ts';
import type { Attempt, Link } from '../dispatch/link.ts';
import type { Roster } from '../dispatch/roster.ts';

export interface SyntheticOptions {
  readonly roster: Roster;
  readonly clock: Clock;
  /** Each delegate gets one in this time. */
  readonly intervalMs: number;
  /** `succeeded`, or why not: a failure reason. */
  readonly measured: (outcome: string, durationMs: number) => void;
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

const text = 'secret=ok';
const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
const subject = { secret: '', connector: '', template: 'synthetic' };
const tickMs = 1_000;
const timeLimitMs = 20_000;
/** The delegate's own report of a time that is over comes first. */
const patienceMs = 25_000;

/** Begins; the returned function ends it. */
export function startSynthetic(options: SyntheticOptions): () => void {
  const { roster, clock, intervalMs } = options;
  const running = new Set<Link>();
  let round: Link[] = [];
  let perTick = 0;
  let nextRoundAt = clock.now();
  return every(clock, tickMs, () => {
    if (clock.now() >= nextRoundAt) {
      nextRoundAt = clock.now() + Math.max(intervalMs, tickMs);
      round = roster.links();
      // Spread over the round: many delegates shall not be asked at once.
      perTick = Math.ceil((round.length * tickMs) / Math.max(intervalMs, tickMs));
    }
    for (const link of round.splice(0, perTick)) {
      const isFree = !link.draining && link.running < link.capacity && link.shells.includes('bash');
      if (!isFree || running.has(link)) continue;
      running.add(link);
      void tryDelegate(link, options).finally(() => running.delete(link));
    }
  });
}

async function tryDelegate(link: Link, { clock, measured, note }: SyntheticOptions): Promise<void> {
  const began = clock.now();
  const over = Promise.withResolvers<'timed-out'>();
  const stop = clock.after(patienceMs, () => over.resolve('timed-out'));
  let attempt: Attempt | undefined;
  try {
    const keys = await generateSealingKeys();
    const task: Task = {
      type: 'task',
      task: randomBytes(12).toString('base64url'),
      attempt: 1,
      remainingMs: timeLimitMs,
      program: { shell: 'bash', text, digest },
      inputs: [],
      recipient: keys.publicKey,
      subject,
      synthetic: true,
    };
    attempt = link.start(task);
    const outcome = await Promise.race([outcomeOf(attempt, keys), over.promise]);
    if (outcome === undefined) return;
    measured(outcome, clock.now() - began);
    if (outcome !== 'succeeded')
      note({ delegate: link.name, instance: link.instance, reason: outcome }, 'synthetic task failed');
  } finally {
    stop();
    attempt?.close();
  }
}

/** How it ended; undefined where the delegate only had no place for it, which says nothing of the way. */
async function outcomeOf(
  attempt: Attempt,
  keys: Awaited<ReturnType<typeof generateSealingKeys>>,
): Promise<string | undefined> {
  let opener: ReturnType<typeof openValue> | undefined;
  const pieces: Uint8Array[] = [];
  for (;;) {
    const report = await attempt.next();
    switch (report.type) {
      case 'value':
        try {
          opener ??= openValue(keys, report);
          pieces.push(await opener.open(report));
        } catch {
          return 'protocol-error';
        }
        break;
      case 'succeeded':
        return Buffer.concat(pieces).toString() === 'ok' ? 'succeeded' : 'protocol-error';
      case 'failed':
        return report.reason;
      case 'rejected':
        return report.why === 'refused' ? 'rejected-by-delegate' : undefined;
      case 'lost':
        return 'delegate-lost';
    }
  }
}
