/** Writes one document's entity, in the transaction of its `apply`: what it refers to is looked up there. */
import { isDeepStrictEqual } from 'node:util';
import { authorize } from './access/authorize.ts';
import type { NewSecret, Placed } from './apply-documents.ts';
import type { ApplicationSource } from './documents/read-application.ts';
import type { ConnectorSource } from './documents/read-connector.ts';
import { secretsOfCredential } from './documents/read-ssh-auth.ts';
import type { Kind } from './documents/schemas.ts';
import { valueOwner } from './domain/built-in-manager.ts';
import { contentDigest } from './domain/content-digest.ts';
import type { Connector, Secret, TemplateVersion, UsageScope } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { newUuid } from './domain/ids.ts';
import { checkSecretInputs, fixedConflicts, inputLabel } from './domain/inputs.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, parseReference, type Reference, sameReference } from './domain/reference.ts';
import { account } from './domain/scope.ts';
import type { Encryption } from './encryption/encryption.ts';
import { connectorOf, noSuchManager } from './load.ts';
import { type Affected, affectedBy, describeAffected, pin } from './reconcile.ts';
import { namedSecrets, type Subject } from './resolve-plan.ts';
import { findApplication, saveApplication } from './store/applications.ts';
import { findConnector, insertConnector, updateConnector } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import { findSecret, insertSecret, setSecretUses, updateSecret } from './store/secrets.ts';
import { findContent, findTemplate, saveTemplate } from './store/templates.ts';
import { assertUsable, findNamed } from './used-secrets.ts';

/** What a write did. */
export type Change = 'created' | 'changed' | 'unchanged';

export interface Applied {
  readonly kind: Kind;
  /** Absolute; a template's has its version behind an @. */
  readonly reference: string;
  readonly change: Change;
  /** Connectors that pinned another content of this template version, and what became of them. */
  readonly affected?: readonly (Affected & { readonly accepted: boolean })[];
}

export interface WriteTools {
  /** The transaction. */
  readonly database: Database;
  readonly encryption: Encryption;
  readonly caller: Caller;
  readonly now: string;
  /** A changed template version moves the connectors that pin it, where everything still fits. */
  readonly accept: boolean;
  /** Called for a connector that has to be tested before it may be saved. */
  readonly test: (subject: Subject) => Promise<void>;
  /** What was written of a built-in value, for the audit trail: HMACs. */
  readonly fingerprint: (name: string, value: Uint8Array) => void;
}

/** Throws a `RequestError` where the caller may not, or what is written does not fit what is there. */
export function write(tools: WriteTools, item: Placed): Promise<Applied> {
  switch (item.kind) {
    case 'template':
      return writeTemplate(tools, item.entity);
    case 'connector':
      return writeConnector(tools, item.entity);
    case 'secret':
      return writeSecret(tools, item.entity);
    case 'application':
      return writeApplication(tools, item.entity);
  }
}

async function writeTemplate(tools: WriteTools, template: TemplateVersion): Promise<Applied> {
  const { database, caller, now, accept } = tools;
  authorize(caller, 'edit', template);
  const reference = `${formatReference(template)}@${template.versionLabel}`;
  const before = await findTemplate(database, template);
  const digest = contentDigest(template.content);
  if (before?.contentDigest === digest && same(before.document, template.document))
    return { kind: 'template', reference, change: 'unchanged' };
  const users =
    before?.contentDigest === digest ? [] : await affectedBy(database, template, template.content, digest);
  if (users.length > 0 && !accept) {
    throw new RequestError('INVALID_REQUEST', [
      `template ${reference} is in use, and its script or inputs would change; apply with --accept to move its ` +
        'connectors to the new content, or give the change a new versionLabel',
      ...users.flatMap(({ affected }) => describeAffected(affected)),
    ]);
  }
  await saveTemplate(database, template, now);
  const moved = [];
  for (const { connector, affected } of users) {
    // One that would no longer work goes on with what it was checked against, and is shown as drifted.
    const accepted = affected.problems.length === 0;
    if (accepted) await pin(database, caller, connector, digest, now);
    moved.push({ ...affected, accepted });
  }
  const change = before ? 'changed' : 'created';
  return { kind: 'template', reference, change, ...(moved.length > 0 ? { affected: moved } : {}) };
}

