import { authorizeFound } from '../access/authorize.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import { deleteConnector, findConnectorByUuid } from '../store/connectors.ts';
import { secretsOf, setSecretUses } from '../store/secrets.ts';
import { dropUnpinnedContents } from '../store/templates.ts';
import { changing } from './changes.ts';
import { builtInManagerId, targetOf, visibleConnector } from './find-managers.ts';
import { managerFacts } from './manager-facts.ts';
import { invalidRequest, refusal } from './refusals.ts';
import { otherKind } from './save-manager.ts';
import type { FirstGenTools } from './tools.ts';

/** Deletes a custom secret manager without secrets. Those made from documents are not FirstGen's to delete. */
export function deleteManager(tools: FirstGenTools, caller: Caller, id: string): Promise<void> {
  return changing(tools, caller, 'connector.delete', async request => {
    if (id === builtInManagerId) {
      authorizeFound(caller, 'edit', { scope: account }, unknown);
      throw otherKind();
    }
    const found = await visibleConnector(tools.database, caller, id);
    if (!found) throw unknown();
    request.note({ subject: formatReference(found) });
    authorizeFound(caller, 'edit', targetOf(found), unknown);
    if (found.generation !== 'FirstGen') throw otherKind();
    await request.save({ referred: inUse }, async transaction => {
      const before = await findConnectorByUuid(transaction, id);
      if (!before) throw unknown();
      if ((await secretsOf(transaction, before)).length > 0) throw inUse();
      await setSecretUses(transaction, { kind: 'connector', ...before }, []);
      await deleteConnector(transaction, before);
      await dropUnpinnedContents(transaction);
      return { subject: formatReference(before), before: managerFacts(before) };
    });
  });
}

const unknown = () => invalidRequest("Secret manager with given id doesn't exist");
const inUse = () =>
  refusal(
    'Can not delete the custom secret manager configuration since there are secrets encrypted with this. ' +
      'Please delete your secrets and try again.',
  );
