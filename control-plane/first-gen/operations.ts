/** FirstGen's operations, put together. */
import type { FirstGenOperations } from '../api/graphql/tools.ts';
import { delegateOperations } from './delegates.ts';
import { deleteManager } from './delete-manager.ts';
import { findManager, findManagerByName, listManagers } from './find-managers.ts';
import { findSecretById, findSecretByName } from './find-secrets.ts';
import { createManager, updateManager } from './save-manager.ts';
import { createSecret, removeSecret, updateSecret } from './save-secret.ts';
import { listFirstGenTemplates } from './templates.ts';
import type { FirstGenTools } from './tools.ts';

export function firstGenOperations(tools: FirstGenTools): FirstGenOperations {
  const { database } = tools;
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
      updateSecret(tools, { caller, signal }, input, file),
    deleteFirstGenSecret: (caller, id, type) => removeSecret(tools, caller, id, type),
    listFirstGenTemplates: (caller, page) => listFirstGenTemplates(database, caller, page),
    ...delegateOperations(tools),
  };
}
