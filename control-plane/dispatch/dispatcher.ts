/** Gets a plan run: choose a delegate, send, follow, and try another one where that may help. */
import { randomBytes } from 'node:crypto';
import {
  type Clock,
  type Failure,
  factsOf,
  type PublicKey,
  type SealedChunk,
  sleep,
} from '../../protocol/index.ts';
import type { Plan } from '../domain/entities.ts';
import type { Attempt, Link, LinkReport } from './link.ts';
import type { Roster } from './roster.ts';
import { choose, type Demand, type Tried, type Verdict, type WhyNot, whyNot } from './select.ts';
import { startTask } from './start-task.ts';

/** What happens on the way of one fetch. The last one is `succeeded` or `failed`. */
export type DispatchEvent =
  | { readonly event: 'accepted'; readonly task: string; readonly attempt: number; readonly delegate: string }
  | { readonly event: 'log'; readonly text: string }
  | ({ readonly event: 'value'; readonly task: string; readonly attempt: number } & SealedChunk)
  | {
      readonly event: 'succeeded';
      readonly task: string;
      readonly attempt: number;
      readonly delegate: string;
      /** The script's own time on the delegate. */
      readonly durationMs: number;
    }
  | {
      readonly event: 'failed';
      readonly task: string;
      readonly attempt: number;
      readonly delegate?: string;
      readonly failure: Failure;
      /** Per delegate, why it could not take the task; when that is what failed. */
      readonly delegates?: readonly WhyNot[];
    };

type FailedEvent = Extract<DispatchEvent, { event: 'failed' }>;

export interface DispatchRequest {
  readonly plan: Plan;
  readonly recipient: PublicKey;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
  /** Send the script's error output along. */
  readonly logs: boolean;
  /** Send it while the script runs: for a connection test. */
  readonly liveLogs?: boolean;
}

export interface DispatcherOptions {
  readonly roster: Roster;
  readonly clock: Clock;
  readonly random?: () => number;
}

export type Dispatcher = (request: DispatchRequest) => AsyncGenerator<DispatchEvent, void, void>;

/** A delegate that has not answered a task by then is passed over. */
const acceptWithinMs = 5_000;
/**
 * How much longer than the delegate the control plane waits: the delegate knows best why it ran out of time,
 * so its report has to get here first. Covers the time between TERM and KILL.
 */
const reportAllowanceMs = 5_000;
/** After a delegate was lost, how long another one, or the same one coming back, is waited for. */
const comeBackMs = 15_000;
/** So often a task may be taken on: a script that costs a delegate its life shall not cost all of them theirs. */
const mostRuns = 3;
/** When a delegate that called itself full is asked again. */
const askAgainMs = 200;
const fullVerdict: Verdict = { why: 'OVER_CAPACITY', detail: 'it says that it is full' };

export function createDispatcher({ roster, clock, random = Math.random }: DispatcherOptions): Dispatcher {
  return request => run({ ...request, roster, clock, random });
}

type Run = DispatchRequest & Required<DispatcherOptions>;

async function* run(context: Run): AsyncGenerator<DispatchEvent, void, void> {
  const { plan, roster, clock } = context;
  const task = randomBytes(12).toString('base64url');
  const deadline = clock.now() + plan.timeoutMs;
  const demand: Demand = { owner: plan.owner, selectors: plan.selectors, shell: 'bash' };
  const tried = new Map<Link, Verdict>();
  const full = new Set<Link>();
  const over = overAt(context, deadline);
  let attempt = 0;
  let runs = 0;
  let last: { failure: Failure; delegate: string } | undefined;

  const failed = (failure: Failure, delegate?: string): FailedEvent => ({
    event: 'failed',
    task,
    attempt,
    failure,
    ...(delegate === undefined ? {} : { delegate }),
  });
  /** As above, where it failed for want of a delegate. */
  const lacking = (failure: Failure, delegate?: string): FailedEvent => ({
    ...failed(failure, delegate),
    delegates: whyNot(roster, demand, excluded(tried, full)),
  });

  try {
    while (true) {
      const started = await startOnNext(context, demand, { tried, full }, over.soft.signal, link => {
        attempt += 1;
        const remainingMs = Math.max(1, Math.floor(deadline - clock.now()));
        return startTask(link, context, { task, attempt }, remainingMs);
      });
      if (!started) {
        if (over.soft.signal.aborted) yield lacking(overReason(context, 'while waiting for a free delegate'));
        else if (last) yield lacking(last.failure, last.delegate);
        else yield lacking({ reason: 'no-eligible-delegate' });
        return;
      }
      const { link, running } = started;
      const result = yield* follow(context, link, running, { task, attempt }, over.hard.signal);
      if (result === 'done') return;
      const { failure } = result;
      if (result.full) {
        full.add(link);
        // It never began, so that its number is free; asking until the deadline would use up more than there are.
        attempt -= 1;
        continue;
      }
      if (failure.reason !== 'rejected-by-delegate') runs += 1;
      // What was sent to the caller can't be taken back: from the first chunk on there is no second try.
      const mayRetry = !result.valueForwarded && factsOf(failure.reason).retryElsewhere && runs < mostRuns;
      if (!mayRetry || clock.now() >= deadline) {
        yield failed(failure, link.name);
        return;
      }
      last = { failure, delegate: link.name };
      tried.set(link, {
        why: failure.reason === 'delegate-lost' ? 'LOST' : 'REJECTED',
        detail: failure.detail ?? factsOf(failure.reason).explanation,
      });
    }
  } finally {
    over.clear();
  }
}

/**
 * Two ends of patience: `soft` at the deadline or when the caller hangs up, `hard` a moment after the
 * deadline, so that the delegate's own, more precise report arrives first. A caller who hung up ends both.
 */
