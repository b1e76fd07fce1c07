/** THE STORY of a fetch: record it → may the caller? → resolve the plan → run it → record → a value, or a named failure. */
import type { Clock, PublicKey } from '../protocol/index.ts';
import { noTracing, type Span, type Tracing } from '../protocol/tracing.ts';
import { authorizeFound, visible } from './access/authorize.ts';
import type { Recorder } from './audit/audit.ts';
import { type Begun, begin, failureOf } from './audit/audited.ts';
import { by } from './audit/record.ts';
import type { DispatchEvent, Dispatcher } from './dispatch/dispatcher.ts';
import type { Plan, UsageScope } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import { permits } from './domain/usage-scope.ts';
import { type DryRun, dryRunSubject } from './dry-run.ts';
import type { Encryption } from './encryption/encryption.ts';
import { noSuchManager, noSuchSecret } from './load.ts';
import { resolvePlan, type Subject, subjectOf, testSubjectOf } from './resolve-plan.ts';
import { alone, nestedValue, resultOf } from './run-plan.ts';
import { findApplication } from './store/applications.ts';
import { findConnector } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import { findSecret } from './store/secrets.ts';

export interface FetchTools {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly dispatch: Dispatcher;
  readonly audit: Recorder;
  readonly clock: Clock;
  /** One line per fetch, when it is over: references, outcome, delegate; never an input or a value. */
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  readonly tracing?: Tracing;
}

/** On whose behalf a caller asks: a usage scope may depend on it. Ids, as in FirstGen. */
export interface Consumer {
  readonly application: string;
  readonly environment: string;
}

export interface FetchRequest {
  /** What to fetch; or which connector to test with its own inputs, or which secret, for whether there is a value. */
  readonly subject:
    | { readonly secret: Reference }
    | { readonly connector: Reference }
    | { readonly testedSecret: Reference }
    | { readonly dryRun: DryRun };
  readonly caller: Caller;
  readonly consumer?: Consumer | undefined;
  /** The value is sealed to this key, by the delegate. */
  readonly recipient: PublicKey;
  readonly logs: boolean;
  /** Give no value that was had, or is being had, for another fetch. */
  readonly fresh?: boolean;
  /** How long a delegate is waited for where none fits; left out: not at all. */
  readonly waitMs?: number;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
  /** The caller's trace, as W3C Trace Context has it. */
  readonly traceparent?: string | undefined;
}

/**
 * Resolves what is to be run, and returns the events of running it. Throws a `RequestError` when it can't be
 * resolved or the caller may not, and an `AuditError` when it can't be recorded; from then on every failure is
 * an event.
 */
export async function fetchSecret(
  tools: FetchTools,
  request: FetchRequest,
): Promise<AsyncGenerator<DispatchEvent, void, void>> {
  const { subject, caller, recipient, logs, waitMs = 0, signal, fresh = false } = request;
  const { action, id } = actionOf(subject);
  const isFetch = action === 'secret.fetch';
  const span = (tools.tracing ?? noTracing).start(action, request.traceparent);
  const resolving = span.part('resolve');
  const begun = await begin(tools.audit, tools.clock, {
    ...by(caller),
    action,
    subject: formatReference(id),
    scope: id.scope,
  });
  let plan: Plan;
  try {
    const found = await subjectFor(tools, request);
    const sharing = (plan: Plan) => (isFetch ? refreshed(plan, fresh) : alone(plan));
    const fetchNested = (nested: Plan) => nestedValue(tools, sharing(nested), { caller, signal });
    plan = sharing(await resolvePlan({ ...tools, fetchNested }, found));
    resolving.end();
  } catch (error) {
    resolving.end('unresolved');
    span.end('unresolved');
    await begun.end(failureOf(error));
    throw error;
  }
  const { connector, template } = plan.subject;
  span.set({ 'legate.connector': connector, 'legate.template': template });
  const events = tools.dispatch({
    plan,
    recipient,
    signal,
    logs: logs || !isFetch,
    liveLogs: action === 'connector.test' || action === 'template.test',
    evenHeld: !isFetch,
    waitMs,
    scope: id.scope,
    mayKnow: scope => visible(caller, { scope }),
    span,
  });
  return noted(tools, plan, caller, begun, traced(events, span));
}

const refreshed = (plan: Plan, fresh: boolean): Plan =>
  fresh && plan.share ? { ...plan, share: { ...plan.share, fresh } } : plan;

/** As the audit trail calls it. */
function actionOf(subject: FetchRequest['subject']): { action: string; id: Reference } {
  if ('secret' in subject) return { action: 'secret.fetch', id: subject.secret };
  if ('connector' in subject) return { action: 'connector.test', id: subject.connector };
  if ('testedSecret' in subject) return { action: 'secret.test', id: subject.testedSecret };
  return { action: 'template.test', id: subject.dryRun.template };
}

/** What is to be run, where this caller may have it run. */
function subjectFor(tools: FetchTools, request: FetchRequest): Promise<Subject> {
  const { subject, caller } = request;
  if ('secret' in subject) return fetchable(tools, subject.secret, request);
  if ('connector' in subject) return testable(tools, subject.connector, caller);
  if ('testedSecret' in subject) return testableSecret(tools, subject.testedSecret, caller);
  return dryRunSubject(tools.database, caller, subject.dryRun);
}

