/** SSH credentials that a manager or a secret names by id. */
import type { Caller } from '../domain/permissions.ts';
import { allows } from '../domain/permissions.ts';
import { formatReference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import { findSecretByUuid, type StoredSecret } from '../store/secrets.ts';
import { invalidArgument } from './refusals.ts';
import type { Variable } from './variables.ts';

/** The variable that names the credential where each secret brings its own. */
export const credentialVariable = 'connectorId';

/** A secret of the account that the caller may name in a credential or an input. */
export async function usableSecret(
  database: Database,
  caller: Caller,
  id: string,
): Promise<StoredSecret | undefined> {
  const found = await findSecretByUuid(database, id);
  if (!found || found.scope !== account) return undefined;
  const connector = found.connector && { connector: formatReference(found.connector) };
  const target = { scope: found.scope, secret: formatReference(found), ...connector };
  return allows(caller.grants, 'use', target) ? found : undefined;
}

/** Throws a `RequestError` where there is none with this id that the caller may use. */
export async function requireCredential(
  database: Database,
  caller: Caller,
  id: string | undefined,
): Promise<StoredSecret> {
  const found = id === undefined ? undefined : await usableSecret(database, caller, id);
  if (found?.type === 'SSHKey') return found;
  throw invalidArgument(`Connector with id ${id ?? null} was not found`);
}

/** The credential that the variables name. */
export async function requireNamedCredential(
  database: Database,
  caller: Caller,
  variables: readonly Variable[],
): Promise<StoredSecret> {
  const named = variables.find(({ name }) => name === credentialVariable);
  if (!named?.value)
    throw invalidArgument(
      'There is no connector supplied as a variable although the connector was templatized',
    );
  return requireCredential(database, caller, named.value);
}
