/** FirstGen's operations, put together. */
import type { Caller } from '../domain/permissions.ts';
import { forgetCredentials } from '../forget-credentials.ts';
import { findSecretByUuid } from '../store/secrets.ts';
import { delegateOperations } from './delegates.ts';
import { deleteManager } from './delete-manager.ts';
import { findManager, findManagerByName, listManagers } from './find-managers.ts';
import { findSecretById, findSecretByName } from './find-secrets.ts';
import type {
  CreateSecretInput,
  CreateSecretManagerInput,
  DelegateScope,
  DelegateView,
  FirstGenSecret,
  FirstGenSecretType,
  FirstGenTemplate,
  Listing,
  Page,
  SecretManager,
  SecretManagerType,
  UpdateSecretInput,
  UpdateSecretManagerInput,
} from './model.ts';
import { createManager, updateManager } from './save-manager.ts';
import { createSecret, removeSecret, updateSecret } from './save-secret.ts';
import { listFirstGenTemplates } from './templates.ts';
import type { FirstGenTools } from './tools.ts';

/**
 * FirstGen's operations. Each of them checks the caller's grants, writes its audit record, and throws a
 * `RequestError` with the contract's text. Lists are newest first; `accepts` is the filter of the request, to be
 * applied after the grants and before paging.
 */
export interface FirstGenOperations {
  findSecretManager(caller: Caller, id: string): Promise<SecretManager>;
  findSecretManagerByName(caller: Caller, name: string): Promise<SecretManager>;
  listSecretManagers(
    caller: Caller,
    accepts: (manager: { readonly id: string; readonly type: SecretManagerType | undefined }) => boolean,
    page: Page,
  ): Promise<Listing<SecretManager>>;
  /** Runs the script with the test variables before it saves. */
  createSecretManager(
    caller: Caller,
    input: CreateSecretManagerInput,
    signal: AbortSignal,
  ): Promise<SecretManager>;
  updateSecretManager(
    caller: Caller,
    input: UpdateSecretManagerInput,
    signal: AbortSignal,
  ): Promise<SecretManager>;
  deleteSecretManager(caller: Caller, id: string): Promise<void>;

  findFirstGenSecret(caller: Caller, id: string, type: FirstGenSecretType): Promise<FirstGenSecret>;
  findFirstGenSecretByName(caller: Caller, name: string, type: FirstGenSecretType): Promise<FirstGenSecret>;
  /** `file`: the bytes of an encrypted file; undefined where the request brought none. */
  createFirstGenSecret(
    caller: Caller,
    input: CreateSecretInput,
    file: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<FirstGenSecret>;
  updateFirstGenSecret(
    caller: Caller,
    input: UpdateSecretInput,
    file: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<FirstGenSecret>;
  deleteFirstGenSecret(caller: Caller, id: string, type: FirstGenSecretType): Promise<void>;

  listFirstGenTemplates(caller: Caller, page: Page): Promise<Listing<FirstGenTemplate>>;

  listDelegateScopes(
    caller: Caller,
    accepts: (scope: { readonly name: string }) => boolean,
    page: Page,
  ): Promise<Listing<DelegateScope>>;
  addDelegateScope(caller: Caller, scope: Omit<DelegateScope, 'uuid'>): Promise<DelegateScope>;
  /** Undefined: leave that list as it is. */
  attachDelegateScopes(
    caller: Caller,
    delegateId: string,
    include: readonly string[] | undefined,
    exclude: readonly string[] | undefined,
  ): Promise<void>;
  attachAllDelegateScopes(caller: Caller, delegateId: string): Promise<void>;
  approveDelegate(caller: Caller, delegateId: string, approval: 'ACTIVATE' | 'REJECT'): Promise<DelegateView>;
  deleteDelegate(caller: Caller, delegateId: string): Promise<void>;
}

export function firstGenOperations(tools: FirstGenTools): FirstGenOperations {
  const { database, roster } = tools;
  /** Connections that were made with the secret are closed once it has changed. */
  const forgetting = async <T>(id: string, change: () => Promise<T>): Promise<T> => {
    const secret = await findSecretByUuid(database, id);
    const result = await change();
    if (secret) await forgetCredentials(database, roster, secret);
    return result;
  };
  return {
    findSecretManager: (caller, id) => findManager(database, caller, id.trim()),
    findSecretManagerByName: (caller, name) => findManagerByName(database, caller, name.trim()),
    listSecretManagers: (caller, accepts, page) => listManagers(database, caller, accepts, page),
    createSecretManager: (caller, input, signal) => createManager(tools, { caller, signal }, input),
    updateSecretManager: (caller, input, signal) => updateManager(tools, { caller, signal }, input),
    deleteSecretManager: (caller, id) => deleteManager(tools, caller, id),
    findFirstGenSecret: (caller, id, type) => findSecretById(database, caller, id, type),
    findFirstGenSecretByName: (caller, name, type) => findSecretByName(database, caller, name, type),
    createFirstGenSecret: (caller, input, file, signal) =>
      createSecret(tools, { caller, signal }, input, file),
    updateFirstGenSecret: (caller, input, file, signal) =>
      forgetting(input.secretId, () => updateSecret(tools, { caller, signal }, input, file)),
    deleteFirstGenSecret: (caller, id, type) => forgetting(id, () => removeSecret(tools, caller, id, type)),
    listFirstGenTemplates: (caller, page) => listFirstGenTemplates(database, caller, page),
    ...delegateOperations(tools),
  };
}
