/** Secrets over HTTP: what is known of them. A value of the built-in manager is never there. */
import type { FastifyInstance } from 'fastify';
import { visible } from '../access/authorize.ts';
import { type DeleteTools, deleteEntity } from '../delete.ts';
import type { Roster } from '../dispatch/roster.ts';
import { builtInManager } from '../domain/built-in-manager.ts';
import { formatReference } from '../domain/reference.ts';
import { explainSecret } from '../explain.ts';
import { noSuchSecret } from '../load.ts';
import { findSecret, listSecrets, type StoredSecret, usersOfSecret } from '../store/secrets.ts';
import { callerOf } from './caller.ts';
import { byIdentifier, referenceOf, scopeFor } from './place.ts';
import { query, ScopeQuery } from './requests.ts';

type Named = { Params: { reference: string } };

export function secretRoutes(api: FastifyInstance, tools: DeleteTools & { readonly roster: Roster }): void {
  const { database } = tools;

  api.get('/secrets', async request => {
    const scope = scopeFor(request, query(ScopeQuery, request.query));
    return { items: byIdentifier(await listSecrets(database, [scope])).map(listed) };
  });

  api.get<Named>('/secrets/:reference', async request => {
    const id = referenceOf(request.params.reference, query(ScopeQuery, request.query));
    const caller = callerOf(request);
    const target = { scope: id.scope, secret: formatReference(id) };
    const stored = visible(caller, target) ? await findSecret(database, id) : undefined;
    if (!stored) throw noSuchSecret(id);
    const users = (await usersOfSecret(database, id))
      .map(user => ({ ...user, reference: formatReference(user) }))
      .filter(({ kind, scope, reference }) => visible(caller, { scope, [kind]: reference }));
    return {
      ...listed(stored),
      uuid: stored.uuid,
      generation: stored.generation,
      createdAt: stored.createdAt,
      usedBy: users.map(({ kind, reference }) => `${kind} ${reference}`),
      document: stored.document,
    };
  });

  api.get<Named>('/secrets/:reference/explain', async request => {
    const id = referenceOf(request.params.reference, query(ScopeQuery, request.query));
    return explainSecret(tools, callerOf(request), id);
  });

  api.delete<Named>('/secrets/:reference', async request => {
    const id = referenceOf(request.params.reference, query(ScopeQuery, request.query));
    return { deleted: await deleteEntity(tools, callerOf(request), { kind: 'secret', id }) };
  });
}

const listed = (item: StoredSecret) => ({
  identifier: formatReference(item),
  name: item.name,
  type: item.type,
  connector: item.connector ? formatReference(item.connector) : builtInManager,
  updatedAt: item.updatedAt,
});