async function writeConnector(tools: WriteTools, source: ConnectorSource): Promise<Applied> {
  const { database, caller, now } = tools;
  const reference = formatReference(source);
  authorize(caller, 'edit', { scope: source.scope, connector: reference });
  const before = await findConnector(database, source);
  if (before && before.generation !== 'NG')
    throw invalid(`connector ${reference} was made through the FirstGen API; change it there`);
  const template = await findTemplate(database, source.template);
  if (!template) {
    const wanted = `${formatReference(source.template)}@${source.template.versionLabel}`;
    throw invalid(`connector.spec.template: there is no template ${wanted}; apply it first`);
  }
  // A connector that only changes otherwise stays with the content that it was checked against.
  const stays = before && sameTemplate(before.template, source.template);
  const digest = stays ? before.contentDigest : template.contentDigest;
  const content = stays ? await findContent(database, digest) : template.content;
  for (const input of fixedConflicts(content.inputs, source.inputs)) {
    throw invalid(
      `connector.spec.template.templateInputs: "${inputLabel(input)}" is fixed by the template and cannot be set`,
    );
  }
  const connector: Connector = { ...source, uuid: before?.uuid ?? newUuid() };
  await assertUsageScope(database, connector.usageScope);
  const used = await usedBy(tools, { connector, content }, 'all');
  if (connector.target.kind === 'host' && connector.target.credential) {
    const { credential } = connector.target;
    authorize(caller, 'use', { scope: credential.scope, secret: formatReference(credential) });
    const key = await findSecret(database, credential);
    if (key?.type !== 'SSHKey') {
      throw invalid(
        `connector.spec.connectorRef: there is no SSHKey secret ${formatReference(credential)}; apply it first`,
      );
    }
    used.push(credential);
  }
  if (before && same(before.document, source.document))
    return { kind: 'connector', reference, change: 'unchanged' };
  const row = { ...connector, contentDigest: digest };
  if (!before) await insertConnector(database, row, now);
  else if (!(await updateConnector(database, { ...row, revision: before.revision }, now)))
    throw invalid(`connector ${reference} was changed by somebody else; try again`);
  await setSecretUses(database, { kind: 'connector', ...idOf(source) }, used);
  if (!connector.ignoreTest && connector.target.kind === 'delegate') await tools.test({ connector, content });
  return { kind: 'connector', reference, change: before ? 'changed' : 'created' };
}

async function writeSecret(tools: WriteTools, source: NewSecret): Promise<Applied> {
  const { database, caller, now, encryption } = tools;
  const reference = formatReference(source);
  authorize(caller, 'edit', { scope: source.scope, secret: reference });
  const before = await findSecret(database, source);
  if (before && before.generation !== 'NG')
    throw invalid(`secret ${reference} was made through the FirstGen API; change it there`);
  if (before && before.type !== source.type) throw invalid('Cannot change secret type after creation.');
  const manager = source.connector;
  if (before && !sameManager(before.connector, manager))
    throw invalid('Cannot change secret manager after creation.');
  const secret: Secret = { ...source, uuid: before?.uuid ?? newUuid() };
  await assertUsageScope(database, secret.usageScope);
  const used = manager ? await checkAgainst(tools, manager, source, secret) : checkCredential(caller, secret);
  const owner = valueOwner(secret);
  const value = source.value && Buffer.from(source.value);
  const old = manager || !value ? undefined : await encryption.get(database, owner);
  const valueChanged = value !== undefined && !(old && Buffer.from(old).equals(value));
  if (!manager && secret.type !== 'SSHKey' && !before && !value)
    throw invalid(`secret.spec.${secret.type === 'SecretFile' ? 'file or content' : 'value'} is required`);
  if (before && same(before.document, secret.document) && !valueChanged)
    return { kind: 'secret', reference, change: 'unchanged' };
  if (!before) await insertSecret(database, secret, now);
  else if (!(await updateSecret(database, { ...secret, revision: before.revision }, now)))
    throw invalid(`secret ${reference} was changed by somebody else; try again`);
  await setSecretUses(database, { kind: 'secret', ...idOf(source) }, used);
  if (value && valueChanged) {
    await encryption.put(database, owner, value, now);
    tools.fingerprint(reference, value);
  }
  return { kind: 'secret', reference, change: before ? 'changed' : 'created' };
}

