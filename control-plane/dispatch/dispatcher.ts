/** Gets a plan run: choose a delegate, send, follow, and try another one where that may help. */
import { randomBytes } from 'node:crypto';
import { type Clock, type Failure, factsOf } from '../../protocol/index.ts';
import { noSpan } from '../../protocol/tracing.ts';
import { demandOf } from './demand.ts';
import type { DispatchEvent, DispatchRequest } from './events.ts';
import { type Following, follow, overReason } from './follow.ts';
import type { Link } from './link.ts';
import type { Roster } from './roster.ts';
import { excluded, startOnNext } from './start-on-next.ts';
import { startTask } from './start-task.ts';
import type { Outcome } from './track-record.ts';
import { nearestMiss, type Verdict, whyNotNearest } from './why-not.ts';

export type { DispatchEvent, DispatchRequest };

type FailedEvent = Extract<DispatchEvent, { event: 'failed' }>;

export interface DispatcherOptions {
  readonly roster: Roster;
  readonly clock: Clock;
  readonly random?: () => number;
}

export type Dispatcher = (request: DispatchRequest) => AsyncGenerator<DispatchEvent, void, void>;

/**
 * How much longer than the delegate the control plane waits: the delegate knows best why it ran out of time,
 * so its report has to get here first. Covers the time between TERM and KILL.
 */
const reportAllowanceMs = 5_000;
/** So often a task may be taken on: a script that costs a delegate its life shall not cost all of them theirs. */
const mostRuns = 3;
/** So often one is given at all: the connections that were open may all be dead, and nobody know it yet. */
const mostAttempts = 100;

export function createDispatcher({ roster, clock, random = Math.random }: DispatcherOptions): Dispatcher {
  return request => run({ ...request, roster, clock, random });
}

type Run = DispatchRequest & Required<DispatcherOptions>;

async function* run(context: Run): AsyncGenerator<DispatchEvent, void, void> {
  const { plan, roster, clock, waitMs = 0, evenHeld = false, span = noSpan } = context;
  const task = randomBytes(12).toString('base64url');
  const begun = clock.now();
  const deadline = begun + plan.timeoutMs;
  const demand = { ...demandOf(plan), evenHeld };
  const tried = new Map<Link, Verdict>();
  const full = new Set<Link>();
  const over = overAt(context, deadline);
  const search = {
    ...context,
    demand,
    group: context.scope ?? plan.owner,
    waitUntil: begun + waitMs,
    tried,
    full,
  };
  let attempt = 0;
  let runs = 0;
  let trying = noSpan;
  let last: { failure: Failure; delegate: string; mayReturn: boolean } | undefined;

  const failed = (failure: Failure, delegate?: string): FailedEvent => ({
    event: 'failed',
    task,
    attempt,
    failure,
    ...(delegate === undefined ? {} : { delegate }),
  });
  /** As above, where it failed for want of a delegate. */
  const lacking = (failure: Failure, delegate?: string): FailedEvent => {
    const listed = whyNotNearest(roster, demand, excluded(tried, full), context.mayKnow);
    const fits = listed.delegates.some(
      ({ why }) => !['OWNER_MISMATCH', 'SELECTOR_MISMATCH', 'DISCONNECTED'].includes(why),
    );
    const miss = fits ? undefined : nearestMiss(roster, demand);
    return { ...failed(failure, delegate), ...listed, ...(miss ? { nearestMiss: miss.detail } : {}) };
  };

  try {
    while (true) {
      let ended: (outcome: Outcome) => void = () => {};
      const found = await startOnNext(search, over.soft.signal, link => {
        attempt += 1;
        const remainingMs = Math.max(1, Math.floor(deadline - clock.now()));
        const noted = roster.record.started(demand.route, link);
        const { sameRun } = demand;
        const placed =
          sameRun === undefined ? undefined : roster.places.started(sameRun, link, plan.share?.ttlMs ?? 0);
        ended = outcome => {
          noted(outcome);
          placed?.(outcome === 'worked');
        };
        trying = span.part('attempt', { 'legate.attempt': attempt, 'legate.delegate': link.name });
        return startTask(link, { ...context, span: trying }, { task, attempt }, remainingMs);
      });
      if (found === 'crowded') {
        yield lacking({
          reason: 'delegates-busy',
          detail: `too many fetches of ${search.group} are waiting`,
        });
        return;
      }
      if (found === 'none') {
        // Who was waited for in vain says more than that the time was over meanwhile.
        const isOver = over.soft.signal.aborted && (context.signal.aborted || !last?.mayReturn);
        if (isOver) yield lacking(overReason(context, 'while waiting for a free delegate'));
        else if (last) yield lacking(last.failure, last.delegate);
        else
          yield lacking({
            reason: 'no-eligible-delegate',
            ...(waitMs > 0 ? { detail: waited(waitMs) } : {}),
          });
        return;
      }
      const { link } = found;
      const following: Following = { ...context, ...found, id: { task, attempt }, ended };
      const result = yield* follow(following, over.hard.signal);
      if (result === 'done') return;
      const { failure } = result;
      if (!result.full && failure.reason !== 'cancelled') noteFailure(context, link, failure, task);
      trying.end(failure.reason);
      if (result.full) {
        full.add(link);
        // It never began, so that its number is free; asking until the deadline would use up more than there are.
        attempt -= 1;
        continue;
      }
      if (failure.reason !== 'rejected-by-delegate' && result.accepted) runs += 1;
      // What was sent to the caller can't be taken back: from the first chunk on there is no second try.
      const mayRetry =
        !result.valueForwarded &&
        factsOf(failure.reason).retryElsewhere &&
        runs < mostRuns &&
        attempt < mostAttempts;
      if (!mayRetry || clock.now() >= deadline) {
        yield failed(failure, link.name);
        return;
      }
      const mayReturn = failure.reason === 'delegate-lost' || result.givenBack === true;
      last = { failure, delegate: link.name, mayReturn };
      tried.set(link, {
        why: failure.reason === 'delegate-lost' ? 'LOST' : result.givenBack ? 'DRAINING' : 'REJECTED',
        detail: failure.detail ?? factsOf(failure.reason).explanation,
      });
      // What was lost in the same moment shall be known before another one is chosen, as after this process stood still.
      if (failure.reason === 'delegate-lost') await new Promise(resolve => setImmediate(resolve));
    }
  } finally {
    trying.end();
    over.clear();
  }
}

function noteFailure(
  { roster, plan }: Run,
  { name, instance }: Link,
  { reason }: Failure,
  task: string,
): void {
  const { connector } = plan.subject;
  roster.failures.add(name, { at: roster.now(), instance, reason, connector, task });
}

const waited = (waitMs: number) => `none came within the ${waitMs / 1_000} s that one was waited for`;

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
