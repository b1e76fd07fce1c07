/** One attempt, from the moment it was sent to its end. */
import { type Clock, type Failure, factsOf } from '../../protocol/index.ts';
import type { Plan } from '../domain/entities.ts';
import type { DispatchEvent } from './events.ts';
import type { Attempt, Link, LinkReport, TaskIdentity } from './link.ts';
import { type Outcome, outcomeOf } from './track-record.ts';

/** A delegate that has not answered a task by then is passed over. */
const acceptWithinMs = 5_000;

export interface Following {
  readonly plan: Plan;
  readonly clock: Clock;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
  readonly link: Link;
  readonly running: Attempt;
  readonly id: TaskIdentity;
  /** Takes what the attempt says about the delegate; only the first call counts. */
  readonly ended: (outcome: Outcome) => void;
}

export type FollowResult =
  | 'done'
  /** `full`: it has no free place, which says nothing against asking it again. */
  | {
      readonly failure: Failure;
      readonly valueForwarded: boolean;
      /** The delegate had taken it on. */
      readonly accepted: boolean;
      readonly full?: boolean;
      /** It had taken the task, and stops: nothing is wrong with either. */
      readonly givenBack?: boolean;
    };

/** Passes on what a delegate says of one attempt, until it ends one way or the other, or `over` aborts. */
export async function* follow(
  following: Following,
  over: AbortSignal,
): AsyncGenerator<DispatchEvent, FollowResult, void> {
  const { link, running, id, ended, clock } = following;
  const delegate = link.name;
  let valueForwarded = false;
  let accepted = false;
  const slow = new AbortController();
  const stopWaiting = clock.after(acceptWithinMs, () => slow.abort());
  const isOver = whenAborted(over).then(() => 'over' as const);
  const isSlow = whenAborted(slow.signal).then(() => 'slow' as const);
  const failed = (failure: Failure, report?: LinkReport): FollowResult => {
    const full = isFull(report);
    ended(full ? 'unknown' : outcomeOf(failure.reason));
    return { failure, valueForwarded, accepted, full, givenBack: isGivenBack(report) };
  };
  try {
    while (true) {
      const report = await Promise.race([running.next(), isOver, ...(accepted ? [] : [isSlow])]);
      if (report === 'over') return failed(overReason(following, `while ${delegate} was running it`));
      if (report === 'slow') {
        const detail = `the delegate did not answer within ${acceptWithinMs / 1_000} s`;
        return failed({ reason: 'delegate-lost', detail });
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
          ended('worked');
          yield { event: 'succeeded', ...id, delegate, durationMs: report.durationMs, ...ageOf(report) };
          return 'done';
        default:
          return failed(failureOf(report, delegate), report);
      }
    }
  } finally {
    ended('unknown');
    stopWaiting();
    running.close();
  }
}

const ageOf = ({ ageMs }: Extract<LinkReport, { type: 'succeeded' }>) =>
  ageMs === undefined ? {} : { ageMs };

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
function isFull(report: LinkReport | undefined): boolean {
  return report?.type === 'rejected' && (report.why === 'at-capacity' || report.why === 'duplicate');
}

function isGivenBack(report: LinkReport | undefined): boolean {
  return report?.type === 'failed' && report.reason === 'rejected-by-delegate';
}

/** Why it ended before there was an outcome: the caller hung up, or there is no time left. */
export function overReason({ signal, plan }: Pick<Following, 'signal' | 'plan'>, when: string): Failure {
  if (signal.aborted) return { reason: 'cancelled', detail: `the caller hung up ${when}` };
  return { reason: 'timed-out', detail: `${plan.timeoutMs / 1_000} s were over ${when}` };
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
