/** The manager that is to keep a secret, and what it can keep. */
import { accessDenied } from '../domain/errors.ts';
import { allows, type Caller } from '../domain/permissions.ts';
import { account } from '../domain/scope.ts';
import { findConnector, type StoredConnector } from '../store/connectors.ts';
import type { Database } from '../store/database.ts';
import type { StoredSecret } from '../store/secrets.ts';
import { builtInManagerId, targetOf, visibleConnector } from './find-managers.ts';
import type { Maybe } from './model.ts';
import { invalidRequest, refusal } from './refusals.ts';

export type Kept =
  | 'an inline secret'
  | 'a referenced secret'
  | 'a parameterized secret'
  | 'an encrypted file';

/** Undefined: the built-in one, which is the account's default. Throws where the caller knows of none. */
export async function requireManager(
  database: Database,
  caller: Caller,
  id: Maybe<string>,
): Promise<StoredConnector | undefined> {
  if (!id || id === builtInManagerId) return undefined;
  const found = await visibleConnector(database, caller, id);
  if (!found) throw invalidRequest('Secret Manager does not exist');
  if (!allows(caller.grants, 'use', targetOf(found))) throw accessDenied();
  return found;
}

/** A custom manager is read-only, and knows its values by parameters alone; the built-in one keeps values. */
export function assertCanKeep(manager: StoredConnector | undefined, kept: Kept): void {
  const can = manager
    ? kept === 'a parameterized secret'
    : kept === 'an inline secret' || kept === 'an encrypted file';
  if (!can) throw refusal(`Cannot create ${kept} with the selected secret manager`);
}

/** The manager of a secret that there is. */
export async function managerOfSecret(
  database: Database,
  { connector }: StoredSecret,
): Promise<StoredConnector | undefined> {
  return connector && connector.scope === account ? findConnector(database, connector) : undefined;
}
