/** Connectors (custom secret managers) over HTTP. Their test is a stream of events: see `fetch.ts`. */
import type { FastifyInstance } from 'fastify';
import { visible } from '../access/authorize.ts';
import { audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import { type DeleteTools, deleteEntity } from '../delete.ts';
import { formatReference } from '../domain/reference.ts';
import { connectorOf, noSuchManager } from '../load.ts';
import { acceptContent } from '../reconcile.ts';
import { findConnector, listConnectors, type StoredConnector } from '../store/connectors.ts';
import { dropUnpinnedContents } from '../store/templates.ts';
import { callerOf } from './caller.ts';
import { byIdentifier, referenceOf, scopeFor } from './place.ts';
import { AcceptRequest, body, query, ScopeQuery } from './requests.ts';

type Named = { Params: { reference: string } };

export function connectorRoutes(
  api: FastifyInstance,
  tools: DeleteTools & { readonly now: () => string },
): void {
  const { database, audit, clock } = tools;

  api.get('/connectors', async request => {
    const scope = scopeFor(request, query(ScopeQuery, request.query));
    return { items: byIdentifier(await listConnectors(database, [scope])).map(listed) };
  });

  api.get<Named>('/connectors/:reference', async request => {
    const id = referenceOf(request.params.reference, query(ScopeQuery, request.query));
    const target = { scope: id.scope, connector: formatReference(id) };
    const stored = visible(callerOf(request), target) ? await findConnector(database, id) : undefined;
    if (!stored) throw noSuchManager(id);
    const { uuid, generation, contentDigest, createdAt } = stored;
    const { document } = generation === 'FirstGen' ? connectorOf(stored) : stored;
    return { ...listed(stored), uuid, generation, contentDigest, createdAt, document };
  });

  api.delete<Named>('/connectors/:reference', async request => {
    const id = referenceOf(request.params.reference, query(ScopeQuery, request.query));
    return { deleted: await deleteEntity(tools, callerOf(request), { kind: 'connector', id }) };
  });

  api.post('/connectors/accept', async request => {
    const { connector, ...place } = body(AcceptRequest, request.body);
    const id = referenceOf(connector, place);
    const caller = callerOf(request);
    const reference = formatReference(id);
    const about = { ...by(caller), action: 'connector.accept', subject: reference, scope: id.scope };
    return audited(audit, clock, about, async ({ id: requestId }) => {
      const accepted = await database.transaction().execute(async transaction => {
        const affected = await acceptContent(transaction, caller, id, tools.now());
        if (!affected) return undefined;
        await dropUnpinnedContents(transaction);
        await audit.recordIn(transaction, [
          { ...about, type: 'change', id: requestId, outcome: 'succeeded' },
        ]);
        return affected;
      });
      await audit.flush();
      return { connector: reference, ...(accepted ? { accepted } : {}) };
    });
  });
}

const listed = (item: StoredConnector) => ({
  identifier: formatReference(item),
  name: item.name,
  template: formatReference(item.template),
  version: item.template.versionLabel,
  drifted: item.contentDigest !== item.templateDigest,
  updatedAt: item.updatedAt,
});