function overAt({ clock, signal }: Run, deadline: number) {
  const soft = new AbortController();
  const hard = new AbortController();
  const hangUp = () => {
    soft.abort();
    hard.abort();
  };
  const stops = [
    clock.after(deadline - clock.now(), () => soft.abort()),
    clock.after(deadline - clock.now() + reportAllowanceMs, () => hard.abort()),
  ];
  if (signal.aborted) hangUp();
  else signal.addEventListener('abort', hangUp, { once: true });
  return {
    soft,
    hard,
    clear() {
      for (const stop of stops) stop();
      signal.removeEventListener('abort', hangUp);
    },
  };
}

function excluded(tried: Tried, full: ReadonlySet<Link>): Tried {
  return new Map([...tried, ...[...full].map(link => [link, fullVerdict] as const)]);
}

/**
 * Starts an attempt on a delegate with a free place. Waits while those that fit are busy, and after a loss for
 * one to come (back); undefined when there is none to wait for, or patience is over. Choosing and starting are
 * one step: of many who wait for one free place only one gets it.
 */
async function startOnNext(
  { roster, random, clock }: Run,
  demand: Demand,
  { tried, full }: { tried: Map<Link, Verdict>; full: Set<Link> },
  over: AbortSignal,
  start: (link: Link) => Attempt,
): Promise<{ link: Link; running: Attempt } | undefined> {
  const lost = [...tried.values()].some(({ why }) => why === 'LOST');
  const patience = new AbortController();
  const giveUp = clock.after(comeBackMs, () => patience.abort());
  try {
    while (!over.aborted) {
      const choice = choose(roster, demand, excluded(tried, full), random);
      if (choice.kind === 'chosen') return { link: choice.link, running: start(choice.link) };
      const change = AbortSignal.any([over, patience.signal]);
      if (full.size > 0) {
        // It said that it is full although we count a free place: what it has there ends without our hearing.
        const turn = new AbortController();
        const eitherEnds = AbortSignal.any([over, turn.signal]);
        await Promise.race([roster.nextChange(eitherEnds), sleep(clock, askAgainMs, eitherEnds)]);
        // The one that lost the race must not wait on.
        turn.abort();
        if (!over.aborted) full.clear();
      } else if (choice.kind === 'busy') await roster.nextChange(over);
      else if (lost && !patience.signal.aborted) await roster.nextChange(change);
      else return undefined;
    }
    return undefined;
  } finally {
    giveUp();
  }
}

type FollowResult =
  | 'done'
  /** `full`: it has no free place, which says nothing against asking it again. */
  | { readonly failure: Failure; readonly valueForwarded: boolean; readonly full?: boolean };

/** Passes on what a delegate says of one attempt, until it ends one way or the other. */
async function* follow(
  context: Run,
  link: Link,
  running: Attempt,
  id: { task: string; attempt: number },
  over: AbortSignal,
): AsyncGenerator<DispatchEvent, FollowResult, void> {
  const delegate = link.name;
  let valueForwarded = false;
  const slow = new AbortController();
  const stopWaiting = context.clock.after(acceptWithinMs, () => slow.abort());
  const isOver = whenAborted(over).then(() => 'over' as const);
  const isSlow = whenAborted(slow.signal).then(() => 'slow' as const);
  try {
    let accepted = false;
    while (true) {
      const report = await Promise.race([running.next(), isOver, ...(accepted ? [] : [isSlow])]);
      if (report === 'over') {
        return { failure: overReason(context, `while ${delegate} was running it`), valueForwarded };
      }
      if (report === 'slow') {
        const detail = `the delegate did not answer within ${acceptWithinMs / 1_000} s`;
        return { failure: { reason: 'delegate-lost', detail }, valueForwarded };
      }
      switch (report.type) {
        case 'accepted':
          accepted = true;
          stopWaiting();
          yield { event: 'accepted', ...id, delegate };
          break;
        case 'log':
          yield { event: 'log', text: report.text };
          break;
        case 'value':
          valueForwarded = true;
          yield { event: 'value', ...id, seq: report.seq, final: report.final, sealed: report.sealed };
          break;
        case 'succeeded':
          yield { event: 'succeeded', ...id, delegate, durationMs: report.durationMs };
          return 'done';
        default:
          return { failure: failureOf(report, delegate), valueForwarded, full: isFull(report) };
      }
    }
  } finally {
    stopWaiting();
    running.close();
  }
}

function failureOf(
  report: Extract<LinkReport, { type: 'failed' | 'rejected' | 'lost' }>,
  delegate: string,
): Failure {
  if (report.type === 'lost') {
    return {
      reason: 'delegate-lost',
      detail: `The delegate ${delegate} disconnected while executing the task.`,
    };
  }
  if (report.type === 'rejected') {
    const detail = report.detail ? `${report.why}: ${report.detail}` : report.why;
    return { reason: 'rejected-by-delegate', detail };
  }
  const { reason, detail, exitCode, signal, stderrTail } = report;
  return {
    // A reason that only the control plane may set does not come from a delegate.
    reason: factsOf(reason).setBy === 'control-plane' ? 'protocol-error' : reason,
    ...(detail === undefined ? {} : { detail }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(stderrTail === undefined ? {} : { stderrTail }),
  };
}

/** Cancelled attempts may still be ending there: both answers mean "not yet". */
function isFull(report: LinkReport): boolean {
  return report.type === 'rejected' && (report.why === 'at-capacity' || report.why === 'duplicate');
}

function overReason({ signal, plan }: Run, when: string): Failure {
  if (signal.aborted) return { reason: 'cancelled', detail: `the caller hung up ${when}` };
  return { reason: 'timed-out', detail: `${plan.timeoutMs / 1_000} s were over ${when}` };
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
