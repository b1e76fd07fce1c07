/** Encrypted texts: values in the built-in manager, parameters for a custom one. */
import { firstGenSecretDocument } from '../documents/first-gen.ts';
import { textProblems } from '../documents/problems.ts';
import { account } from '../domain/scope.ts';
import type { SecretRow, StoredSecret } from '../store/secrets.ts';
import type { Changing } from './changes.ts';
import { firstGenIdentifier } from './identifier.ts';
import type { EncryptedTextInput, FirstGenSecret, Maybe, UpdateEncryptedText } from './model.ts';
import { readParameters, tryParameters } from './parameters.ts';
import { invalidArgument, invalidRequest, refusal } from './refusals.ts';
import { assertCanKeep, managerOfSecret, requireManager } from './secret-manager-of.ts';
import { assertNameIsFree, checkScopes, checkSecretName, scopesOf } from './secret-rules.ts';
import { storeSecret } from './store-secret.ts';
import type { FirstGenTools, RunContext } from './tools.ts';

export async function createText(
  tools: FirstGenTools,
  context: RunContext,
  request: Changing,
  input: EncryptedTextInput,
): Promise<FirstGenSecret> {
  const { database } = tools;
  const name = input.name.trim();
  if (name === '') throw invalidRequest('The name of the secret can not be blank');
  const hasValue = isPresent(input.value);
  const hasReference = isPresent(input.secretReference);
  const hasParameters = isPresent(input.parameters);
  if ([hasValue, hasReference, hasParameters].filter(Boolean).length !== 1) {
    throw invalidRequest(
      'Exactly ONE out of secret value, secret reference or secret parameters is to be passed',
    );
  }
  const scopes = await scopesOf(database, input);
  const manager = await requireManager(database, context.caller, input.secretManagerId);
  assertCanKeep(
    manager,
    hasValue ? 'an inline secret' : hasReference ? 'a referenced secret' : 'a parameterized secret',
  );
  checkSecretName(name);
  checkScopes(scopes);
  await assertNameIsFree(database, name);
  const uuid = tools.newUuid();
  const row: SecretRow = {
    uuid,
    scope: account,
    identifier: firstGenIdentifier(uuid),
    generation: 'FirstGen',
    type: 'SecretText',
    name,
    connector: manager && { scope: manager.scope, identifier: manager.identifier },
    document: { name, ...scopes, ...(manager ? { parameters: readParameters(input.parameters) } : {}) },
  };
  if (!manager) return storeSecret(tools, request, { row, value: bytesOf(input.value ?? '') });
  return storeSecret(tools, request, { row, ...(await tryParameters(tools, context, manager, row)) });
}

export async function updateText(
  tools: FirstGenTools,
  context: RunContext,
  request: Changing,
  { before, input }: { readonly before: StoredSecret; readonly input: UpdateEncryptedText },
): Promise<FirstGenSecret> {
  const { database } = tools;
  const name = (input.name === undefined ? before.name : (input.name ?? '')).trim();
  if (name === '') throw cannotBeBlank('name');
  // Null is what many clients write for a field that they leave out.
  const value = input.value ?? undefined;
  const reference = input.secretReference ?? undefined;
  if (value?.trim() === '') throw cannotBeBlank('value');
  if (reference?.trim() === '') throw cannotBeBlank('reference');
  if (value !== undefined && reference !== undefined)
    throw invalidRequest('Cannot update both value and secret reference for the encrypted text secret');
  const manager = await managerOfSecret(database, before);
  const parameters = input.parameters ?? undefined;
  const isOther = manager ? value !== undefined : parameters !== undefined;
  if (isOther || reference !== undefined) throw refusal('Cannot change the type of secret');
  checkSecretName(name);
  const document = firstGenSecretDocument(before);
  const scopes = await scopesOf(database, input, document);
  checkScopes(scopes);
  await assertNameIsFree(database, name, before.uuid);
  const changed = parameters === undefined ? {} : { parameters: readParameters(parameters) };
  const row: SecretRow = { ...before, name, document: { ...document, name, ...scopes, ...changed } };
  if (!manager)
    return storeSecret(tools, request, { row, value: value === undefined ? value : bytesOf(value), before });
  const found = await tryParameters(tools, context, manager, row);
  return storeSecret(tools, request, { row, ...found, before });
}

/** A blank text counts as absent, an empty list does not. */
const isPresent = (given: Maybe<string | readonly unknown[]>) =>
  typeof given === 'string' ? given.trim() !== '' : Array.isArray(given);

/** The value goes into a shell variable one day. */
function bytesOf(value: string): Uint8Array {
  const problems = textProblems('value', value);
  if (problems.length > 0) throw invalidArgument(problems);
  return Buffer.from(value);
}

const cannotBeBlank = (field: string) =>
  invalidRequest(`Cannot set the value of encrypted text ${field} as blank`);
