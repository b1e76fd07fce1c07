/** Templates, connectors and secrets in the store: free functions that take the database. */
import type { Connector, Program, Secret, TemplateVersion } from '../domain/entities.ts';
import type { DeclaredInput } from '../domain/inputs.ts';
import type { Reference, Scope } from '../domain/reference.ts';
import type { Database } from './database.ts';
import { textList } from './json.ts';

/** What a write did. */
export type Change = 'created' | 'changed' | 'unchanged';

/** A stored document, and what the columns say that the document does not. */
export interface Stored<Columns> {
  readonly document: unknown;
  readonly columns: Columns;
}

export interface TemplateColumns {
  readonly name: string;
  readonly script: string;
  readonly inputs: readonly DeclaredInput[];
  readonly program: Program;
}

type TemplateId = Reference & { readonly versionLabel: string };

export async function findTemplate(
  database: Database,
  id: TemplateId,
): Promise<Stored<TemplateColumns> | undefined> {
  const row = await database
    .selectFrom('templates')
    .selectAll()
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .where('version_label', '=', id.versionLabel)
    .executeTakeFirst();
  if (!row) return undefined;
  const program = { text: row.program, digest: row.program_digest, inputs: textList(row.program_inputs) };
  const columns = { name: row.name, script: row.script, inputs: declaredInputs(row.inputs), program };
  return { document: JSON.parse(row.document), columns };
}

export async function saveTemplate(
  database: Database,
  template: TemplateVersion,
  now: string,
): Promise<void> {
  const { program } = template;
  const columns = {
    name: template.name,
    script: template.script,
    inputs: JSON.stringify(template.inputs),
    program: program.text,
    program_digest: program.digest,
    program_inputs: JSON.stringify(program.inputs),
    document: JSON.stringify(template.document),
    updated_at: now,
  };
  const { scope, identifier, versionLabel } = template;
  await database
    .insertInto('templates')
    .values({ scope, identifier, version_label: versionLabel, created_at: now, ...columns })
    .onConflict(conflict => conflict.columns(['scope', 'identifier', 'version_label']).doUpdateSet(columns))
    .execute();
}

/** The version labels of a template, the latest first. */
export async function versionLabels(database: Database, id: Reference): Promise<string[]> {
  const rows = await database
    .selectFrom('templates')
    .select('version_label')
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .orderBy('created_at', 'desc')
    .orderBy('version_label', 'desc')
    .execute();
  return rows.map(row => row.version_label);
}

/** The connectors that pin a template version. */
export async function connectorsOf(database: Database, id: TemplateId): Promise<string[]> {
  const rows = await database
    .selectFrom('connectors')
    .select('identifier')
    .where('template_scope', '=', id.scope)
    .where('template_identifier', '=', id.identifier)
    .where('template_version_label', '=', id.versionLabel)
    .orderBy('identifier')
    .execute();
  return rows.map(row => row.identifier);
}

/** The document of a connector; undefined when there is none. */
export async function findConnectorDocument(database: Database, id: Reference): Promise<unknown> {
  return findDocument(database, 'connectors', id);
}

/** The document of a secret; undefined when there is none. */
export async function findSecretDocument(database: Database, id: Reference): Promise<unknown> {
  return findDocument(database, 'secrets', id);
}

async function findDocument(
  database: Database,
  table: 'connectors' | 'secrets',
  id: Reference,
): Promise<unknown> {
  const row = await database
    .selectFrom(table)
    .select('document')
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .executeTakeFirst();
  return row && JSON.parse(row.document);
}

export async function saveConnector(database: Database, connector: Connector, now: string): Promise<void> {
  const columns = {
    template_scope: connector.template.scope,
    template_identifier: connector.template.identifier,
    template_version_label: connector.template.versionLabel,
    document: JSON.stringify(connector.document),
    updated_at: now,
  };
  const { scope, identifier } = connector;
  await database
    .insertInto('connectors')
    .values({ scope, identifier, created_at: now, ...columns })
    .onConflict(conflict => conflict.columns(['scope', 'identifier']).doUpdateSet(columns))
    .execute();
}

export async function saveSecret(database: Database, secret: Secret, now: string): Promise<void> {
  const columns = {
    connector_scope: secret.connector.scope,
    connector_identifier: secret.connector.identifier,
    document: JSON.stringify(secret.document),
    updated_at: now,
  };
  const { scope, identifier } = secret;
  await database
    .insertInto('secrets')
    .values({ scope, identifier, created_at: now, ...columns })
    .onConflict(conflict => conflict.columns(['scope', 'identifier']).doUpdateSet(columns))
    .execute();
}

/** A row of `legate get`. */
export interface Listed {
  readonly identifier: string;
  readonly updatedAt: string;
  /** The kind's own columns, in order. */
  readonly facts: Readonly<Record<string, string>>;
}

export async function listTemplates(database: Database, scope: Scope): Promise<Listed[]> {
  const rows = await database
    .selectFrom('templates')
    .select(['identifier', 'version_label', 'name', 'inputs', 'updated_at'])
    .where('scope', '=', scope)
    .orderBy('identifier')
    .orderBy('version_label')
    .execute();
  return rows.map(row => ({
    identifier: row.identifier,
    updatedAt: row.updated_at,
    facts: {
      version: row.version_label,
      inputs: declaredInputs(row.inputs)
        .map(({ name }) => name)
        .join(', '),
    },
  }));
}

export async function listConnectors(database: Database, scope: Scope): Promise<Listed[]> {
  const rows = await database
    .selectFrom('connectors')
    .selectAll()
    .where('scope', '=', scope)
    .orderBy('identifier')
    .execute();
  return rows.map(row => ({
    identifier: row.identifier,
    updatedAt: row.updated_at,
    facts: {
      template: `${row.template_scope}.${row.template_identifier}`,
      version: row.template_version_label,
    },
  }));
}

export async function listSecrets(database: Database, scope: Scope): Promise<Listed[]> {
  const rows = await database
    .selectFrom('secrets')
    .selectAll()
    .where('scope', '=', scope)
    .orderBy('identifier')
    .execute();
  return rows.map(row => ({
    identifier: row.identifier,
    updatedAt: row.updated_at,
    facts: { connector: `${row.connector_scope}.${row.connector_identifier}` },
  }));
}

// Checked, not cast: a cast would not notice a damaged file.
function declaredInputs(json: string): DeclaredInput[] {
  const data: unknown = JSON.parse(json);
  if (!Array.isArray(data)) throw new Error('the store holds a list of inputs that is none');
  return data.map((item: unknown) => {
    if (typeof item !== 'object' || item === null || !('name' in item) || typeof item.name !== 'string') {
      throw new Error('the store holds an input without a name');
    }
    const fixed = 'fixed' in item && typeof item.fixed === 'string' ? item.fixed : undefined;
    return { name: item.name, fixed };
  });
}
