/** Delegate tokens in the store: what each allows, and the hashes of what it is recognised by. */
import type { Selectable } from 'kysely';
import { parseScope, type Scope } from '../domain/scope.ts';
import { type Database, forUpdate } from './database.ts';
import { textList } from './json.ts';
import type { Tables } from './tables.ts';

/** Times are ISO 8601 in UTC with milliseconds, so that they compare as texts. */
export interface StoredToken {
  readonly id: string;
  readonly name: string;
  /** Whom delegates with this token serve: the scope and everything below it. */
  readonly scope: Scope;
  /** Names that a delegate with this token may have; empty: any. */
  readonly delegateNames: readonly string[];
  /** Tags that a delegate with this token may claim; empty: any. */
  readonly tags: readonly string[];
  /** Addresses and networks from which it counts; empty: any. */
  readonly networks: readonly string[];
  /** How long a credential of it lasts. */
  readonly lifetimeS: number | undefined;
  /** Its delegates are asked to replace a credential before it ends. */
  readonly renews: boolean;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly revokedAt: string | undefined;
  readonly drainUntil: string | undefined;
  readonly rotationAskedAt: string | undefined;
  readonly rotationOverlapS: number | undefined;
}

export interface TokenCredential {
  readonly hash: string;
  readonly createdAt: string;
  readonly expiresAt: string | undefined;
  readonly firstUsedAt: string | undefined;
  readonly lastUsedAt: string | undefined;
  /** The hash of the one whose place it takes with its first use; `*`: all others. */
  readonly replaces: string | undefined;
  readonly overlapS: number | undefined;
}

export interface TokenWithCredentials extends StoredToken {
  /** The newest first. */
  readonly credentials: readonly TokenCredential[];
}

export type NewToken = Omit<StoredToken, 'revokedAt' | 'drainUntil' | 'rotationAskedAt' | 'rotationOverlapS'>;
export type NewCredential = Pick<
  TokenCredential,
  'hash' | 'createdAt' | 'expiresAt' | 'replaces' | 'overlapS'
>;

/** Saves a token with its first credential, in a transaction. False when there is, or was, one of that name. */
export async function saveToken(
  transaction: Database,
  token: NewToken,
  { hash, expiresAt }: Pick<TokenCredential, 'hash' | 'expiresAt'>,
): Promise<boolean> {
  const result = await transaction
    .insertInto('delegate_tokens')
    .values({
      id: token.id,
      name: token.name,
      scope: token.scope,
      delegate_names: JSON.stringify(token.delegateNames),
      tags: JSON.stringify(token.tags),
      networks: JSON.stringify(token.networks),
      lifetime_s: token.lifetimeS ?? null,
      renews: token.renews ? 1 : 0,
      created_by: token.createdBy,
      created_at: token.createdAt,
    })
    .onConflict(conflict => conflict.column('name').doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows !== 1n) return false;
  const credential = {
    hash,
    createdAt: token.createdAt,
    expiresAt,
    replaces: undefined,
    overlapS: undefined,
  };
  await saveCredential(transaction, token.id, credential);
  return true;
}

/** Keeps one more credential of a token. False where its hash is there already. */
export async function saveCredential(
  database: Database,
  tokenId: string,
  { hash, createdAt, expiresAt, replaces, overlapS }: NewCredential,
): Promise<boolean> {
  const result = await database
    .insertInto('delegate_token_credentials')
    .values({
      token_hash: hash,
      token_id: tokenId,
      created_at: createdAt,
      expires_at: expiresAt ?? null,
      replaces: replaces ?? null,
      overlap_s: overlapS ?? null,
    })
    .onConflict(conflict => conflict.column('token_hash').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export interface FoundToken {
  readonly token: StoredToken;
  readonly credential: TokenCredential;
}

/** The token whose credential has this hash, also one that counts no more. */
export async function findToken(database: Database, hash: string): Promise<FoundToken | undefined> {
  const row = await database
    .selectFrom('delegate_token_credentials')
    .selectAll()
    .where('token_hash', '=', hash)
    .executeTakeFirst();
  const token = row && (await findTokenBy(database, 'id', row.token_id));
  return token && { token, credential: credentialOf(row) };
}

/** The same in a transaction that is going to change the token or its credentials. */
export async function lockToken(transaction: Database, id: string): Promise<StoredToken | undefined> {
  const query = transaction.selectFrom('delegate_tokens').selectAll().where('id', '=', id);
  const row = await forUpdate(transaction, query).executeTakeFirst();
  return row && tokenOf(row);
}

/** All tokens by name, those that were revoked too. */
export async function listTokens(database: Database): Promise<TokenWithCredentials[]> {
  const rows = await database.selectFrom('delegate_tokens').selectAll().orderBy('name').execute();
  const credentials = await database
    .selectFrom('delegate_token_credentials')
    .selectAll()
    .orderBy('created_at', 'desc')
    .execute();
  const byToken = Map.groupBy(credentials, ({ token_id }) => token_id);
  return rows.map(row => ({ ...tokenOf(row), credentials: (byToken.get(row.id) ?? []).map(credentialOf) }));
}

export async function findTokenBy(
  database: Database,
  column: 'id' | 'name',
  text: string,
): Promise<StoredToken | undefined> {
  const row = await database
    .selectFrom('delegate_tokens')
    .selectAll()
    .where(column, '=', text)
    .executeTakeFirst();
  return row && tokenOf(row);
}

function tokenOf(row: Selectable<Tables['delegate_tokens']>): StoredToken {
  return {
    id: row.id,
    name: row.name,
    scope: parseScope(row.scope),
    delegateNames: textList(row.delegate_names),
    tags: textList(row.tags),
    networks: textList(row.networks),
    lifetimeS: row.lifetime_s ?? undefined,
    renews: row.renews !== 0,
    createdBy: row.created_by,
    createdAt: row.created_at,
    revokedAt: row.revoked_at ?? undefined,
    drainUntil: row.drain_until ?? undefined,
    rotationAskedAt: row.rotation_asked_at ?? undefined,
    rotationOverlapS: row.rotation_overlap_s ?? undefined,
  };
}

function credentialOf(row: Selectable<Tables['delegate_token_credentials']>): TokenCredential {
  return {
    hash: row.token_hash,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    firstUsedAt: row.first_used_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    replaces: row.replaces ?? undefined,
    overlapS: row.overlap_s ?? undefined,
  };
}
