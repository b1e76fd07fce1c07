/** Secret managers as FirstGen shows them: its own, those made from documents, and the built-in one. */
import { visible } from '../access/authorize.ts';
import {
  type FirstGenManagerDocument,
  firstGenManagerDocument,
  shownManagerDocument,
} from '../documents/first-gen.ts';
import { builtInManager, builtInManagerName } from '../domain/built-in-manager.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import { connectorOf } from '../load.ts';
import { findConnectorByUuid, listConnectors, type StoredConnector } from '../store/connectors.ts';
import type { Database } from '../store/database.ts';
import type { Listing, Page, SecretManager, SecretManagerType } from './model.ts';
import { invalidRequest } from './refusals.ts';

/** The built-in secret manager's id; ids that are made are longer. */
export const builtInManagerId = builtInManager;

const builtIn: SecretManager = {
  id: builtInManagerId,
  name: builtInManagerName,
  type: undefined,
  config: undefined,
  usageScope: [],
};

export async function findManager(database: Database, caller: Caller, id: string): Promise<SecretManager> {
  if (id === builtInManagerId && visible(caller, { scope: account })) return builtIn;
  const stored = await visibleConnector(database, caller, id);
  if (!stored) throw notThere();
  return managerOf(stored);
}

/** Of several with this name FirstGen's own; names of documents need not be unique, and then mean none. */
export async function findManagerByName(
  database: Database,
  caller: Caller,
  name: string,
): Promise<SecretManager> {
  const named = (await visibleConnectors(database, caller)).filter(stored => stored.name === name);
  const found =
    named.find(({ generation }) => generation === 'FirstGen') ?? (named.length === 1 ? named[0] : undefined);
  if (found) return managerOf(found);
  if (named.length > 1) throw invalidRequest(`There is more than one secret manager with the name ${name}`);
  if (name === builtIn.name && visible(caller, { scope: account })) return builtIn;
  throw notThere();
}

/** The newest first; the built-in one is as old as the account. */
export async function listManagers(
  database: Database,
  caller: Caller,
  accepts: (manager: { readonly id: string; readonly type: SecretManagerType | undefined }) => boolean,
  { limit, offset }: Page,
): Promise<Listing<SecretManager>> {
  const stored = (await visibleConnectors(database, caller)).filter(row =>
    accepts({ id: row.uuid, type: typeOf(row) }),
  );
  const hasBuiltIn = visible(caller, { scope: account }) && accepts(builtIn);
  const rows = [...stored, ...(hasBuiltIn ? [undefined] : [])];
  // Only what is shown is read.
  const nodes = rows.slice(offset, offset + limit).map(row => (row ? managerOf(row) : builtIn));
  return { nodes, total: rows.length };
}

/** A connector of the account by its id, where the caller may know of it. */
export async function visibleConnector(
  database: Database,
  caller: Caller,
  id: string,
): Promise<StoredConnector | undefined> {
  const stored = await findConnectorByUuid(database, id);
  return stored && stored.scope === account && visible(caller, targetOf(stored)) ? stored : undefined;
}

export const targetOf = (stored: StoredConnector) => ({
  scope: stored.scope,
  connector: formatReference(stored),
});

const visibleConnectors = async (database: Database, caller: Caller) =>
  (await listConnectors(database, [account])).filter(stored => visible(caller, targetOf(stored)));

export function managerOf(stored: StoredConnector): SecretManager {
  const { uuid: id, name } = stored;
  const { usageScope } = connectorOf(stored);
  if (stored.generation === 'NG') return { id, name, type: undefined, config: undefined, usageScope };
  return {
    id,
    name,
    type: typeOf(stored),
    config: configOf(shownManagerDocument(firstGenManagerDocument(stored))),
    usageScope,
  };
}

function configOf(document: FirstGenManagerDocument): NonNullable<SecretManager['config']> {
  const { templateId, delegateSelectors, testVariables, executeOnDelegate, isConnectorTemplatized } =
    document;
  return {
    templateId,
    delegateSelectors,
    testVariables,
    executeOnDelegate,
    isConnectorTemplatized,
    host: document.host,
    commandPath: document.commandPath,
    connectorId: document.connectorId,
    isDefault: false,
  };
}

/** Managers made from documents are of no kind that FirstGen has. */
const typeOf = ({ generation }: StoredConnector) =>
  generation === 'FirstGen' ? ('CUSTOM' as const) : undefined;

const notThere = () => invalidRequest('Secret Manager does not exist');
