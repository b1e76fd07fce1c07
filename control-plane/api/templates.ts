/** Templates over HTTP. */
import type { FastifyInstance } from 'fastify';
import { authorizeFound, visible } from '../access/authorize.ts';
import { audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import { type DeleteTools, deleteEntity } from '../delete.ts';
import { formatReference } from '../domain/reference.ts';
import { versionReference } from '../export.ts';
import { noSuchTemplate } from '../load.ts';
import {
  findTemplate,
  listTemplates,
  type StoredTemplate,
  setStableVersion,
  versionLabels,
} from '../store/templates.ts';
import { diffTemplates, shownInput } from '../template-diff.ts';
import { callerOf } from './caller.ts';
import { referenceOf, scopeFor } from './place.ts';
import { body, DiffQuery, query, SearchQuery, StableRequest, VersionQuery } from './requests.ts';

type Named = { Params: { reference: string } };

export function templateRoutes(api: FastifyInstance, tools: DeleteTools): void {
  const { database, audit, clock } = tools;

  api.get('/templates', async request => {
    const asked = query(SearchQuery, request.query);
    const part = asked.search?.toLowerCase();
    const found = await listTemplates(database, [scopeFor(request, asked)]);
    const isFound = ({ name, identifier }: StoredTemplate) =>
      part === undefined || [name, identifier].some(text => text.toLowerCase().includes(part));
    return { items: found.filter(isFound).map(listed) };
  });

  api.get<Named>('/templates/:reference', async request => {
    const asked = query(VersionQuery, request.query);
    const id = referenceOf(request.params.reference, asked);
    const { versionLabel } = asked;
    const none = noSuchTemplate({ ...id, versionLabel });
    if (!visible(callerOf(request), id)) throw none;
    const template = await findTemplate(database, { ...id, versionLabel });
    if (!template) throw none;
    return { ...shown(template), versions: await versionLabels(database, id) };
  });

  api.get<Named>('/templates/:reference/diff', async request => {
    const { from, to, ...place } = query(DiffQuery, request.query);
    const id = referenceOf(request.params.reference, place);
    return diffTemplates(database, callerOf(request), { id, from, to });
  });

  api.delete<Named>('/templates/:reference', async request => {
    const { versionLabel, ...place } = query(VersionQuery, request.query);
    const id = { ...referenceOf(request.params.reference, place), versionLabel };
    return { deleted: await deleteEntity(tools, callerOf(request), { kind: 'template', id }) };
  });

  api.post('/templates/stable', async request => {
    const { template, versionLabel, ...place } = body(StableRequest, request.body);
    const caller = callerOf(request);
    const id = { ...referenceOf(template, place), versionLabel };
    const reference = versionReference(id);
    const about = { ...by(caller), action: 'template.stable', subject: reference, scope: id.scope };
    return audited(audit, clock, about, async ({ id: requestId }) => {
      await database.transaction().execute(async transaction => {
        const none = () => noSuchTemplate(id);
        if (!(await findTemplate(transaction, id))) throw none();
        authorizeFound(caller, 'edit', id, none);
        await setStableVersion(transaction, id);
        await audit.recordIn(transaction, [
          { ...about, type: 'change', id: requestId, outcome: 'succeeded' },
        ]);
      });
      await audit.flush();
      return { reference };
    });
  });
}

const listed = (item: StoredTemplate) => ({
  identifier: formatReference(item),
  name: item.name,
  version: item.versionLabel,
  stable: item.stable,
  inputs: item.content.inputs.map(({ name }) => name),
  updatedAt: item.updatedAt,
});

function shown(template: StoredTemplate) {
  const { script, inputs, program, syntax } = template.content;
  return {
    reference: formatReference(template),
    name: template.name,
    uuid: template.uuid,
    versionLabel: template.versionLabel,
    stable: template.stable,
    syntax,
    script,
    inputs: inputs.map(input => ({ ...shownInput(input), fixed: input.value.kind === 'fixed' })),
    program: { text: program.text, digest: program.digest },
    contentDigest: template.contentDigest,
    createdAt: template.createdAt,
    updatedAt: template.updatedAt,
    document: template.document,
  };
}
