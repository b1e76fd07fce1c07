/** Creates and changes custom secret managers: check, run the script, save. */
import { authorize, authorizeFound } from '../access/authorize.ts';
import { assertUses } from '../check-uses.ts';
import { firstGenManagerDocument, readFirstGenConnector } from '../documents/first-gen.ts';
import type { Connector } from '../domain/entities.ts';
import type { Caller } from '../domain/permissions.ts';
import { formatReference, type Reference } from '../domain/reference.ts';
import { account } from '../domain/scope.ts';
import {
  type ConnectorRow,
  findConnectorByUuid,
  insertConnector,
  listConnectors,
  type StoredConnector,
  updateConnector,
} from '../store/connectors.ts';
import type { Database } from '../store/database.ts';
import { setSecretUses } from '../store/secrets.ts';
import { accountId } from '../store/settings.ts';
import { dropUnpinnedContents, findTemplateByUuid } from '../store/templates.ts';
import { type Changing, changing, withUses } from './changes.ts';
import { type CheckedManager, checkManager } from './check-manager.ts';
import { builtInManagerId, managerOf, targetOf, visibleConnector } from './find-managers.ts';
import { firstGenIdentifier } from './identifier.ts';
import { withMasks } from './known-secrets.ts';
import { draftOfNew, draftOfUpdate, type ManagerDraft } from './manager-draft.ts';
import { managerFacts } from './manager-facts.ts';
import type { CreateSecretManagerInput, SecretManager, UpdateSecretManagerInput } from './model.ts';
import { invalidArgument, invalidRequest, notFound, overtaken } from './refusals.ts';
import { assertDelivers } from './script-run.ts';
import type { FirstGenTools, RunContext } from './tools.ts';
import { readGivenUsageScope } from './usage-scope.ts';

const noInput = () => invalidRequest('Custom Secret Manager config is not provided');
export const otherKind = () => invalidRequest('Secret manager with given id is not of type CUSTOM');

export function createManager(
  tools: FirstGenTools,
  context: RunContext,
  { secretManagerType, customSecretManagerInput: input }: CreateSecretManagerInput,
): Promise<SecretManager> {
  const { caller } = context;
  return changing(tools, caller, 'connector.create', async request => {
    authorize(caller, 'edit', { scope: account });
    if (secretManagerType !== 'CUSTOM') throw invalidRequest('Secret manager type is not supported');
    if (!input) throw noInput();
    const usageScope = await readGivenUsageScope(tools.database, input.usageScope);
    const uuid = tools.newUuid();
    const id = { uuid, scope: account, identifier: firstGenIdentifier(uuid) };
    return save(tools, context, request, { id, draft: draftOfNew(input, usageScope), before: undefined });
  });
}

export function updateManager(
  tools: FirstGenTools,
  context: RunContext,
  { secretManagerId, secretManagerType, customSecretManagerInput: input }: UpdateSecretManagerInput,
): Promise<SecretManager> {
  const { caller } = context;
  const { database } = tools;
  return changing(tools, caller, 'connector.update', async request => {
    if (secretManagerType === 'CUSTOM' && !input) throw noInput();
    const unknown = () => notFound(`Could not find a custom secret manager with configId ${secretManagerId}`);
    if (secretManagerId === builtInManagerId) {
      authorizeFound(caller, 'edit', { scope: account }, unknown);
      throw otherKind();
    }
    const before = await visibleConnector(database, caller, secretManagerId);
    if (!before) throw unknown();
    request.note({ subject: formatReference(before) });
    authorizeFound(caller, 'edit', targetOf(before), unknown);
    if (before.generation !== 'FirstGen' || secretManagerType !== 'CUSTOM') throw otherKind();
    if (!input) throw noInput();
    if (input.uuid && input.uuid !== secretManagerId)
      throw invalidRequest('uuid must be the secretManagerId, or be left out: ids do not change');
    const usageScope = input.usageScope
      ? await readGivenUsageScope(database, input.usageScope)
      : readFirstGenConnector(before).usageScope;
    const draft = draftOfUpdate(firstGenManagerDocument(before), input, usageScope);
    return save(tools, context, request, { id: before, draft, before });
  });
}

interface Saving {
  readonly id: Reference & { readonly uuid: string };
  readonly draft: ManagerDraft;
  readonly before: StoredConnector | undefined;
}

async function save(
  tools: FirstGenTools,
  context: RunContext,
  request: Changing,
  { id, draft, before }: Saving,
): Promise<SecretManager> {
  const { database } = tools;
  const { caller } = context;
  const checked = await checkManager(database, caller, draft);
  const { uuid, scope, identifier } = id;
  const { template } = checked;
  const document = await withMasks(tools, checked, before);
  const row: ConnectorRow = {
    uuid,
    scope,
    identifier,
    generation: 'FirstGen',
    name: document.name,
    template: { scope: template.scope, identifier: template.identifier, versionLabel: template.versionLabel },
    contentDigest: template.contentDigest,
    document,
  };
  const connector: Connector = readFirstGenConnector(row);
  const subject = { connector, content: template.content };
  const uses = [...checked.uses, ...(await assertUses({ database, caller }, subject))];
  const whenEmpty = `The custom shell script returned an empty or null value - accountId: ${await accountId(database)}, secret: ${document.name}`;
  await assertDelivers(tools, subject, context, { name: document.name, whenEmpty });
  await assertNameIsFree(database, row);
  const texts = { taken: () => taken(row.name), referred: () => overtaken(`The template ${template.name}`) };
  await request.save(texts, async (transaction, now) => {
    await assertUnchanged(transaction, caller, draft, checked);
    if (!before) await insertConnector(transaction, row, now);
    else if (!(await updateConnector(transaction, { ...row, revision: before.revision }, now)))
      throw overtaken(`The secret manager ${before.name}`);
    await setSecretUses(transaction, { kind: 'connector', scope, identifier }, uses);
    // What the manager pinned until now may be nobody's any more.
    if (before) await dropUnpinnedContents(transaction);
    return {
      subject: formatReference(row),
      template: `${formatReference(row.template)}@${row.template.versionLabel}`,
      before: before && managerFacts(before),
      after: withUses(managerFacts(row), uses),
    };
  });
  const saved = await findConnectorByUuid(database, uuid);
  if (!saved) throw overtaken(`The secret manager ${row.name}`);
  return managerOf(saved);
}

/** What was run must be what is saved, and what it names must still be there. */
async function assertUnchanged(
  transaction: Database,
  caller: Caller,
  draft: ManagerDraft,
  { template }: CheckedManager,
): Promise<void> {
  const now = await findTemplateByUuid(transaction, template.uuid);
  if (now?.contentDigest !== template.contentDigest || now.versionLabel !== template.versionLabel)
    throw overtaken(`The template ${template.name}`);
  await checkManager(transaction, caller, draft);
}

async function assertNameIsFree(database: Database, { name, uuid }: ConnectorRow): Promise<void> {
  const all = await listConnectors(database, [account]);
  const isTaken = all.some(
    other => other.generation === 'FirstGen' && other.name === name && other.uuid !== uuid,
  );
  if (isTaken) throw taken(name);
}

const taken = (name: string) =>
  invalidArgument(
    `Could not save the custom secrets manager with name "${name}". There might be already a secret manager with this name.`,
  );
