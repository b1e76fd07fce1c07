/** Creates, changes and deletes secrets, by their types. */
import { authorize } from '../access/authorize.ts';
import { valueOwner } from '../domain/built-in-manager.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import { deleteSecret, type StoredSecret, setSecretUses, usersOfSecret } from '../store/secrets.ts';
import { changing } from './changes.ts';
import { createFile, updateFile } from './encrypted-file.ts';
import { createText, updateText } from './encrypted-text.ts';
import type { CreateSecretInput, FirstGenSecret, FirstGenSecretType, UpdateSecretInput } from './model.ts';
import { invalidRequest, refusal } from './refusals.ts';
import { secretFacts } from './secret-facts.ts';
import { createSsh, updateSsh } from './ssh-credential.ts';
import { requireRow, secretToChange } from './store-secret.ts';
import type { FirstGenTools, RunContext } from './tools.ts';

/** The bytes of an encrypted file; undefined where the request brought none. */
type File = Uint8Array | undefined;

export function createSecret(
  tools: FirstGenTools,
  context: RunContext,
  given: CreateSecretInput,
  file: File,
): Promise<FirstGenSecret> {
  return changing(tools, context.caller, 'secret.create', async request => {
    authorize(context.caller, 'edit', { scope: account });
    const { secretType, encryptedText, encryptedFile, sshCredential, winRMCredential } = given;
    switch (secretType) {
      case 'ENCRYPTED_TEXT':
        if (!encryptedText) throw noInput('encrypted text', secretType);
        return createText(tools, context, request, encryptedText);
      case 'ENCRYPTED_FILE':
        if (!encryptedFile) throw noInput('encrypted file', secretType);
        return createFile(tools, context, request, { input: encryptedFile, file });
      case 'SSH_CREDENTIAL':
        if (!sshCredential) throw noInput('ssh credential', secretType);
        return createSsh(tools, context, request, sshCredential);
      case 'WINRM_CREDENTIAL':
        if (!winRMCredential) throw noInput('winRM credential', secretType);
        throw invalidRequest(
          'WinRM credentials are not supported; scripts run in bash, on the delegate or over SSH',
        );
    }
  });
}

export function updateSecret(
  tools: FirstGenTools,
  context: RunContext,
  given: UpdateSecretInput,
  file: File,
): Promise<FirstGenSecret> {
  const { caller } = context;
  const {
    secretId: id,
    secretType: type,
    encryptedText,
    encryptedFile,
    sshCredential,
    winRMCredential,
  } = given;
  return changing(tools, caller, 'secret.update', async request => {
    const unknown = (what: string) => () => invalidRequest(`No ${what} exists with the id ${id}`);
    const find = async (what: string, otherType?: (found: StoredSecret) => ReturnType<typeof refusal>) => {
      const texts = { unknown: unknown(what), ...(otherType ? { otherType } : {}) };
      const before = await secretToChange(tools, caller, { id, type }, texts);
      request.note({ subject: formatReference(before) });
      return before;
    };
    switch (type) {
      case 'ENCRYPTED_TEXT': {
        if (!encryptedText) throw noInput('encrypted text', type);
        const before = await find('encrypted text', ({ type: other }) =>
          other === 'SecretFile'
            ? refusal('Cannot convert encrypted file to encrypted text.')
            : unknown('encrypted text')(),
        );
        return updateText(tools, context, request, { before, input: encryptedText });
      }
      case 'ENCRYPTED_FILE': {
        if (!encryptedFile) throw noInput('encrypted file', type);
        const before = await find('encrypted file', ({ type: other }) =>
          other === 'SecretText'
            ? refusal('Cannot convert encrypted text to encrypted file.')
            : unknown('encrypted file')(),
        );
        return updateFile(tools, request, before, { input: encryptedFile, file });
      }
      case 'SSH_CREDENTIAL': {
        if (!sshCredential) throw noInput('SSH credential', type);
        const before = await find('ssh credential');
        return updateSsh(tools, context, request, { before, input: sshCredential });
      }
      case 'WINRM_CREDENTIAL':
        if (!winRMCredential) throw noInput('winRM credential', type);
        // There can be none.
        throw unknown('winRM credential')();
    }
  });
}

/** Deletes a secret that nothing uses, with its value. */
export function removeSecret(
  tools: FirstGenTools,
  caller: Caller,
  id: string,
  type: FirstGenSecretType,
): Promise<void> {
  return changing(tools, caller, 'secret.delete', async request => {
    if (id.trim() === '') throw invalidRequest('The secretId cannot be null in the delete request');
    const unknown = () => invalidRequest(`No secret exists with the id ${id}`);
    const found = await secretToChange(tools, caller, { id, type }, { unknown });
    request.note({ subject: formatReference(found) });
    await request.save({}, async transaction => {
      const before = await requireRow(transaction, id);
      if ((await usersOfSecret(transaction, before)).length > 0) {
        throw refusal(
          'Can not delete secret because it is still being used. See setup usage(s) of the secret.',
        );
      }
      const { scope, identifier } = before;
      await setSecretUses(transaction, { kind: 'secret', scope, identifier }, []);
      await deleteSecret(transaction, before);
      await tools.encryption.remove(transaction, valueOwner(before));
      return { subject: formatReference(before), before: secretFacts(before) };
    });
  });
}

const noInput = (what: string, type: FirstGenSecretType) =>
  invalidRequest(`No ${what} input provided with the request with secretType ${type}`);
