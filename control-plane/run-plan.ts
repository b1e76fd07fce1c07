/** Runs a plan for the control plane itself: to see whether it works, or to use the value in another script. */

import type { Clock } from '../protocol/index.ts';
import { type Failure, factsOf, generateSealingKeys, openValue } from '../protocol/index.ts';
import { visible } from './access/authorize.ts';
import type { Recorder } from './audit/audit.ts';
import { begin, failureOf } from './audit/audited.ts';
import { by } from './audit/record.ts';
import type { DispatchEvent, Dispatcher } from './dispatch/dispatcher.ts';
import type { WhyNot } from './dispatch/why-not.ts';
import type { Plan } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import type { Caller } from './domain/permissions.ts';
import type { Scope } from './domain/scope.ts';

export interface RunTools {
  readonly dispatch: Dispatcher;
  readonly audit: Recorder;
  readonly clock: Clock;
}

/** For whom, and until when. */
export interface RunContext {
  readonly caller: Caller;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

export interface TestFailure {
  readonly failure: Failure;
  /** How many attempts there were. */
  readonly attempt: number;
  /** Per delegate, why it could not take the task; when that is what failed. */
  readonly delegates?: readonly WhyNot[];
}

/** The same, with a run of its own: what tests something is not to be told of an earlier run. */
export function alone(plan: Plan): Plan {
  const { share: _, ...rest } = plan;
  return rest;
}

/** Runs a script once, and throws the value away. Undefined where there was one, which is what a test asks. */
export async function testRun(
  tools: RunTools,
  plan: Plan,
  context: RunContext,
): Promise<TestFailure | undefined> {
  const { publicKey } = await generateSealingKeys();
  const last = await runAudited(tools, plan, context, 'connector.test', publicKey, async () => {});
  return last.event === 'failed' ? last : undefined;
}

/** What a failed test is to whoever wanted to save: a reason, what it means, and the facts of this case. */
export function testProblem({ failure, delegates = [] }: TestFailure): string {
  const { reason, detail, exitCode, stderrTail } = failure;
  const lines = [`the connection test failed: ${reason}: ${factsOf(reason).explanation}`];
  if (detail !== undefined) lines.push(detail);
  if (exitCode !== undefined && !detail?.includes('exit code')) lines.push(`exit code: ${exitCode}`);
  for (const { delegate, detail: why } of delegates) lines.push(`${delegate}: ${why}`);
  if (stderrTail) lines.push(`error output: ${stderrTail.trim()}`);
  return lines.join('\n  ');
}

/** The value of a secret that another script uses. Throws a `RequestError` where it can't be had. */
export async function nestedValue(tools: RunTools, plan: Plan, context: RunContext): Promise<string> {
  const keys = await generateSealingKeys();
  const pieces: Uint8Array[] = [];
  let opener: ReturnType<typeof openValue> | undefined;
  const last = await runAudited(tools, plan, context, 'secret.use', keys.publicKey, async event => {
    opener ??= openValue(keys, event);
    pieces.push(await opener.open(event));
  });
  if (last.event === 'failed') {
    const { reason, detail } = last.failure;
    throw new RequestError(
      'UNRESOLVED_EXPRESSION',
      `secret ${plan.subject.secret}, which the script uses, could not be fetched: ${reason}` +
        (detail === undefined ? '' : ` (${detail})`),
    );
  }
  opener?.finish();
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
}

type Value = Extract<DispatchEvent, { event: 'value' }>;
type End = Extract<DispatchEvent, { event: 'succeeded' | 'failed' }>;

async function runAudited(
  { dispatch, audit, clock }: RunTools,
  plan: Plan,
  { caller, signal }: RunContext,
  action: string,
  recipient: Parameters<Dispatcher>[0]['recipient'],
  onValue: (event: Value) => Promise<void>,
): Promise<End> {
  const { secret, connector, template } = plan.subject;
  const evenHeld = action === 'connector.test';
  const about = {
    ...by(caller),
    action,
    subject: secret || connector,
    scope: plan.owner,
    connector,
    template,
  };
  const { end } = await begin(audit, clock, about);
  let last: End | undefined;
  try {
    const mayKnow = (scope: Scope) => visible(caller, { scope });
    for await (const event of dispatch({ plan, recipient, signal, logs: false, evenHeld, mayKnow })) {
      if (event.event === 'value') await onValue(event);
      else if (event.event === 'succeeded' || event.event === 'failed') last = event;
    }
    if (!last) throw new Error('a dispatch ended without an end');
  } catch (error) {
    await end(failureOf(error));
    throw error;
  }
  await end(resultOf(last));
  return last;
}

/** Whoever reads the trail has to see that nobody asked the store this time. */
const agedBy = (event: End) =>
  event.event === 'succeeded' && event.ageMs !== undefined ? { details: { ageMs: event.ageMs } } : {};

/** An end as the audit trail has it. */
export function resultOf(event: End) {
  const { task, attempt, delegate } = event;
  const where = { task, attempt, delegate, ...agedBy(event) };
  return event.event === 'succeeded'
    ? ({ ...where, outcome: 'succeeded' } as const)
    : ({ ...where, outcome: 'failed', reason: event.failure.reason } as const);
}
