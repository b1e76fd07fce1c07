/** What there is: templates, connectors, secrets, delegates. What a caller may not view is not there. */
import type { FastifyInstance } from 'fastify';
import { authorize, visible } from '../access/authorize.ts';
import type { Roster } from '../dispatch/roster.ts';
import { formatReference, type Reference } from '../domain/reference.ts';
import { type Scope, scopeOf } from '../domain/scope.ts';
import { noSuchTemplate } from '../load.ts';
import { listConnectors, type StoredConnector } from '../store/connectors.ts';
import type { Database } from '../store/database.ts';
import { listSecrets, type StoredSecret } from '../store/secrets.ts';
import { findTemplate, listTemplates, type StoredTemplate, versionLabels } from '../store/templates.ts';
import { callerOf } from './caller.ts';
import { referenceOf } from './fetch.ts';
import { query, ScopeQuery, TemplateQuery } from './requests.ts';

export interface ListTools {
  readonly database: Database;
  readonly roster: Roster;
}

export function listRoutes(api: FastifyInstance, { database, roster }: ListTools): void {
  api.get('/templates', async request => {
    const asked = query(TemplateQuery, request.query);
    const part = asked.search?.toLowerCase();
    const found = await listTemplates(database, [scopeFor(request, asked)]);
    const isFound = ({ name, identifier }: StoredTemplate) =>
      part === undefined || [name, identifier].some(text => text.toLowerCase().includes(part));
    return { items: found.filter(isFound).map(listedTemplate) };
  });

  api.get('/connectors', async request => {
    const scope = scopeFor(request, query(ScopeQuery, request.query));
    return { items: byIdentifier(await listConnectors(database, [scope])).map(listedConnector) };
  });

  api.get('/secrets', async request => {
    const scope = scopeFor(request, query(ScopeQuery, request.query));
    return { items: byIdentifier(await listSecrets(database, [scope])).map(listedSecret) };
  });

  api.get('/delegates', request => {
    const caller = callerOf(request);
    const own = ({ scope }: { readonly scope: Scope }) => visible(caller, { scope });
    return {
      items: [
        ...roster
          .links()
          .filter(own)
          .map(link => ({
            name: link.name,
            instance: link.instance,
            scope: link.scope,
            state: link.draining ? 'draining' : 'connected',
            status: roster.statusOf(link.name),
            since: link.connectedAt,
            tags: link.tags,
            hostName: link.hostName,
            agentVersion: link.agentVersion,
            running: link.running,
            capacity: link.capacity,
          })),
        ...roster
          .absent()
          .filter(own)
          .map(({ name, scope, hostName, tags, agentVersion, since }) => ({
            name,
            scope,
            state: 'disconnected',
            status: roster.statusOf(name),
            since,
            tags,
            hostName,
            agentVersion,
          })),
      ],
    };
  });

  api.get<{ Params: { reference: string } }>('/templates/:reference', async request => {
    const asked = query(TemplateQuery, request.query);
    const id = referenceOf(request.params.reference, asked);
    const { versionLabel } = asked;
    const none = noSuchTemplate({ ...id, versionLabel });
    if (!visible(callerOf(request), id)) throw none;
    const labels = await versionLabels(database, id);
    const template = await findTemplate(database, { ...id, versionLabel });
    if (!template) throw none;
    const { script, inputs, program, syntax } = template.content;
    return {
      reference: formatReference(id),
      uuid: template.uuid,
      versionLabel: template.versionLabel,
      stable: template.stable,
      versions: labels,
      syntax,
      script,
      inputs,
      program,
      contentDigest: template.contentDigest,
      document: template.document,
    };
  });
}

/** The scope that a list is of; a caller who may not view it is told the same as for one that holds nothing. */
function scopeFor(
  request: Parameters<typeof callerOf>[0],
  { orgIdentifier, projectIdentifier }: { orgIdentifier?: string; projectIdentifier?: string },
): Scope {
  const scope = scopeOf(orgIdentifier, projectIdentifier);
  authorize(callerOf(request), 'view', { scope });
  return scope;
}

const byIdentifier = <T extends Reference>(items: readonly T[]) =>
  items.toSorted((a, b) => (a.identifier < b.identifier ? -1 : 1));

const listedTemplate = (item: StoredTemplate) => ({
  identifier: formatReference(item),
  name: item.name,
  version: item.versionLabel,
  stable: item.stable,
  inputs: item.content.inputs.map(({ name }) => name),
  updatedAt: item.updatedAt,
});

const listedConnector = (item: StoredConnector) => ({
  identifier: formatReference(item),
  name: item.name,
  template: formatReference(item.template),
  version: item.template.versionLabel,
  drifted: item.contentDigest !== item.templateDigest,
  updatedAt: item.updatedAt,
});

const listedSecret = (item: StoredSecret) => ({
  identifier: formatReference(item),
  name: item.name,
  type: item.type,
  connector: item.connector ? formatReference(item.connector) : 'harnessSecretManager',
  updatedAt: item.updatedAt,
});
