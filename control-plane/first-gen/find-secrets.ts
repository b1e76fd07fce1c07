/** Secrets as FirstGen shows them: what is known of them, never a value. */
import { visible } from '../access/authorize.ts';
import { firstGenSecretDocument } from '../documents/first-gen.ts';
import type { SecretType, SshCredential } from '../domain/entities.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference, type Reference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import { secretOf } from '../load.ts';
import { findConnector } from '../store/connectors.ts';
import type { Database } from '../store/database.ts';
import { findSecret, findSecretByUuid, findSecretsByName, type StoredSecret } from '../store/secrets.ts';
import { builtInManagerId } from './find-managers.ts';
import type { FirstGenSecret, FirstGenSecretType, SshAuthentication } from './model.ts';
import { invalidRequest } from './refusals.ts';

export const firstGenTypes = {
  SecretText: 'ENCRYPTED_TEXT',
  SecretFile: 'ENCRYPTED_FILE',
  SSHKey: 'SSH_CREDENTIAL',
} as const satisfies Record<SecretType, FirstGenSecretType>;

const nothing = () => invalidRequest('No secret exists with given input.');

export async function findSecretById(
  database: Database,
  caller: Caller,
  id: string,
  type: FirstGenSecretType,
): Promise<FirstGenSecret> {
  const stored = await visibleSecret(database, caller, id);
  const found = stored && firstGenTypes[stored.type] === type ? await shown(database, stored) : undefined;
  if (!found) throw nothing();
  return found;
}

/** FirstGen's own first; names of documents need not be unique, and then mean none. */
export async function findSecretByName(
  database: Database,
  caller: Caller,
  name: string,
  type: FirstGenSecretType,
): Promise<FirstGenSecret> {
  const named = (await findSecretsByName(database, account, name)).filter(
    stored => firstGenTypes[stored.type] === type && visible(caller, targetOf(stored)),
  );
  const own = named.find(({ generation }) => generation === 'FirstGen');
  if (!own && named.length > 1) throw invalidRequest(`There is more than one secret with the name ${name}`);
  const stored = own ?? named[0];
  const found = stored && (await shown(database, stored));
  if (!found) throw nothing();
  return found;
}

/** A secret of the account by its id, where the caller may know of it. */
export async function visibleSecret(
  database: Database,
  caller: Caller,
  id: string,
): Promise<StoredSecret | undefined> {
  const stored = await findSecretByUuid(database, id);
  return stored && stored.scope === account && visible(caller, targetOf(stored)) ? stored : undefined;
}

/** What a right to a secret is about. */
export const targetOf = (stored: Reference & { readonly connector: Reference | undefined }) => ({
  scope: stored.scope,
  secret: formatReference(stored),
  ...(stored.connector ? { connector: formatReference(stored.connector) } : {}),
});

/** Undefined for what FirstGen's schema can't show: Kerberos. */
export async function shown(database: Database, stored: StoredSecret): Promise<FirstGenSecret | undefined> {
  const { usageScope, ssh, inheritScopes } = secretOf(stored);
  const facts = { id: stored.uuid, name: stored.name, usageScope };
  if (stored.type === 'SSHKey') {
    const sshAuthentication = ssh && (await authenticationOf(database, ssh));
    return sshAuthentication && { ...facts, secretType: 'SSH_CREDENTIAL', sshAuthentication };
  }
  const manager = stored.connector && (await findConnector(database, stored.connector));
  const isScoped = stored.generation === 'FirstGen' && firstGenSecretDocument(stored).scopedToAccount;
  return {
    ...facts,
    secretType: firstGenTypes[stored.type],
    secretManagerId: manager?.uuid ?? builtInManagerId,
    scopedToAccount: isScoped,
    inheritScopesFromSM: inheritScopes,
  };
}

async function authenticationOf(
  database: Database,
  ssh: SshCredential,
): Promise<SshAuthentication | undefined> {
  if (ssh.kind === 'Kerberos') return undefined;
  const idOf = async (reference: Reference) => (await findSecret(database, reference))?.uuid ?? '';
  const { userName, port } = ssh;
  if (ssh.kind === 'Password')
    return { userName, port, method: { type: 'PASSWORD', passwordSecretId: await idOf(ssh.password) } };
  const passphraseSecretId = ssh.passphrase && (await idOf(ssh.passphrase));
  return ssh.kind === 'KeyPath'
    ? { userName, port, method: { type: 'SSH_KEY_FILE_PATH', path: ssh.keyPath, passphraseSecretId } }
    : {
        userName,
        port,
        method: { type: 'SSH_KEY', sshKeySecretFileId: await idOf(ssh.key), passphraseSecretId },
      };
}
