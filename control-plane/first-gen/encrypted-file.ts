/** Encrypted files: bytes in the built-in manager. */
import { limits } from '../../protocol/index.ts';
import { firstGenSecretDocument } from '../documents/first-gen.ts';
import { account } from '../domain/scope.ts';
import type { SecretRow, StoredSecret } from '../store/secrets.ts';
import type { Changing } from './changes.ts';
import { builtInManagerId } from './find-managers.ts';
import { firstGenIdentifier } from './identifier.ts';
import type { EncryptedFileInput, FirstGenSecret } from './model.ts';
import { invalidRequest, refusal } from './refusals.ts';
import { assertCanKeep, requireManager } from './secret-manager-of.ts';
import { assertNameIsFree, checkScopes, checkSecretName, scopesOf } from './secret-rules.ts';
import { storeSecret } from './store-secret.ts';
import type { FirstGenTools, RunContext } from './tools.ts';

export async function createFile(
  tools: FirstGenTools,
  { caller }: RunContext,
  request: Changing,
  { input, file }: { readonly input: EncryptedFileInput; readonly file: Uint8Array | undefined },
): Promise<FirstGenSecret> {
  const { database } = tools;
  if (!file || file.length === 0) throw invalidRequest('No/Empty file uploaded.');
  const scopes = await scopesOf(database, input);
  assertCanKeep(await requireManager(database, caller, input.secretManagerId), 'an encrypted file');
  const name = input.name.trim();
  checkSecretName(name);
  checkScopes(scopes);
  checkSize(file);
  await assertNameIsFree(database, name);
  const uuid = tools.newUuid();
  const row: SecretRow = {
    uuid,
    scope: account,
    identifier: firstGenIdentifier(uuid),
    generation: 'FirstGen',
    type: 'SecretFile',
    name,
    connector: undefined,
    document: { name, ...scopes },
  };
  return storeSecret(tools, request, { row, value: file });
}

/** Without a file in the request, the content stays. */
export async function updateFile(
  tools: FirstGenTools,
  request: Changing,
  before: StoredSecret,
  { input, file }: { readonly input: EncryptedFileInput; readonly file: Uint8Array | undefined },
): Promise<FirstGenSecret> {
  const { database } = tools;
  if ((input.secretManagerId || builtInManagerId) !== builtInManagerId)
    throw refusal('Cannot change secret manager while updating secret');
  if (file?.length === 0) throw refusal('Encrypted file is empty');
  const name = input.name.trim();
  checkSecretName(name);
  const document = firstGenSecretDocument(before);
  const scopes = await scopesOf(database, input, document);
  checkScopes(scopes);
  if (file) checkSize(file);
  await assertNameIsFree(database, name, before.uuid);
  const row: SecretRow = { ...before, name, document: { ...document, name, ...scopes } };
  return storeSecret(tools, request, { row, value: file, before });
}

function checkSize(file: Uint8Array): void {
  if (file.length > limits.value)
    throw refusal(`Encrypted file is larger than ${limits.value} bytes, the most that a secret may hold`);
}
