/** A request's two records, one before anything is done and one when it is over. */
import type { Clock } from '../../protocol/index.ts';
import { RequestError } from '../domain/errors.ts';
import { newUuid } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Recorder } from './audit.ts';
import type { AuditEntry, Outcome } from './record.ts';

/** What is known before the request is met. */
export type About = Omit<AuditEntry, 'type' | 'id' | 'outcome' | 'reason' | 'durationMs'>;

/** What is known when it is over. */
export type Result = Partial<About> & { readonly outcome: Outcome; readonly reason?: string | undefined };

export interface Begun {
  /** Pairs the records; changes in between carry it too. */
  readonly id: string;
  /** Writes the response's record. Nothing that the caller asked for may be given before this resolves. */
  readonly end: (result: Result) => Promise<void>;
}

/** Writes the request's record. Rejects with an `AuditError` when it can't be written: then do nothing. */
export async function begin(audit: Recorder, clock: Clock, about: About): Promise<Begun> {
  const id = newUuid();
  const started = clock.now();
  await audit.record({ ...about, type: 'request', id });
  return {
    id,
    end: result =>
      audit.record({
        ...about,
        ...result,
        type: 'response',
        id,
        durationMs: Math.round(clock.now() - started),
      }),
  };
}

/**
 * Does `work` between the two records. Its error is recorded as its code and thrown on; `known` in the result are
 * facts that only the work could find out.
 */
export async function audited<T>(
  audit: Recorder,
  clock: Clock,
  about: About,
  work: (request: { id: string; note: (known: Partial<About>) => void }) => Promise<T>,
): Promise<T> {
  const { id, end } = await begin(audit, clock, about);
  let known: Partial<About> = {};
  const note = (more: Partial<About>) => {
    known = { ...known, ...more };
  };
  let result: T;
  try {
    result = await work({ id, note });
  } catch (error) {
    await end({ ...known, ...failureOf(error) });
    throw error;
  }
  await end({ ...known, outcome: 'succeeded' });
  return result;
}

/** The records around what a delegate does to its own token. */
export function auditedReplacement(audit: Recorder, clock: Clock) {
  return (
    { id, name, scope }: { readonly id: string; readonly name: string; readonly scope: Scope },
    source: string,
    work: () => Promise<void>,
  ): Promise<void> => {
    const subject = `delegate-token/${name}`;
    const about = { actor: { id, name: subject }, source, action: 'delegate-token.replace', subject, scope };
    return audited(audit, clock, about, work);
  };
}

/** The records of a delegate that is let in with a JWT: by which issuer's entry, and whose the JWT is. */
export function auditedJoin(audit: Recorder, clock: Clock) {
  return (
    { id, name, scope, subject = '' }: Readonly<{ id: string; name: string; scope: Scope; subject?: string }>,
    delegate: string,
    source: string,
  ): Promise<void> => {
    const issuer = `delegate-issuer/${name}`;
    const about = { actor: { id, name: issuer }, source, action: 'delegate-issuer.join', subject: issuer };
    return audited(audit, clock, { ...about, scope, delegate, details: { subject } }, async () => {});
  };
}

/** How an error is recorded: by its code, as its text may quote what was sent. */
export function failureOf(error: unknown): { outcome: Outcome; reason: string } {
  if (!(error instanceof RequestError)) return { outcome: 'failed', reason: 'internal' };
  const denied = error.code === 'ACCESS_DENIED' || error.code === 'USER_NOT_AUTHORIZED';
  return { outcome: denied ? 'denied' : 'failed', reason: error.code };
}
