/** Connectors (custom secret managers) in the store. What their documents mean is read by others. */
import type { Generation } from '../domain/entities.ts';
import type { Reference } from '../domain/reference.ts';
import { parseScope, type Scope } from '../domain/scope.ts';
import type { Database } from './database.ts';
import { generationOf } from './json.ts';
import type { Tables } from './tables.ts';
import type { TemplateId } from './templates.ts';

/** A row, its document parsed. */
export interface StoredConnector extends Reference {
  readonly uuid: string;
  readonly generation: Generation;
  readonly name: string;
  readonly template: TemplateId;
  /** The content that runs. */
  readonly contentDigest: string;
  /** What the template version is now; where the two differ, the connector has drifted. */
  readonly templateDigest: string;
  readonly document: unknown;
  readonly revision: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What is written of a connector. */
export type ConnectorRow = Omit<StoredConnector, 'revision' | 'createdAt' | 'updatedAt' | 'templateDigest'>;

export async function findConnector(database: Database, id: Reference): Promise<StoredConnector | undefined> {
  const row = await connectors(database)
    .where('connector.scope', '=', id.scope)
    .where('connector.identifier', '=', id.identifier)
    .executeTakeFirst();
  return row && toConnector(row);
}

export async function findConnectorByUuid(
  database: Database,
  uuid: string,
): Promise<StoredConnector | undefined> {
  const row = await connectors(database).where('connector.uuid', '=', uuid).executeTakeFirst();
  return row && toConnector(row);
}

/** The connectors of these scopes, the newest first. */
export async function listConnectors(
  database: Database,
  scopes: readonly Scope[],
): Promise<StoredConnector[]> {
  if (scopes.length === 0) return [];
  const rows = await connectors(database)
    .where('connector.scope', 'in', scopes)
    .orderBy('connector.created_at', 'desc')
    .orderBy('connector.uuid')
    .execute();
  return rows.map(toConnector);
}

/** The connectors that pin a template version; without a label, any version of it. */
export async function connectorsOf(
  database: Database,
  id: Reference & { readonly versionLabel?: string | undefined },
): Promise<StoredConnector[]> {
  let query = connectors(database)
    .where('connector.template_scope', '=', id.scope)
    .where('connector.template_identifier', '=', id.identifier);
  if (id.versionLabel !== undefined)
    query = query.where('connector.template_version_label', '=', id.versionLabel);
  const rows = await query.orderBy('connector.scope').orderBy('connector.identifier').execute();
  return rows.map(toConnector);
}

export async function insertConnector(
  database: Database,
  connector: ConnectorRow,
  now: string,
): Promise<void> {
  const { scope, identifier } = connector;
  await database
    .insertInto('connectors')
    .values({ scope, identifier, created_at: now, revision: 1, ...columnsOf(connector), updated_at: now })
    .execute();
}

/** Writes over the row that was read. False when somebody else has changed it since then. */
export async function updateConnector(
  database: Database,
  connector: ConnectorRow & { readonly revision: number },
  now: string,
): Promise<boolean> {
  const { scope, identifier, revision } = connector;
  const result = await database
    .updateTable('connectors')
    .set({ ...columnsOf(connector), revision: revision + 1, updated_at: now })
    .where('scope', '=', scope)
    .where('identifier', '=', identifier)
    .where('revision', '=', revision)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function deleteConnector(database: Database, id: Reference): Promise<void> {
  await database
    .deleteFrom('connectors')
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .execute();
}

function columnsOf({ uuid, generation, name, template, contentDigest, document }: ConnectorRow) {
  return {
    uuid,
    generation,
    name,
    template_scope: template.scope,
    template_identifier: template.identifier,
    template_version_label: template.versionLabel,
    content_digest: contentDigest,
    document: JSON.stringify(document),
  };
}

const connectors = (database: Database) =>
  database
    .selectFrom('connectors as connector')
    .innerJoin('template_versions as version', join =>
      join
        .onRef('version.scope', '=', 'connector.template_scope')
        .onRef('version.identifier', '=', 'connector.template_identifier')
        .onRef('version.version_label', '=', 'connector.template_version_label'),
    )
    .selectAll('connector')
    .select('version.content_digest as template_digest');

function toConnector(row: Tables['connectors'] & { readonly template_digest: string }): StoredConnector {
  return {
    scope: parseScope(row.scope),
    identifier: row.identifier,
    uuid: row.uuid,
    generation: generationOf(row.generation),
    name: row.name,
    template: {
      scope: parseScope(row.template_scope),
      identifier: row.template_identifier,
      versionLabel: row.template_version_label,
    },
    contentDigest: row.content_digest,
    templateDigest: row.template_digest,
    document: JSON.parse(row.document),
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
