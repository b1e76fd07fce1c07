/** SSH credentials: how to log in to a host. The keys and passwords are secrets of their own. */
import { type FirstGenSecretDocument, firstGenSecretDocument } from '../documents/first-gen.ts';
import { readSshAuth, secretsOfCredential } from '../documents/read-ssh-auth.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference, type Reference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import type { SecretRow, StoredSecret } from '../store/secrets.ts';
import type { Changing } from './changes.ts';
import { usableSecret } from './credentials.ts';
import { firstGenIdentifier } from './identifier.ts';
import type { FirstGenSecret, Maybe, SshCredentialInput, UpdateSshCredential } from './model.ts';
import { invalidRequest, refusal } from './refusals.ts';
import { assertNameIsFree, scopesOf } from './secret-rules.ts';
import { storeSecret } from './store-secret.ts';
import type { FirstGenTools, RunContext } from './tools.ts';

type Login = NonNullable<UpdateSshCredential['sshAuthentication']>;

export async function createSsh(
  tools: FirstGenTools,
  { caller }: RunContext,
  request: Changing,
  input: SshCredentialInput,
): Promise<FirstGenSecret> {
  const { database } = tools;
  const name = nameOf(input.name);
  const { login, needs } = await readLogin(database, caller, input);
  const scopes = await scopesOf(database, input);
  await assertNameIsFree(database, name);
  const uuid = tools.newUuid();
  const row: SecretRow = {
    uuid,
    scope: account,
    identifier: firstGenIdentifier(uuid),
    generation: 'FirstGen',
    type: 'SSHKey',
    name,
    connector: undefined,
    document: { name, ...scopes, ...login },
  };
  return storeSecret(tools, request, { row, needs });
}

export async function updateSsh(
  tools: FirstGenTools,
  { caller }: RunContext,
  request: Changing,
  { before, input }: { readonly before: StoredSecret; readonly input: UpdateSshCredential },
): Promise<FirstGenSecret> {
  const { database } = tools;
  if (input.name === null) throw invalidRequest('Cannot set the ssh credential name as null');
  const name = nameOf(input.name ?? before.name);
  const document = firstGenSecretDocument(before);
  const scheme = input.authenticationScheme ?? undefined;
  const isLogin = Boolean(input.sshAuthentication ?? input.kerberosAuthentication);
  if (isLogin && scheme === undefined)
    throw invalidRequest('The SSH authentication scheme is not provided with the update request');
  const { login, needs } =
    scheme === undefined
      ? kept(document)
      : await readLogin(database, caller, { ...input, authenticationScheme: scheme });
  const scopes = await scopesOf(database, input, document);
  await assertNameIsFree(database, name, before.uuid);
  const row: SecretRow = { ...before, name, document: { ...document, name, ...scopes, ...login } };
  return storeSecret(tools, request, { row, needs, before });
}

function nameOf(given: string): string {
  const name = given.trim();
  if (name === '') throw refusal('Secret name cannot be empty');
  return name;
}

type Stored = Pick<FirstGenSecretDocument, 'auth' | 'port'>;

function kept({ auth, port }: FirstGenSecretDocument): { login: Stored; needs: Reference[] } {
  return {
    login: { auth, port: port ?? '22' },
    needs: secretsOfCredential(readSshAuth(auth, port, account, [])),
  };
}

async function readLogin(
  database: Database,
  caller: Caller,
  input: UpdateSshCredential & { readonly authenticationScheme: 'SSH' | 'KERBEROS' },
): Promise<{ login: Stored; needs: Reference[] }> {
  if (input.authenticationScheme === 'KERBEROS') {
    if (!input.kerberosAuthentication)
      throw invalidRequest(
        'No kerberos authentication provided for the SSH credential with auth scheme KERBEROS',
      );
    throw invalidRequest('SSH credentials with the auth scheme KERBEROS are not supported; use SSH');
  }
  const given = input.sshAuthentication;
  if (!given)
    throw invalidRequest('No ssh authentication input provided for the SSH credential with auth scheme SSH');
  if (given.userName.trim() === '')
    throw invalidRequest('The user name provided with the request cannot be blank');
  if (given.port < 1 || given.port > 65_535) throw invalidRequest('port must be from 1 to 65535');
  const reference = (id: Maybe<string>) => referenceTo(database, caller, id);
  const { credentialType, spec } = await methodOf(given, reference);
  const auth = { type: 'SSH', spec: { credentialType, spec: { userName: given.userName, ...spec } } };
  const port = String(given.port);
  const problems: string[] = [];
  const needs = secretsOfCredential(readSshAuth(auth, port, account, problems));
  if (problems.length > 0) throw invalidRequest(problems.join('; '));
  return { login: { auth, port }, needs };
}

/** As documents write it, with references in place of the ids. */
async function methodOf(
  { sshAuthenticationMethod: method }: Login,
  reference: (id: Maybe<string>) => Promise<string | undefined>,
): Promise<{ credentialType: string; spec: Record<string, string> }> {
  const withPassphrase = async (spec: Record<string, string>, id: Maybe<string>) => {
    const passphrase = await reference(id);
    return passphrase === undefined ? spec : { ...spec, encryptedPassphrase: passphrase };
  };
  switch (method.sshCredentialType) {
    case 'SSH_KEY': {
      const key = await reference(method.inlineSSHKey?.sshKeySecretFileId);
      if (key === undefined)
        throw invalidRequest('No SSH key secret file id provided for the SSH credential type SSH_KEY');
      const spec = await withPassphrase({ key }, method.inlineSSHKey?.passphraseSecretId);
      return { credentialType: 'KeyReference', spec };
    }
    case 'SSH_KEY_FILE_PATH': {
      const keyPath = method.sshKeyFile?.path;
      if (!keyPath?.trim())
        throw invalidRequest('No SSH key file path provided for the SSH credential type SSH_KEY_FILE_PATH');
      return {
        credentialType: 'KeyPath',
        spec: await withPassphrase({ keyPath }, method.sshKeyFile?.passphraseSecretId),
      };
    }
    case 'PASSWORD': {
      const password = await reference(method.serverPassword?.passwordSecretId);
      if (password === undefined)
        throw invalidRequest('No SSH password secret id provided for the SSH credential type PASSWORD');
      return { credentialType: 'Password', spec: { password } };
    }
  }
}

/** Undefined for none. Throws for an id of nothing that can be a key or a password. */
async function referenceTo(
  database: Database,
  caller: Caller,
  id: Maybe<string>,
): Promise<string | undefined> {
  if (!id?.trim()) return undefined;
  const found = await usableSecret(database, caller, id);
  if (!found || found.type === 'SSHKey') throw invalidRequest(`No secret exists with the id ${id}`);
  return formatReference(found);
}
