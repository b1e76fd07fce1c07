/** What there is: templates, connectors, secrets, delegates. */
import type { FastifyInstance } from 'fastify';
import type { Roster } from '../dispatch/roster.ts';
import { RequestError } from '../domain/errors.ts';
import { parseReference } from '../domain/reference.ts';
import type { Database } from '../store/database.ts';
import {
  findTemplate,
  type Listed,
  listConnectors,
  listSecrets,
  listTemplates,
  versionLabels,
} from '../store/entities.ts';

export interface ListTools {
  readonly database: Database;
  readonly roster: Roster;
}

const lists: Record<string, (database: Database, scope: 'account') => Promise<Listed[]>> = {
  templates: listTemplates,
  connectors: listConnectors,
  secrets: listSecrets,
};

export function listRoutes(api: FastifyInstance, { database, roster }: ListTools): void {
  for (const [kind, list] of Object.entries(lists)) {
    api.get(`/${kind}`, async () => ({
      items: (await list(database, 'account')).map(item => ({
        ...item,
        identifier: `account.${item.identifier}`,
      })),
    }));
  }

  api.get('/delegates', () => ({
    items: [
      ...roster.links().map(link => ({
        name: link.name,
        instance: link.instance,
        state: link.draining ? 'draining' : 'connected',
        since: link.connectedAt,
        tags: link.tags,
        hostName: link.hostName,
        agentVersion: link.agentVersion,
        running: link.running,
        capacity: link.capacity,
      })),
      ...roster.absent().map(({ name, hostName, tags, agentVersion, since }) => ({
        name,
        state: 'disconnected',
        since,
        tags,
        hostName,
        agentVersion,
      })),
    ],
  }));

  api.get<{ Params: { reference: string }; Querystring: { versionLabel?: string | string[] } }>(
    '/templates/:reference',
    async ({ params, query }) => {
      if (Array.isArray(query.versionLabel))
        throw new RequestError('INVALID_REQUEST', 'versionLabel can be given once only');
      const id = parseReference(params.reference);
      const labels = await versionLabels(database, id);
      const versionLabel = query.versionLabel ?? labels[0];
      const template =
        versionLabel === undefined ? undefined : await findTemplate(database, { ...id, versionLabel });
      if (!template) {
        const known = labels.length > 0 ? `; its versions: ${labels.join(', ')}` : '';
        throw new RequestError(
          'RESOURCE_NOT_FOUND',
          `there is no such template or version: ${params.reference}${known}`,
        );
      }
      const { script, inputs, program } = template.columns;
      return {
        reference: params.reference,
        versionLabel,
        versions: labels,
        script,
        inputs,
        program,
        document: template.document,
      };
    },
  );
}
