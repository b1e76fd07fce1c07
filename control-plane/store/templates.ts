/** Templates in the store: their versions, and what versions do, found by its digest. */
import { contentDigest } from '../domain/content-digest.ts';
import type { TemplateContent, TemplateVersion } from '../domain/entities.ts';
import { newUuid } from '../domain/ids.ts';
import type { Reference } from '../domain/reference.ts';
import { parseScope, type Scope } from '../domain/scope.ts';
import { readContent } from './content.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

export type TemplateId = Reference & { readonly versionLabel: string };

export interface StoredTemplate extends TemplateVersion {
  /** Of the template, the same for all of its versions. */
  readonly uuid: string;
  readonly contentDigest: string;
  /** 1 for the first version that was made. */
  readonly number: number;
  readonly stable: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A version; without a label the stable one. */
export async function findTemplate(
  database: Database,
  id: Reference & { readonly versionLabel?: string | undefined },
): Promise<StoredTemplate | undefined> {
  const { scope, identifier, versionLabel } = id;
  const query = versions(database)
    .where('version.scope', '=', scope)
    .where('version.identifier', '=', identifier);
  const row =
    versionLabel === undefined
      ? await query.whereRef('version.version_label', '=', 'template.stable_version').executeTakeFirst()
      : await query.where('version.version_label', '=', versionLabel).executeTakeFirst();
  return row && toTemplate(row);
}

/** The stable version of the template with this id. */
export async function findTemplateByUuid(
  database: Database,
  uuid: string,
): Promise<StoredTemplate | undefined> {
  const row = await versions(database)
    .where('template.uuid', '=', uuid)
    .whereRef('version.version_label', '=', 'template.stable_version')
    .executeTakeFirst();
  return row && toTemplate(row);
}

/** Every version of every template of these scopes, by identifier, the oldest version first. */
export async function listTemplates(database: Database, scopes: readonly Scope[]): Promise<StoredTemplate[]> {
  if (scopes.length === 0) return [];
  const rows = await versions(database)
    .where('version.scope', 'in', scopes)
    .orderBy('version.scope')
    .orderBy('version.identifier')
    .orderBy('version.number')
    .execute();
  return rows.map(toTemplate);
}

/** The version labels of a template, the latest first. */
export async function versionLabels(database: Database, id: Reference): Promise<string[]> {
  const rows = await database
    .selectFrom('template_versions')
    .select('version_label')
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .orderBy('number', 'desc')
    .execute();
  return rows.map(row => row.version_label);
}

/** Saves a version, new or changed. The first version of a template is its stable one. */
export async function saveTemplate(
  database: Database,
  template: TemplateVersion,
  now: string,
  uuid = newUuid(),
): Promise<void> {
  const { scope, identifier, versionLabel, name, content } = template;
  const digest = contentDigest(content);
  await database
    .insertInto('template_contents')
    .values({ digest, content: JSON.stringify(content), created_at: now })
    .onConflict(conflict => conflict.column('digest').doNothing())
    .execute();
  await database
    .insertInto('templates')
    .values({ scope, identifier, uuid, stable_version: versionLabel, created_at: now })
    .onConflict(conflict => conflict.columns(['scope', 'identifier']).doNothing())
    .execute();
  const latest = await database
    .selectFrom('template_versions')
    .select(query => query.fn.max('number').as('number'))
    .where('scope', '=', scope)
    .where('identifier', '=', identifier)
    .executeTakeFirst();
  const columns = {
    name,
    content_digest: digest,
    document: JSON.stringify(template.document),
    updated_at: now,
  };
  await database
    .insertInto('template_versions')
    .values({
      scope,
      identifier,
      version_label: versionLabel,
      number: Number(latest?.number ?? 0) + 1,
      created_at: now,
      ...columns,
    })
    .onConflict(conflict => conflict.columns(['scope', 'identifier', 'version_label']).doUpdateSet(columns))
    .execute();
}

export async function setStableVersion(database: Database, id: TemplateId): Promise<void> {
  await database
    .updateTable('templates')
    .set({ stable_version: id.versionLabel })
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .execute();
}

/** Deletes a version that nothing uses. When it was the stable one, the latest of the rest becomes it. */
export async function deleteTemplateVersion(database: Database, id: TemplateId): Promise<void> {
  await database
    .deleteFrom('template_versions')
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .where('version_label', '=', id.versionLabel)
    .execute();
  const [latest] = await versionLabels(database, id);
  const template = database
    .selectFrom('templates')
    .select('stable_version')
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier);
  if (latest === undefined) {
    await database
      .deleteFrom('templates')
      .where('scope', '=', id.scope)
      .where('identifier', '=', id.identifier)
      .execute();
  } else if ((await template.executeTakeFirst())?.stable_version === id.versionLabel) {
    await setStableVersion(database, { ...id, versionLabel: latest });
  }
  await dropUnpinnedContents(database);
}

/** Contents that no version and no connector names any more. */
export async function dropUnpinnedContents(database: Database): Promise<void> {
  await database
    .deleteFrom('template_contents')
    .where('digest', 'not in', database.selectFrom('template_versions').select('content_digest'))
    .where('digest', 'not in', database.selectFrom('connectors').select('content_digest'))
    .execute();
}

/** What a digest stands for. Throws where the store lost it, which its foreign keys don't allow. */
export async function findContent(database: Database, digest: string): Promise<TemplateContent> {
  const row = await database
    .selectFrom('template_contents')
    .select('content')
    .where('digest', '=', digest)
    .executeTakeFirstOrThrow();
  return readContent(row.content);
}

const versions = (database: Database) =>
  database
    .selectFrom('template_versions as version')
    .innerJoin('templates as template', join =>
      join
        .onRef('template.scope', '=', 'version.scope')
        .onRef('template.identifier', '=', 'version.identifier'),
    )
    .innerJoin('template_contents as content', 'content.digest', 'version.content_digest')
    .selectAll('version')
    .select(['template.uuid', 'template.stable_version', 'content.content']);

function toTemplate(
  row: Tables['template_versions'] &
    Pick<Tables['templates'], 'uuid' | 'stable_version'> & { readonly content: string },
): StoredTemplate {
  return {
    scope: parseScope(row.scope),
    identifier: row.identifier,
    versionLabel: row.version_label,
    name: row.name,
    content: readContent(row.content),
    document: JSON.parse(row.document),
    uuid: row.uuid,
    contentDigest: row.content_digest,
    number: row.number,
    stable: row.stable_version === row.version_label,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
