/** Writes secrets that have passed their checks. */
import { authorizeFound } from '../access/authorize.ts';
import { valueOwner } from '../domain/built-in-manager.ts';
import type { RequestError } from '../domain/errors.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference, type Reference } from '../domain/reference.ts';
import type { Database } from '../store/database.ts';
import {
  findSecret,
  findSecretByUuid,
  insertSecret,
  type SecretRow,
  type StoredSecret,
  setSecretUses,
  updateSecret,
} from '../store/secrets.ts';
import { accountId } from '../store/settings.ts';
import { type Changing, withUses } from './changes.ts';
import { firstGenTypes, shown, targetOf, visibleSecret } from './find-secrets.ts';
import type { FirstGenSecret, FirstGenSecretType } from './model.ts';
import { invalidRequest, notFound, overtaken } from './refusals.ts';
import { secretFacts } from './secret-facts.ts';
import { takenMeanwhile } from './secret-rules.ts';
import type { FirstGenTools } from './tools.ts';

export interface NewState {
  readonly row: SecretRow;
  /** Built-in manager: the new value; undefined: the one that is there stays. */
  readonly value?: Uint8Array | undefined;
  /** The secrets that it names, and without which it would be good for nothing. */
  readonly needs?: readonly Reference[];
  /** Others that it uses. */
  readonly uses?: readonly Reference[];
  /** What is written over. */
  readonly before?: StoredSecret | undefined;
}

/** Saves it with its value, what it uses and its audit record, or nothing of that. */
export async function storeSecret(
  tools: FirstGenTools,
  request: Changing,
  { row, value, needs = [], uses = [], before }: NewState,
): Promise<FirstGenSecret> {
  const texts = {
    taken: () => takenMeanwhile(row.name),
    referred: () => invalidRequest('Secret Manager does not exist'),
  };
  await request.save(texts, async (transaction, now) => {
    for (const needed of needs) await assertThere(transaction, needed);
    if (!before) await insertSecret(transaction, row, now);
    else {
      await requireRow(transaction, before.uuid);
      if (!(await updateSecret(transaction, { ...row, revision: before.revision }, now)))
        throw overtaken(`The secret ${before.name}`);
    }
    if (value) await tools.encryption.put(transaction, valueOwner(row), value, now);
    const { scope, identifier } = row;
    await setSecretUses(transaction, { kind: 'secret', scope, identifier }, [...needs, ...uses]);
    return {
      subject: formatReference(row),
      ...(row.connector ? { connector: formatReference(row.connector) } : {}),
      before: before && secretFacts(before),
      after: withUses(secretFacts(row, value), [...needs, ...uses]),
    };
  });
  const saved = await findSecretByUuid(tools.database, row.uuid);
  const view = saved && (await shown(tools.database, saved));
  if (!view) throw overtaken(`The secret ${row.name}`);
  return view;
}

/** The row as it is now. Throws where somebody has deleted it in the meantime. */
export async function requireRow(transaction: Database, uuid: string): Promise<StoredSecret> {
  const found = await findSecretByUuid(transaction, uuid);
  if (found) return found;
  throw notFound(`Could not find secret with id ${uuid} in account ${await accountId(transaction)}`);
}

/**
 * The secret that is to be changed: one of FirstGen's that the caller may change. `unknown`: what is thrown where
 * there is none, or none that the caller may know of; `otherType`: where it is of another type.
 */
export async function secretToChange(
  tools: FirstGenTools,
  caller: Caller,
  { id, type }: { readonly id: string; readonly type: FirstGenSecretType },
  {
    unknown,
    otherType = unknown,
  }: {
    readonly unknown: () => RequestError;
    readonly otherType?: (found: StoredSecret) => RequestError;
  },
): Promise<StoredSecret> {
  const found = await visibleSecret(tools.database, caller, id);
  if (!found) throw unknown();
  authorizeFound(caller, 'edit', targetOf(found), unknown);
  if (firstGenTypes[found.type] !== type) throw otherType(found);
  if (found.generation === 'FirstGen') return found;
  throw invalidRequest(`The secret ${formatReference(found)} was made from a document; change it there`);
}

async function assertThere(transaction: Database, needed: Reference): Promise<void> {
  if (!(await findSecret(transaction, needed))) throw overtaken(`The secret ${formatReference(needed)}`);
}
