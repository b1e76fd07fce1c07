/** Secrets in the store: references and, for the built-in manager, what is known of a value but not the value. */
import type { Generation, SecretType } from '../domain/entities.ts';
import type { Reference } from '../domain/reference.ts';
import { parseScope, type Scope } from '../domain/scope.ts';
import type { Database } from './database.ts';
import { generationOf, secretTypeOf } from './json.ts';
import type { Tables } from './tables.ts';

/** A row, its document parsed. */
export interface StoredSecret extends Reference {
  readonly uuid: string;
  readonly generation: Generation;
  readonly type: SecretType;
  readonly name: string;
  /** Undefined: the built-in secret manager. */
  readonly connector: Reference | undefined;
  readonly document: unknown;
  readonly revision: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type SecretRow = Omit<StoredSecret, 'revision' | 'createdAt' | 'updatedAt'>;

/**
 * Whose turn it is to change what entities refer to. No foreign key holds the secrets that others name, so whoever
 * names one and whoever deletes it must not look at the same time.
 */
export const referencesTurn = 'references between entities';

/** What names a secret: an entity of this kind. */
export interface SecretUser extends Reference {
  readonly kind: 'template' | 'connector' | 'secret';
}

export async function findSecret(database: Database, id: Reference): Promise<StoredSecret | undefined> {
  const row = await database
    .selectFrom('secrets')
    .selectAll()
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .executeTakeFirst();
  return row && toSecret(row);
}

export async function findSecretByUuid(database: Database, uuid: string): Promise<StoredSecret | undefined> {
  const row = await database.selectFrom('secrets').selectAll().where('uuid', '=', uuid).executeTakeFirst();
  return row && toSecret(row);
}

/** The secrets of a scope that have this name, compared exactly. */
export async function findSecretsByName(
  database: Database,
  scope: Scope,
  name: string,
): Promise<StoredSecret[]> {
  const rows = await database
    .selectFrom('secrets')
    .selectAll()
    .where('scope', '=', scope)
    .where('name', '=', name)
    .orderBy('created_at')
    .execute();
  return rows.map(toSecret);
}

/** The secrets of these scopes, the newest first. */
export async function listSecrets(database: Database, scopes: readonly Scope[]): Promise<StoredSecret[]> {
  if (scopes.length === 0) return [];
  const rows = await database
    .selectFrom('secrets')
    .selectAll()
    .where('scope', 'in', scopes)
    .orderBy('created_at', 'desc')
    .orderBy('uuid')
    .execute();
  return rows.map(toSecret);
}

/** The secrets of a connector. */
export async function secretsOf(database: Database, connector: Reference): Promise<StoredSecret[]> {
  const rows = await database
    .selectFrom('secrets')
    .selectAll()
    .where('connector_scope', '=', connector.scope)
    .where('connector_identifier', '=', connector.identifier)
    .orderBy('scope')
    .orderBy('identifier')
    .execute();
  return rows.map(toSecret);
}

export async function insertSecret(database: Database, secret: SecretRow, now: string): Promise<void> {
  const { scope, identifier } = secret;
  await database
    .insertInto('secrets')
    .values({ scope, identifier, created_at: now, revision: 1, ...columnsOf(secret), updated_at: now })
    .execute();
}

/** Writes over the row that was read. False when somebody else has changed it since then. */
export async function updateSecret(
  database: Database,
  secret: SecretRow & { readonly revision: number },
  now: string,
): Promise<boolean> {
  const { scope, identifier, revision } = secret;
  const result = await database
    .updateTable('secrets')
    .set({ ...columnsOf(secret), revision: revision + 1, updated_at: now })
    .where('scope', '=', scope)
    .where('identifier', '=', identifier)
    .where('revision', '=', revision)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function deleteSecret(database: Database, id: Reference): Promise<void> {
  await database
    .deleteFrom('secrets')
    .where('scope', '=', id.scope)
    .where('identifier', '=', id.identifier)
    .execute();
}

/** Who names this secret. */
export async function usersOfSecret(database: Database, id: Reference): Promise<SecretUser[]> {
  const rows = await database
    .selectFrom('secret_uses')
    .selectAll()
    .where('used_scope', '=', id.scope)
    .where('used_identifier', '=', id.identifier)
    .orderBy('user_kind')
    .orderBy('user_scope')
    .orderBy('user_identifier')
    .execute();
  return rows.flatMap(row => {
    const kind = row.user_kind;
    if (kind !== 'template' && kind !== 'connector' && kind !== 'secret') return [];
    return [{ kind, scope: parseScope(row.user_scope), identifier: row.user_identifier }];
  });
}

/** Which secrets an entity names from now on. They need not be there. */
export async function setSecretUses(
  database: Database,
  user: SecretUser,
  used: readonly Reference[],
): Promise<void> {
  await database
    .deleteFrom('secret_uses')
    .where('user_kind', '=', user.kind)
    .where('user_scope', '=', user.scope)
    .where('user_identifier', '=', user.identifier)
    .execute();
  for (const { scope, identifier } of used) {
    await database
      .insertInto('secret_uses')
      .values({
        used_scope: scope,
        used_identifier: identifier,
        user_kind: user.kind,
        user_scope: user.scope,
        user_identifier: user.identifier,
      })
      .onConflict(conflict => conflict.doNothing())
      .execute();
  }
}

function columnsOf({ uuid, generation, type, name, connector, document }: SecretRow) {
  return {
    uuid,
    generation,
    type,
    name,
    connector_scope: connector?.scope ?? null,
    connector_identifier: connector?.identifier ?? null,
    document: JSON.stringify(document),
  };
}

function toSecret(row: Tables['secrets']): StoredSecret {
  const { connector_scope: connectorScope, connector_identifier: connectorIdentifier } = row;
  return {
    scope: parseScope(row.scope),
    identifier: row.identifier,
    uuid: row.uuid,
    generation: generationOf(row.generation),
    type: secretTypeOf(row.type),
    name: row.name,
    connector:
      connectorScope === null || connectorIdentifier === null
        ? undefined
        : { scope: parseScope(connectorScope), identifier: connectorIdentifier },
    document: JSON.parse(row.document),
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
