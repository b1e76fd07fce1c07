/** Writes one document's entity, in the transaction of its `apply`: what it refers to is looked up there. */
import { isDeepStrictEqual } from 'node:util';
import { authorize, visible } from './access/authorize.ts';
import type { Placed } from './apply-documents.ts';
import { assertUses, assertUsesOfSecrets } from './check-uses.ts';
import { assertUsageScope, placePathProblems, valueProblems } from './check-values.ts';
import type { ApplicationSource } from './documents/read-application.ts';
import type { ConnectorSource } from './documents/read-connector.ts';
import type { Kind } from './documents/schemas.ts';
import { contentDigest } from './domain/content-digest.ts';
import type { Connector, TemplateVersion } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { newUuid } from './domain/ids.ts';
import { fixedConflicts, inputLabel } from './domain/inputs.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, type Reference, sameReference } from './domain/reference.ts';
import { account } from './domain/scope.ts';
import type { Encryption } from './encryption/encryption.ts';
import { connectorOf } from './load.ts';
import type { Subject } from './plan-environment.ts';
import { type Affected, affectedBy, describeAffected, pin } from './reconcile.ts';
import { findApplication, saveApplication } from './store/applications.ts';
import { findConnector, insertConnector, type StoredConnector, updateConnector } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import { findSecret, setSecretUses } from './store/secrets.ts';
import { findContent, findTemplate, saveTemplate } from './store/templates.ts';
import { writeSecret } from './write-secret.ts';

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
  /** Hears which secrets a connector or secret names, for the audit trail; `what`: its kind and reference. */
  readonly uses: (what: string, used: readonly Reference[]) => void;
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
  if (before && same(before.document, source.document))
    return { kind: 'connector', reference, change: 'unchanged' };
  const stays = before && sameTemplate(before.template, source.template);
  // What a connector runs already is no news to whoever may edit it.
  const template =
    stays || visible(caller, source.template) ? await findTemplate(database, source.template) : undefined;
  if (!template) {
    const wanted = `${formatReference(source.template)}@${source.template.versionLabel}`;
    throw invalid(`connector.spec.template: there is no template ${wanted}; apply it first`);
  }
  // A connector that only changes otherwise stays with the content that it was checked against.
  const digest = stays ? before.contentDigest : template.contentDigest;
  const content = stays ? await findContent(database, digest) : template.content;
  const at = 'connector.spec.template.templateInputs';
  const problems = [
    ...fixedConflicts(content.inputs, source.inputs).map(
      input => `${at}: "${inputLabel(input)}" is fixed by the template and cannot be set`,
    ),
    ...valueProblems(content, source.inputs, 'connector').map(problem => `${at}: ${problem}`),
    ...placePathProblems(content, source),
  ];
  if (problems.length > 0) throw invalid(problems);
  const connector: Connector = { ...source, uuid: before?.uuid ?? newUuid() };
  await assertUsageScope(database, connector.usageScope);
  const used = await assertUses(tools, { connector, content });
  used.push(...(await assertCredentials(tools, connector)));
  if (before) {
    await assertUsesOfSecrets(tools, await readable(database, before), { connector, content });
  }
  const row = { ...connector, contentDigest: digest };
  if (!before) await insertConnector(database, row, now);
  else if (!(await updateConnector(database, { ...row, revision: before.revision }, now)))
    throw invalid(`connector ${reference} was changed by somebody else; try again`);
  await setSecretUses(database, { kind: 'connector', ...idOf(source) }, used);
  tools.uses(`connector ${reference}`, used);
  if (!connector.ignoreTest) await tools.test({ connector, content });
  return { kind: 'connector', reference, change: before ? 'changed' : 'created' };
}

/** The SSHKey secrets that logging in to the target takes: there, and the caller's to use. */
async function assertCredentials(
  { database, caller }: WriteTools,
  { target }: Connector,
): Promise<Reference[]> {
  if (target.kind === 'delegate') return [];
  const used = [target, ...(target.jumps ?? [])].flatMap(({ credential }) =>
    credential ? [credential] : [],
  );
  for (const credential of used) {
    const reference = formatReference(credential);
    authorize(caller, 'use', { scope: credential.scope, secret: reference });
    const key = await findSecret(database, credential);
    if (key?.type !== 'SSHKey')
      throw invalid(`connector.spec.connectorRef: there is no SSHKey secret ${reference}; apply it first`);
  }
  return used;
}

/** What a connector was; undefined where this version can't read it any more. */
async function readable(database: Database, stored: StoredConnector): Promise<Subject | undefined> {
  try {
    return { connector: connectorOf(stored), content: await findContent(database, stored.contentDigest) };
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
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

const invalid = (message: string | readonly string[]) => new RequestError('INVALID_REQUEST', message);
const idOf = ({ scope, identifier }: Reference): Reference => ({ scope, identifier });
const sameTemplate = (
  a: Reference & { readonly versionLabel: string },
  b: Reference & { readonly versionLabel: string },
) => sameReference(a, b) && a.versionLabel === b.versionLabel;
/** As it comes back from the store, where documents are JSON. */
const same = (stored: unknown, data: unknown) => isDeepStrictEqual(stored, JSON.parse(JSON.stringify(data)));
