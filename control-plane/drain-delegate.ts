/**
 * Draining a delegate for as long as an operator wants: its name gets no more tasks, whichever instances of it are
 * connected or come. The delegate itself is not told; decision 0017 says why.
 */

import type { Clock } from '../protocol/index.ts';
import { authorize, visible } from './access/authorize.ts';
import type { Audit } from './audit/audit.ts';
import { type About, audited } from './audit/audited.ts';
import { by } from './audit/record.ts';
import type { Roster } from './dispatch/roster.ts';
import { RequestError } from './domain/errors.ts';
import type { Action, Caller } from './domain/permissions.ts';
import type { Database } from './store/database.ts';
import { type DelegateRow, findDelegateRow, listDrained, setDelegateDrained } from './store/delegates.ts';

export interface DrainTools {
  readonly database: Database;
  readonly audit: Pick<Audit, 'record' | 'recordIn' | 'flush'>;
  readonly roster: Roster;
  readonly clock: Clock;
  /** ISO 8601. */
  readonly now: () => string;
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

/** A delegate that the caller may know of, and may do this to. Throws a `RequestError`. */
export async function findDelegate(
  database: Database,
  caller: Caller,
  name: string,
  action: Action,
): Promise<DelegateRow> {
  const found = await findDelegateRow(database, name);
  if (!found || !visible(caller, found))
    throw new RequestError('RESOURCE_NOT_FOUND', `there is no delegate named "${name}"`);
  authorize(caller, action, found);
  return found;
}

/** From when this resolves the delegate gets no task, or gets them again. Again is no error, and changes nothing. */
export async function setDrained(
  tools: DrainTools,
  caller: Caller,
  name: string,
  isDrained: boolean,
): Promise<void> {
  const { database, audit, roster, clock, now, note } = tools;
  const action = isDrained ? 'delegate.drain' : 'delegate.undrain';
  const about: About = { ...by(caller), action, subject: `delegate/${name}`, delegate: name };
  await audited(audit, clock, about, async ({ id, note: know }) => {
    const { scope, drainedAt: before } = await findDelegate(database, caller, name, 'administer');
    know({ scope });
    if ((before !== undefined) === isDrained) return roster.setDrained(name, before);
    const drainedAt = isDrained ? now() : undefined;
    await database.transaction().execute(async transaction => {
      await setDelegateDrained(transaction, name, drainedAt);
      await audit.recordIn(transaction, [{ ...about, scope, type: 'change', id, outcome: 'succeeded' }]);
    });
    roster.setDrained(name, drainedAt);
    await audit.flush();
    note({ delegate: name, by: caller.name }, isDrained ? 'delegate drained' : 'delegate resumed');
  });
}

/** Takes over what is in the store, also from other servers that share it. */
export async function refreshDrained({
  database,
  roster,
}: Pick<DrainTools, 'database' | 'roster'>): Promise<void> {
  const before = roster.drainChanges;
  const stored = await listDrained(database);
  // Somebody has decided meanwhile, and this may be from before that; it is looked at again soon.
  if (roster.drainChanges !== before) return;
  for (const name of roster.drained()) if (!stored.has(name)) roster.setDrained(name, undefined);
  for (const [name, at] of stored) roster.setDrained(name, at);
}
