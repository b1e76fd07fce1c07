/** The real run that a manager or a parameterised secret has to pass before it is saved. */

import { factsOf } from '../../protocol/index.ts';
import { testsOnSave } from '../account-settings.ts';
import { RequestError } from '../domain/errors.ts';
import { resolvePlan, type Subject } from '../resolve-plan.ts';
import { nestedValue, type RunContext, type TestFailure, testRun } from '../run-plan.ts';
import type { FirstGenTools } from './tools.ts';

/** A script that did not deliver: the original's texts, and what there is to know besides. */
export class ScriptRunError extends RequestError {
  /** Everything in it may be shown. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(texts: readonly string[], { failure, attempt, delegates }: TestFailure) {
    const { reason, exitCode, signal, stderrTail } = failure;
    super('SECRET_MANAGEMENT_ERROR', texts);
    this.details = {
      code: factsOf(reason).code,
      reason,
      attempts: attempt,
      exitCode,
      signal,
      stderrTail,
      delegates,
    };
  }
}

/**
 * Runs the script once and throws the value away. Throws a `RequestError` where there was none; `whenEmpty` is the
 * text for a script that succeeded without a value. Does nothing where the account or the manager has said so.
 */
export async function assertDelivers(
  tools: FirstGenTools,
  subject: Subject,
  context: RunContext,
  texts: { readonly name: string; readonly whenEmpty: string },
): Promise<void> {
  const { ignoreTest } = subject.connector;
  if (ignoreTest) return;
  if (!(await testsOnSave(tools.database))) return;
  const fetchNested = (plan: Parameters<typeof nestedValue>[1]) => nestedValue(tools, plan, context);
  const plan = await resolvePlan({ ...tools, fetchNested }, subject);
  const failed = await testRun(tools, plan, context);
  if (!failed) return;
  if (failed.failure.reason === 'empty-value') throw new ScriptRunError([texts.whenEmpty], failed);
  throw new ScriptRunError(
    [`Failed to read '${texts.name}' from shell script after 3 retries`, causeOf(failed), ...factsIn(failed)],
    failed,
  );
}

function causeOf({ failure: { reason } }: TestFailure): string {
  return reason === 'script-failed'
    ? 'Could not retrieve secret with the given parameters due to error in shell script.'
    : factsOf(reason).explanation;
}

function factsIn({ failure, delegates = [] }: TestFailure): string[] {
  const { detail, exitCode, stderrTail } = failure;
  return [
    ...(detail === undefined ? [] : [detail]),
    ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
    ...delegates.map(({ delegate, detail: why }) => `${delegate}: ${why}`),
    ...(stderrTail ? [`error output: ${stderrTail.trim()}`] : []),
  ];
}
