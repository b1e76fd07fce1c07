/** THE STORY of a fetch: resolve the plan → run it on a delegate → a value, or a named failure. */
import type { Clock, PublicKey } from '../protocol/index.ts';
import type { DispatchEvent, Dispatcher } from './dispatch/dispatcher.ts';
import type { Plan } from './domain/entities.ts';
import { planConnectionTest, planSecret } from './resolve-plan.ts';
import type { Database } from './store/database.ts';

export interface FetchTools {
  readonly database: Database;
  readonly dispatch: Dispatcher;
  readonly clock: Clock;
  /** One line per fetch, when it is over: references, outcome, delegate; never an input or a value. */
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

export interface FetchRequest {
  /** What to fetch, or which connector to test with its own inputs. */
  readonly subject: { readonly secret: string } | { readonly connector: string };
  /** The value is sealed to this key, by the delegate. */
  readonly recipient: PublicKey;
  /** Who asks, for the log. */
  readonly caller: string;
  readonly logs: boolean;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

/**
 * Resolves what is to be run, and returns the events of running it. Throws a `RequestError` when it can't
 * be resolved; from then on every failure is an event.
 */
export async function fetchSecret(
  tools: FetchTools,
  { subject, recipient, caller, logs, signal }: FetchRequest,
): Promise<AsyncGenerator<DispatchEvent, void, void>> {
  const plan =
    'secret' in subject
      ? await planSecret(tools.database, subject.secret)
      : await planConnectionTest(tools.database, subject.connector);
  return noted(tools, plan, caller, tools.dispatch({ plan, recipient, signal, logs }));
}

async function* noted(
  { clock, note }: FetchTools,
  plan: Plan,
  caller: string,
  events: AsyncGenerator<DispatchEvent, void, void>,
): AsyncGenerator<DispatchEvent, void, void> {
  const started = clock.now();
  const facts: Record<string, unknown> = { ...plan.subject, caller, outcome: 'abandoned' };
  let last = { task: '', attempt: 0 };
  try {
    for await (const event of events) {
      if ('task' in event) last = { task: event.task, attempt: event.attempt };
      if (event.event === 'succeeded' || event.event === 'failed') {
        const { task, attempt, delegate } = event;
        Object.assign(facts, { task, attempt, delegate, outcome: event.event });
        if (event.event === 'failed') facts.reason = event.failure.reason;
      }
      yield event;
    }
  } catch (error) {
    // A fault of ours: what it was is for the log.
    Object.assign(facts, last, { outcome: 'failed', reason: 'internal', err: error });
    yield { event: 'failed', ...last, failure: { reason: 'internal' } };
  } finally {
    facts.durationMs = Math.round(clock.now() - started);
    note(facts, plan.subject.secret ? 'fetch' : 'connection test');
  }
}
