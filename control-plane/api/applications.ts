/** Applications and their environments over HTTP. They belong to the account. */
import type { FastifyInstance } from 'fastify';
import { authorize, visible } from '../access/authorize.ts';
import { type DeleteTools, deleteEntity, noSuchApplication } from '../delete.ts';
import { account } from '../domain/scope.ts';
import { applicationDocument } from '../export.ts';
import { findApplication, listApplications } from '../store/applications.ts';
import { callerOf } from './caller.ts';
import { query, ScopeQuery } from './requests.ts';

type Named = { Params: { reference: string } };

export function applicationRoutes(api: FastifyInstance, tools: DeleteTools): void {
  const { database } = tools;

  api.get('/applications', async request => {
    // Said by commands that are in a scope; applications are in none but the account.
    query(ScopeQuery, request.query);
    authorize(callerOf(request), 'view', { scope: account });
    return { items: (await listApplications(database)).map(applicationDocument) };
  });

  api.get<Named>('/applications/:reference', async request => {
    query(ScopeQuery, request.query);
    const id = request.params.reference;
    const isVisible = visible(callerOf(request), { scope: account });
    const application = isVisible ? await findApplication(database, id) : undefined;
    if (!application) throw noSuchApplication(id);
    return { identifier: id, document: applicationDocument(application) };
  });

  api.delete<Named>('/applications/:reference', async request => {
    query(ScopeQuery, request.query);
    const id = request.params.reference;
    return { deleted: await deleteEntity(tools, callerOf(request), { kind: 'application', id }) };
  });
}
