/** Documents over HTTP: in by `apply`, out by `export`. */
import type { FastifyInstance } from 'fastify';
import type { ApiKeys } from '../access/api-keys.ts';
import { type ApplyTools, applyDocuments } from '../apply.ts';
import { exportDocuments } from '../export.ts';
import { callerOf } from './caller.ts';
import { hangUpSignal } from './fetch.ts';
import { scopeFor } from './place.ts';
import { ApplyRequest, body, ExportQuery, query } from './requests.ts';

export function documentRoutes(api: FastifyInstance, tools: ApplyTools & { readonly keys: ApiKeys }): void {
  api.post('/apply', async (request, reply) => {
    const asked = body(ApplyRequest, request.body);
    const caller = callerOf(request);
    const sources = asked.sources.map(({ name, text, files = {} }) => ({
      name,
      text,
      files: new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data, 'base64')])),
    }));
    const applied = await applyDocuments(tools, {
      sources,
      dryRun: asked.dryRun === true,
      accept: asked.accept === true,
      skipTests: asked.skipTests === true,
      caller,
      signal: hangUpSignal(reply, end => tools.keys.whenEnded(caller, end)),
    });
    return { applied };
  });

  api.get('/export', async request => {
    const asked = query(ExportQuery, request.query);
    return exportDocuments(tools.database, scopeFor(request, asked), asked.recursive === 'true');
  });
}
