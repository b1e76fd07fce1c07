/** API keys in the store: who may do what, and the hashes of what they are recognised by. */
import { type Grant, roles } from '../domain/permissions.ts';
import { parseScope } from '../domain/scope.ts';
import { type Database, forUpdate } from './database.ts';

export interface StoredKey {
  readonly id: string;
  readonly name: string;
  readonly grants: readonly Grant[];
  /** The name of the key that made it. */
  readonly createdBy: string;
  readonly createdAt: string;
}

/** What a key is recognised by. Times are ISO 8601 in UTC with milliseconds, so that they compare as texts. */
export interface StoredCredential {
  readonly hash: string;
  readonly createdAt: string;
  readonly expiresAt: string | undefined;
  readonly lastUsedAt: string | undefined;
}

export interface KeyWithCredentials extends StoredKey {
  readonly revokedAt: string | undefined;
  /** The newest first. */
  readonly credentials: readonly StoredCredential[];
}

export async function countApiKeys(database: Database): Promise<number> {
  const row = await database
    .selectFrom('api_keys')
    .select(query => query.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Saves a key with its first credential, in a transaction. False when there is, or was, one of that name. */
export async function saveApiKey(
  transaction: Database,
  key: StoredKey & { hash: string; expiresAt: string | undefined },
): Promise<boolean> {
  const saved = await transaction
    .insertInto('api_keys')
    .values({
      id: key.id,
      name: key.name,
      grants: JSON.stringify(key.grants),
      created_by: key.createdBy,
      created_at: key.createdAt,
    })
    .onConflict(conflict => conflict.column('name').doNothing())
    .executeTakeFirst();
  if (saved.numInsertedOrUpdatedRows !== 1n) return false;
  await insertCredential(transaction, key.id, key);
  return true;
}

async function insertCredential(
  database: Database,
  keyId: string,
  { hash, createdAt, expiresAt }: Omit<StoredCredential, 'lastUsedAt'>,
): Promise<void> {
  await database
    .insertInto('api_key_credentials')
    .values({ key_hash: hash, key_id: keyId, created_at: createdAt, expires_at: expiresAt ?? null })
    .execute();
}

export interface FoundKey {
  readonly id: string;
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly lastUsedAt: string | undefined;
}

/** The key whose credential has this hash; undefined for an unknown one and for one that counts no more. */
export async function findApiKey(
  database: Database,
  hash: string,
  now: string,
): Promise<FoundKey | undefined> {
  const row = await database
    .selectFrom('api_key_credentials as credential')
    .innerJoin('api_keys as key', 'key.id', 'credential.key_id')
    .select(['key.id', 'key.name', 'key.grants', 'credential.last_used_at'])
    .where('credential.key_hash', '=', hash)
    .where('key.revoked_at', 'is', null)
    .where(where =>
      where.or([where('credential.expires_at', 'is', null), where('credential.expires_at', '>', now)]),
    )
    .executeTakeFirst();
  return (
    row && {
      id: row.id,
      name: row.name,
      grants: readGrants(row.grants),
      lastUsedAt: row.last_used_at ?? undefined,
    }
  );
}

/** All keys by name, those that were revoked too. */
export async function listApiKeys(database: Database): Promise<KeyWithCredentials[]> {
  return keysWith(database, await database.selectFrom('api_keys').selectAll().orderBy('name').execute());
}

export async function findApiKeyByName(
  database: Database,
  name: string,
): Promise<KeyWithCredentials | undefined> {
  const rows = await database.selectFrom('api_keys').selectAll().where('name', '=', name).execute();
  return (await keysWith(database, rows))[0];
}

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly grants: string;
  readonly created_by: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
}

async function keysWith(database: Database, rows: readonly KeyRow[]): Promise<KeyWithCredentials[]> {
  const query = database.selectFrom('api_key_credentials').selectAll().orderBy('created_at', 'desc');
  const [only] = rows;
  // One key's, or everybody's: never a list of ids as long as the table.
  const credentials = await (only && rows.length === 1
    ? query.where('key_id', '=', only.id)
    : query
  ).execute();
  const byKey = Map.groupBy(credentials, ({ key_id }) => key_id);
  return rows.map(row => ({
    id: row.id,
    name: row.name,
    grants: readGrants(row.grants),
    createdBy: row.created_by,
    createdAt: row.created_at,
    revokedAt: row.revoked_at ?? undefined,
    credentials: (byKey.get(row.id) ?? []).map(credential => ({
      hash: credential.key_hash,
      createdAt: credential.created_at,
      expiresAt: credential.expires_at ?? undefined,
      lastUsedAt: credential.last_used_at ?? undefined,
    })),
  }));
}

/**
 * Gives a key one more credential, and its others until `othersEndAt`, where they do not end before. False when
 * the key was revoked meanwhile.
 */
export async function addCredential(
  database: Database,
  keyId: string,
  credential: Omit<StoredCredential, 'lastUsedAt'>,
  othersEndAt: string,
): Promise<boolean> {
  return database.transaction().execute(async transaction => {
    const key = transaction.selectFrom('api_keys').select('id').where('id', '=', keyId);
    const alive = await forUpdate(transaction, key.where('revoked_at', 'is', null)).executeTakeFirst();
    if (!alive) return false;
    await transaction
      .updateTable('api_key_credentials')
      .set({ expires_at: othersEndAt })
      .where('key_id', '=', keyId)
      .where(where => where.or([where('expires_at', 'is', null), where('expires_at', '>', othersEndAt)]))
      .execute();
    await insertCredential(transaction, keyId, credential);
    return true;
  });
}

/** For good. The row stays, so that its name always means this key. */
export async function saveRevoked(database: Database, keyId: string, now: string): Promise<void> {
  await database
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('id', '=', keyId)
    .where('revoked_at', 'is', null)
    .execute();
}

export async function saveLastUsed(database: Database, hash: string, now: string): Promise<void> {
  await database
    .updateTable('api_key_credentials')
    .set({ last_used_at: now })
    .where('key_hash', '=', hash)
    .execute();
}

/** Checked, not cast: damage must not become a right. */
function readGrants(json: string): Grant[] {
  const data: unknown = JSON.parse(json);
  if (!Array.isArray(data)) throw damaged();
  return data.map(readGrant);
}

function readGrant(data: unknown): Grant {
  if (typeof data !== 'object' || data === null) throw damaged();
  const { role: name, scope, ...narrowing }: Record<string, unknown> = { ...data };
  const role = roles.find(known => known === name);
  if (!role || typeof scope !== 'string') throw damaged();
  const grant: { -readonly [Field in keyof Grant]: Grant[Field] } = { role, scope: parseScope(scope) };
  for (const [field, value] of Object.entries(narrowing)) {
    // What narrows a grant in a way that this version does not know must not be left out.
    if ((field !== 'connector' && field !== 'secret') || typeof value !== 'string') throw damaged();
    grant[field] = value;
  }
  return grant;
}

const damaged = () => new Error('the store holds a list of grants that is none');
