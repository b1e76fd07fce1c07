/** Our own part of the GraphQL API, over the same stories as the native one. */
import { generateSealingKeys } from '../../../protocol/index.ts';
import { visible } from '../../access/authorize.ts';
import type { Roster } from '../../dispatch/roster.ts';
import type { Caller } from '../../domain/permissions.ts';
import type { Reference } from '../../domain/reference.ts';
import type { Scope } from '../../domain/scope.ts';
import { explainSecret } from '../../explain.ts';
import { type FetchTools, fetchSecret } from '../../fetch-secret.ts';
import { delegateViews } from '../../first-gen/delegates.ts';
import type { Listing, Page } from '../../first-gen/model.ts';
import { connectorOf, noSuchManager, noSuchSecret, noSuchTemplate, secretOf } from '../../load.ts';
import { findConnector, listConnectors, type StoredConnector } from '../../store/connectors.ts';
import { findSecret, listSecrets, type StoredSecret } from '../../store/secrets.ts';
import { findTemplate, listTemplates, type StoredTemplate, versionLabels } from '../../store/templates.ts';
import type {
  ConnectorView,
  NativeOperations,
  SecretView,
  TemplateVersionView,
  TemplateView,
} from './tools.ts';

export interface NativeTools extends FetchTools {
  readonly roster: Roster;
}

/** Whatever the caller may not view is not there. */
export function nativeOperations(tools: NativeTools): NativeOperations {
  const { database, roster } = tools;
  const mayView = (caller: Caller, scope: Scope) => visible(caller, { scope });
  return {
    async listDelegates(caller, accepts, page) {
      const all = await delegateViews(database, roster);
      return paged(
        all.filter(view => mayView(caller, view.scope) && accepts(view)),
        page,
      );
    },
    async listTemplates(caller, scope, search, page) {
      if (!mayView(caller, scope)) return nothing;
      const part = search?.toLowerCase();
      const found = (await listTemplates(database, [scope])).filter(({ stable }) => stable);
      const isFound = ({ name, identifier }: StoredTemplate) =>
        part === undefined || [name, identifier].some(text => text.toLowerCase().includes(part));
      return paged(found.filter(isFound).map(templateView), page);
    },
    async findTemplate(caller, id) {
      const found = mayView(caller, id.scope) ? await findTemplate(database, reference(id)) : undefined;
      if (!found) throw noSuchTemplate(reference(id));
      return templateView(found);
    },
    async listTemplateVersions(caller, id) {
      if (!mayView(caller, id.scope)) throw noSuchTemplate(reference(id));
      const labels = await versionLabels(database, id);
      const found = await Promise.all(
        labels.map(versionLabel => findTemplate(database, { ...reference(id), versionLabel })),
      );
      return found.filter(template => template !== undefined).map(versionView);
    },
    async listConnectors(caller, scope, page) {
      if (!mayView(caller, scope)) return nothing;
      return paged((await listConnectors(database, [scope])).map(connectorView), page);
    },
    async findConnector(caller, id) {
      const found = mayView(caller, id.scope) ? await findConnector(database, id) : undefined;
      if (!found) throw noSuchManager(id);
      return connectorView(found);
    },
    async listSecrets(caller, scope, page) {
      if (!mayView(caller, scope)) return nothing;
      return paged((await listSecrets(database, [scope])).map(secretView), page);
    },
    async findSecret(caller, id) {
      const found = mayView(caller, id.scope) ? await findSecret(database, id) : undefined;
      if (!found) throw noSuchSecret(id);
      return secretView(found);
    },
    explainSecret: (caller, id) => explainSecret(tools, caller, id),
    fetchSecret: (caller, { secret, ...request }) =>
      fetchSecret(tools, { subject: { secret }, caller, ...request, logs: false }),
    testConnector: async (caller, connector, signal) => {
      // Nobody opens the value: the key that it is sealed to is thrown away.
      const { publicKey } = await generateSealingKeys();
      return fetchSecret(tools, {
        subject: { connector },
        caller,
        recipient: publicKey,
        logs: true,
        signal,
      });
    },
  };
}

const nothing = { nodes: [], total: 0 };
const reference = ({ scope, identifier }: Reference): Reference => ({ scope, identifier });

function paged<T>(items: readonly T[], { limit, offset }: Page): Listing<T> {
  return { nodes: items.slice(offset, offset + limit), total: items.length };
}

const templateView = (template: StoredTemplate): TemplateView => ({
  ...reference(template),
  uuid: template.uuid,
  name: template.name,
  stableVersion: template.versionLabel,
  createdAt: template.createdAt,
});

const versionView = (template: StoredTemplate): TemplateVersionView => ({
  versionLabel: template.versionLabel,
  name: template.name,
  stable: template.stable,
  script: template.content.script,
  contentDigest: template.contentDigest,
  programDigest: template.content.program.digest,
  document: template.document,
  createdAt: template.createdAt,
  updatedAt: template.updatedAt,
});

const connectorView = (stored: StoredConnector): ConnectorView => ({
  ...connectorOf(stored),
  drifted: stored.contentDigest !== stored.templateDigest,
  createdAt: stored.createdAt,
  updatedAt: stored.updatedAt,
});

const secretView = (stored: StoredSecret): SecretView => ({
  ...secretOf(stored),
  createdAt: stored.createdAt,
  updatedAt: stored.updatedAt,
});
