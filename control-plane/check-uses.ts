/**
 * Who may have a script use which secret. Whoever saves a connector answers for what its script and its own inputs
 * name; whoever saves a secret, for what that one's inputs name. The answer is the same whether it is there or not.
 */
import { authorize } from './access/authorize.ts';
import type { Connector } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { allows, type Caller } from './domain/permissions.ts';
import { formatReference, parseReference, type Reference } from './domain/reference.ts';
import { account } from './domain/scope.ts';
import { secretOf } from './load.ts';
import { type NamedSecret, namedSecrets } from './named-secrets.ts';
import type { Subject } from './plan-environment.ts';
import type { Database } from './store/database.ts';
import { type StoredSecret, secretsOf, setSecretUses } from './store/secrets.ts';
import { assertLink, findNamed, subjectOf } from './used-secrets.ts';

export interface UseTools {
  readonly database: Database;
  readonly caller: Caller;
}

/**
 * Throws where the caller may not use one of the secrets, or the script may not because of where it is kept. Returns
 * those that this entity, the connector or the secret, brings.
 */
export async function assertUses(tools: UseTools, subject: Subject): Promise<Reference[]> {
  const used: Reference[] = [];
  for (const named of await namedSecrets(subject)) {
    const isOther = named.inScript && subject.secret !== undefined;
    const { found, reference, target } = await find(tools, subject.connector, named);
    if (!isOther) authorize(tools.caller, 'use', target);
    // Where it is kept is told only to those who may use it.
    if (found && allows(tools.caller.grants, 'use', target))
      await assertChain(tools.database, [subject.connector], found);
    if (reference && !isOther) used.push(reference);
  }
  return used;
}

/**
 * What a connector's secrets use may change with its inputs or its script. Whoever changes those answers for what is
 * new by it.
 */
export async function assertUsesOfSecrets(
  tools: UseTools,
  before: Subject | undefined,
  after: Subject,
): Promise<void> {
  const { database, caller } = tools;
  for (const stored of await secretsOf(database, after.connector)) {
    const secret = readable(stored);
    if (!secret) continue;
    const old = new Set(before ? (await namedSecrets({ ...before, secret })).map(keyOf) : []);
    const used: Reference[] = [];
    for (const named of await namedSecrets({ ...after, secret })) {
      if (named.inScript) continue;
      const { found, reference, target } = await find(tools, after.connector, named);
      if (!old.has(keyOf(named))) {
        authorize(caller, 'use', target);
        if (found) await assertChain(database, [after.connector], found);
      }
      if (reference) used.push(reference);
    }
    await setSecretUses(
      database,
      { kind: 'secret', scope: stored.scope, identifier: stored.identifier },
      used,
    );
  }
}

const keyOf = ({ by, text }: NamedSecret) => `${by} ${text}`;

async function find({ database }: UseTools, connector: Connector, { by, text }: NamedSecret) {
  const found = await findNamed(database, connector, by, text);
  const named = by === 'reference' ? parseReference(text, connector.scope) : found;
  const reference = named && { scope: named.scope, identifier: named.identifier };
  const target = reference
    ? { scope: reference.scope, secret: formatReference(reference) }
    : { scope: account };
  return { found, reference, target };
}

/** A document that this version can't read is told to whoever reads it, not to whoever saves another one. */
function readable(stored: StoredSecret) {
  try {
    return secretOf(stored);
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}

/** Follows the managers that would have to be asked, as far as it can be told by now. */
async function assertChain(
  database: Database,
  waiting: readonly Connector[],
  secret: StoredSecret,
): Promise<void> {
  if (!(await assertLink(database, waiting, secret))) return;
  const subject = await subjectOf(database, secret);
  for (const { by, text } of await namedSecrets(subject)) {
    const found = await findNamed(database, subject.connector, by, text);
    if (found) await assertChain(database, [...waiting, subject.connector], found);
  }
}