/** A secret of a custom manager: its inputs have to fit, and whoever writes them may use what they name. */
async function checkAgainst(
  tools: WriteTools,
  manager: Reference,
  source: NewSecret,
  secret: Secret,
): Promise<Reference[]> {
  const { database, caller } = tools;
  authorize(caller, 'use', { scope: manager.scope, connector: formatReference(manager) });
  const stored = await findConnector(database, manager);
  if (!stored) throw noSuchManager(manager);
  const connector = connectorOf(stored);
  const content = await findContent(database, stored.contentDigest);
  checkSecretInputs(content.inputs, connector.inputs, secret.inputs, source.valueIsEmpty);
  return usedBy(tools, { connector, content, secret }, 'those of the inputs');
}

function checkCredential(caller: Caller, secret: Secret): Reference[] {
  const used = secretsOfCredential(secret.ssh);
  for (const reference of used)
    authorize(caller, 'use', { scope: reference.scope, secret: formatReference(reference) });
  return used;
}

/**
 * The secrets that the script would use, checked for where they are kept, and for whether the caller may use
 * them: those of the script itself when a connector is saved, those that inputs name when their writer saves them.
 */
async function usedBy(
  { database, caller }: WriteTools,
  subject: Subject,
  which: 'all' | 'those of the inputs',
): Promise<Reference[]> {
  const { connector } = subject;
  const used: Reference[] = [];
  for (const { by, text, inScript } of await namedSecrets(subject)) {
    if (inScript && which !== 'all') continue;
    const found = await findNamed(database, connector, by, text);
    // Asked of what is not there as well: the answer must not tell whether it is.
    const named = by === 'reference' ? parseReference(text, connector.scope) : found;
    const scope = named?.scope ?? account;
    authorize(caller, 'use', { scope, ...(named ? { secret: formatReference(named) } : {}) });
    if (found) await assertUsable(database, connector, found);
    if (named) used.push(idOf(named));
  }
  return used;
}

/** Applications and environments that a usage scope names must be known. */
export async function assertUsageScope(database: Database, scope: UsageScope): Promise<void> {
  for (const { application, environment } of scope) {
    if (!('appId' in application)) continue;
    const { appId } = application;
    const known = await findApplication(database, appId);
    if (!known) throw invalid(`No application exists with the id ${appId}`);
    if (!('envId' in environment)) continue;
    const { envId } = environment;
    if (!known.environments.some(({ id }) => id === envId))
      throw invalid(`No env exists with id ${envId} in application with id ${appId}`);
  }
}

async function writeApplication(
  { database, caller, now }: WriteTools,
  application: ApplicationSource,
): Promise<Applied> {
  authorize(caller, 'edit', { scope: account });
  const before = await findApplication(database, application.id);
  const reference = `application/${application.id}`;
  const sorted = (item: ApplicationSource) => ({
    ...item,
    environments: item.environments.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  });
  if (before && isDeepStrictEqual(sorted(before), sorted(application)))
    return { kind: 'application', reference, change: 'unchanged' };
  await saveApplication(database, application, now);
  return { kind: 'application', reference, change: before ? 'changed' : 'created' };
}

const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
const idOf = ({ scope, identifier }: Reference): Reference => ({ scope, identifier });
const sameManager = (a: Reference | undefined, b: Reference | undefined) =>
  a === undefined || b === undefined ? a === b : sameReference(a, b);
const sameTemplate = (
  a: Reference & { readonly versionLabel: string },
  b: Reference & { readonly versionLabel: string },
) => sameReference(a, b) && a.versionLabel === b.versionLabel;
/** As it comes back from the store, where documents are JSON. */
const same = (stored: unknown, data: unknown) => isDeepStrictEqual(stored, JSON.parse(JSON.stringify(data)));
