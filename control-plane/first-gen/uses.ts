/** The secrets that a manager's script, or a secret's parameters, would ask for. */
import { authorize } from '../access/authorize.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference, parseReference, type Reference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import { namedSecrets, type Subject } from '../resolve-plan.ts';
import type { Database } from '../store/database.ts';
import { assertUsable, findNamed } from '../used-secrets.ts';

/**
 * Throws a `RequestError` where the caller may not use one of them, or where it is kept in a place that scripts of
 * this manager may not use. Those that are not there are left to the run.
 */
export async function secretsUsedBy(
  database: Database,
  caller: Caller,
  subject: Subject,
): Promise<Reference[]> {
  const used: Reference[] = [];
  for (const { by, text, inScript } of await namedSecrets(subject)) {
    // Who saved the manager answered for what its script names.
    if (inScript && subject.secret) continue;
    const found = await findNamed(database, subject.connector, by, text);
    const named = by === 'reference' ? parseReference(text, subject.connector.scope) : found;
    // Asked of what is not there as well: the answer must not tell whether it is.
    const secret = named && { secret: formatReference(named) };
    authorize(caller, 'use', { scope: named?.scope ?? account, ...secret });
    if (found) await assertUsable(database, subject.connector, found);
    if (named) used.push({ scope: named.scope, identifier: named.identifier });
  }
  return used;
}
