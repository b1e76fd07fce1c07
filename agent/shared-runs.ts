/**
 * One run for several tasks that would run the same thing: while it goes on, and, where its connector says so, for a
 * while afterwards. The agent itself decides what "the same" is, from everything that makes the run what it is.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type Clock, type Failure, sleep, type Task } from '../protocol/index.ts';
import type { RunBounds } from './execute/execution.ts';

/** What a run came to, before it is sealed to anybody. */
export type Yielded = (
  | {
      readonly ok: true;
      readonly bytes: Buffer;
      /** Left out: it was had for this task. Else how long ago the run began, in milliseconds. */
      readonly ageMs?: number;
    }
  | ({ readonly ok: false } & Failure)
) & {
  readonly durationMs: number;
  /** The script's error output, redacted. */
  readonly log: string;
};

/** Runs the script within these bounds. */
export type Run = (bounds: RunBounds) => Promise<Yielded>;

export interface SharedRuns {
  /**
   * What the run comes to: another task's, where it may be, else one of its own. `same` is everything that makes the
   * run what it is, besides the version that `share` names. Rejects only where `run` does.
   */
  obtain(same: readonly unknown[], share: Share, bounds: RunBounds, run: Run): Promise<Yielded>;
  /** Forgets every value that is kept, and keeps no more. */
  close(): void;
}

export type Share = NonNullable<Task['share']>;

interface Flight {
  readonly result: Promise<Yielded>;
  readonly begun: number;
  readonly cancel: AbortController;
  waiting: number;
  /** Whether the script has begun, and who is to be told when it does. */
  readonly script: { hasBegun: boolean; readonly tell: (() => void)[] };
}

interface Kept {
  readonly bytes: Buffer;
  readonly begun: number;
  readonly stop: () => void;
}

/** What an entry takes besides its value, roughly. */
const overhead = 500;

/** `mostBytes`: so much of values is kept, the ones that were used last; 0: none. */
export function sharedRuns(clock: Clock, mostBytes: number): SharedRuns {
  // Names of values that somebody may guess must not be found in memory as plain hashes of them.
  const secret = randomBytes(32);
  const flights = new Map<string, Flight>();
  /** In the order of their last use. */
  const kept = new Map<string, Kept>();
  let bytesKept = 0;
  let closed = false;

  function forget(key: string): void {
    const entry = kept.get(key);
    if (!entry) return;
    entry.stop();
    entry.bytes.fill(0);
    bytesKept -= entry.bytes.length + overhead;
    kept.delete(key);
  }

  function keep(key: string, bytes: Buffer, begun: number, ttlMs: number): void {
    // Runs may end in another order than they began.
    if ((kept.get(key)?.begun ?? begun) > begun) return;
    forget(key);
    const restMs = begun + ttlMs - clock.now();
    const size = bytes.length + overhead;
    if (closed || restMs <= 0 || size > mostBytes) return;
    // A copy, as it is overwritten when it goes while others may still be sealing theirs.
    kept.set(key, { bytes: Buffer.from(bytes), begun, stop: clock.after(restMs, () => forget(key)) });
    bytesKept += size;
    for (const oldest of kept.keys()) {
      if (bytesKept <= mostBytes) break;
      forget(oldest);
    }
  }

  /** A value that is young enough. */
  function recall(key: string, ttlMs: number): Yielded | undefined {
    const entry = kept.get(key);
    if (!entry) return undefined;
    const ageMs = Math.round(clock.now() - entry.begun);
    // The timer may be late.
    if (ageMs >= ttlMs) return undefined;
    kept.delete(key);
    kept.set(key, entry);
    return { ok: true, bytes: Buffer.from(entry.bytes), ageMs, durationMs: 0, log: '' };
  }

  function takeOff(key: string, { ttlMs }: Share, remainingMs: number, run: Run): Flight {
    const cancel = new AbortController();
    const begun = clock.now();
    const script: Flight['script'] = { hasBegun: false, tell: [] };
    const onBegin = () => {
      script.hasBegun = true;
      for (const tell of script.tell.splice(0)) tell();
    };
    const result = run({ remainingMs, signal: cancel.signal, onBegin }).then(yielded => {
      if (yielded.ok && !cancel.signal.aborted) keep(key, yielded.bytes, begun, ttlMs);
      return yielded;
    });
    const flight: Flight = { result, begun, cancel, waiting: 0, script };
    flights.set(key, flight);
    const landed = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    result.then(landed, landed);
    return flight;
  }

  return {
    async obtain(same, share, { remainingMs, signal, onBegin = () => {} }, run) {
      const key = createHmac('sha256', secret)
        .update(JSON.stringify([...same, share.version]))
        .digest('base64url');
      const deadline = clock.now() + remainingMs;
      const { fresh = false } = share;
      while (true) {
        const recalled = fresh ? undefined : recall(key, share.ttlMs);
        if (recalled) return recalled;
        const going = flights.get(key);
        const joined = fresh || going?.cancel.signal.aborted ? undefined : going;
        const flight = joined ?? takeOff(key, share, Math.max(1, deadline - clock.now()), run);
        if (flight.script.hasBegun) onBegin();
        else flight.script.tell.push(onBegin);
        const yielded = await waitFor(flight, deadline, signal, clock, joined !== undefined);
        // What another task has begun ran out of that one's time, not of ours.
        if (!joined || yielded.ok || yielded.reason !== 'timed-out' || clock.now() >= deadline)
          return yielded;
      }
    },
    close() {
      closed = true;
      for (const key of [...kept.keys()]) forget(key);
    },
  };
}

/** One task's patience with a run, which goes on as long as anybody waits for it. */
async function waitFor(
  flight: Flight,
  deadline: number,
  signal: AbortSignal,
  clock: Clock,
  joined: boolean,
): Promise<Yielded> {
  flight.waiting += 1;
  const over = new AbortController();
  const enough = AbortSignal.any([signal, over.signal]);
  // Whoever began the run has given it its own time; it ends by itself.
  const impatient = joined ? deadline - clock.now() : undefined;
  const left = leave(enough, impatient, clock);
  try {
    const first = await Promise.race([flight.result, left]);
    if (typeof first === 'object') return joined ? aged(first, flight, clock) : first;
    // The last one to go sees the processes end: until then its place counts as taken.
    if (flight.waiting === 1) {
      flight.cancel.abort();
      return await flight.result;
    }
    const durationMs = 0;
    const detail =
      first === 'cancelled'
        ? 'it waited for the run of another task, which goes on'
        : 'its time was over while it waited for the run of another task';
    return { ok: false, reason: first, detail, durationMs, log: '' };
  } finally {
    flight.waiting -= 1;
    over.abort();
  }
}

/** Resolves when the task is cancelled, or its time is over; also when nobody cares any more. */
async function leave(
  signal: AbortSignal,
  ms: number | undefined,
  clock: Clock,
): Promise<'cancelled' | 'timed-out'> {
  if (ms !== undefined) {
    await sleep(clock, Math.max(0, ms), signal);
    return signal.aborted ? 'cancelled' : 'timed-out';
  }
  if (!signal.aborted)
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
  return 'cancelled';
}

function aged(yielded: Yielded, { begun }: Flight, clock: Clock): Yielded {
  if (!yielded.ok) return { ...yielded, durationMs: 0, log: '' };
  const ageMs = Math.max(0, Math.round(clock.now() - begun));
  return { ...yielded, ageMs, durationMs: 0, log: '' };
}