/** The secret, where this caller may fetch it; what it may not know of is not there. */
async function fetchable(
  { database }: FetchTools,
  id: Reference,
  { caller, consumer }: FetchRequest,
): Promise<Subject> {
  const stored = await findSecret(database, id);
  if (!stored) throw noSuchSecret(id);
  const connector = stored.connector && formatReference(stored.connector);
  const target = { scope: id.scope, secret: formatReference(id), ...(connector ? { connector } : {}) };
  authorizeFound(caller, 'fetch', target, () => noSuchSecret(id));
  const subject = await subjectOf(database, stored);
  const { secret } = subject;
  const scope = secret?.inheritScopes ? subject.connector.usageScope : (secret?.usageScope ?? []);
  await assertPermitted(database, scope, consumer, id);
  return subject;
}

async function assertPermitted(
  database: Database,
  scope: UsageScope,
  consumer: Consumer | undefined,
  id: Reference,
): Promise<void> {
  if (permits(scope, consumer && (await knownConsumer(database, consumer)))) return;
  throw new RequestError(
    'ACCESS_DENIED',
    consumer
      ? `the usage scope of ${formatReference(id)} does not allow application ${consumer.application}, environment ${consumer.environment}`
      : `${formatReference(id)} has a usage scope; say for which application and environment it is fetched`,
  );
}

async function knownConsumer(database: Database, { application, environment }: Consumer) {
  const known = await findApplication(database, application);
  if (!known) throw new RequestError('INVALID_REQUEST', `No application exists with the id ${application}`);
  const found = known.environments.find(({ id }) => id === environment);
  if (!found) {
    throw new RequestError(
      'INVALID_REQUEST',
      `No env exists with id ${environment} in application with id ${application}`,
    );
  }
  return { application, environment, production: found.production };
}

async function testable({ database }: FetchTools, id: Reference, caller: Caller): Promise<Subject> {
  if (!(await findConnector(database, id))) throw noSuchManager(id);
  const target = { scope: id.scope, connector: formatReference(id) };
  authorizeFound(caller, 'edit', target, () => noSuchManager(id));
  return testSubjectOf(database, id);
}

/** Whoever may change a secret may see whether it leads to a value, and not the value. */
async function testableSecret({ database }: FetchTools, id: Reference, caller: Caller): Promise<Subject> {
  const stored = await findSecret(database, id);
  if (!stored) throw noSuchSecret(id);
  const target = { scope: id.scope, secret: formatReference(id) };
  authorizeFound(caller, 'edit', target, () => noSuchSecret(id));
  return subjectOf(database, stored);
}

/** Ends the trace's part when the events end, with how they did. */
async function* traced(
  events: AsyncGenerator<DispatchEvent, void, void>,
  span: Span,
): AsyncGenerator<DispatchEvent, void, void> {
  let failure: string | undefined = 'abandoned';
  try {
    for await (const event of events) {
      if (event.event === 'succeeded') failure = undefined;
      if (event.event === 'failed') failure = event.failure.reason;
      yield event;
    }
  } finally {
    span.end(failure);
  }
}

type ValueEvent = Extract<DispatchEvent, { event: 'value' }>;

/**
 * Passes the events on. The end is recorded before the caller hears of it or gets anything of the value: what can't
 * be recorded has failed.
 */
async function* noted(
  { clock, note }: FetchTools,
  plan: Plan,
  caller: Caller,
  begun: Begun,
  events: AsyncGenerator<DispatchEvent, void, void>,
): AsyncGenerator<DispatchEvent, void, void> {
  const started = clock.now();
  const { connector, template } = plan.subject;
  const facts: Record<string, unknown> = { ...plan.subject, caller: caller.name, outcome: 'abandoned' };
  let last: { task: string; attempt: number } = { task: '', attempt: 0 };
  let recorded = false;
  let held: ValueEvent[] = [];
  try {
    for await (const event of events) {
      if (event.event === 'value') {
        // Of another attempt's value nothing is left to be had.
        held = [...held.filter(({ attempt }) => attempt === event.attempt), event];
        continue;
      }
      if ('task' in event) last = { task: event.task, attempt: event.attempt };
      if (event.event === 'succeeded' || event.event === 'failed') {
        const result = resultOf(event);
        Object.assign(facts, result);
        // Once only: the second record of an end that could not be written would only hide why.
        recorded = true;
        await begun.end({ ...result, connector, template });
        if (event.event === 'succeeded') yield* held;
      }
      yield event;
    }
  } catch (error) {
    // A fault of ours: what it was is for the log.
    Object.assign(facts, last, { outcome: 'failed', reason: 'internal', err: error });
    yield { event: 'failed', ...last, failure: { reason: 'internal' } };
  } finally {
    facts.durationMs = Math.round(clock.now() - started);
    if (!recorded) {
      const outcome = facts.outcome === 'failed' ? 'failed' : 'abandoned';
      await begun.end({ ...last, outcome, connector, template }).catch((error: unknown) => {
        facts.auditProblem = error;
      });
    }
    note(facts, plan.subject.secret ? 'fetch' : 'connection test');
  }
}
