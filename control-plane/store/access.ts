/** API keys, delegate tokens and known delegates in the store. Of keys and tokens only hashes are kept. */
import type { Database } from './database.ts';
import { textList } from './json.ts';

export interface StoredToken {
  readonly name: string;
  /** Names that a delegate with this token may have; empty: any. */
  readonly delegateNames: readonly string[];
}

export async function countApiKeys(database: Database): Promise<number> {
  const row = await database
    .selectFrom('api_keys')
    .select(query => query.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function saveApiKey(
  database: Database,
  key: { id: string; name: string; hash: string },
  now: string,
): Promise<void> {
  await database
    .insertInto('api_keys')
    .values({ id: key.id, name: key.name, key_hash: key.hash, created_at: now })
    .execute();
}

/** The name of the key with this hash. */
export async function findApiKey(database: Database, hash: string): Promise<{ name: string } | undefined> {
  return database.selectFrom('api_keys').select('name').where('key_hash', '=', hash).executeTakeFirst();
}

/** Saves a token. False when there is one of that name already. */
export async function saveToken(
  database: Database,
  token: StoredToken & { id: string; hash: string },
  now: string,
): Promise<boolean> {
  const result = await database
    .insertInto('delegate_tokens')
    .values({
      id: token.id,
      name: token.name,
      token_hash: token.hash,
      delegate_names: JSON.stringify(token.delegateNames),
      created_at: now,
    })
    .onConflict(conflict => conflict.column('name').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export async function findToken(database: Database, hash: string): Promise<StoredToken | undefined> {
  const row = await database
    .selectFrom('delegate_tokens')
    .select(['name', 'delegate_names'])
    .where('token_hash', '=', hash)
    .executeTakeFirst();
  return row && { name: row.name, delegateNames: textList(row.delegate_names) };
}

/** A delegate as the store remembers it. */
export interface KnownDelegate {
  readonly name: string;
  readonly hostName: string;
  readonly tags: readonly string[];
  readonly agentVersion: string;
  /** ISO 8601; undefined when nobody saw it leave. */
  readonly lastDisconnectedAt: string | undefined;
}

export async function listKnownDelegates(database: Database): Promise<KnownDelegate[]> {
  const rows = await database.selectFrom('delegates').selectAll().orderBy('name').execute();
  return rows.map(row => ({
    name: row.name,
    hostName: row.host_name,
    tags: textList(row.tags),
    agentVersion: row.agent_version,
    lastDisconnectedAt: row.last_disconnected_at ?? row.last_connected_at,
  }));
}

export async function saveDelegateJoined(
  database: Database,
  delegate: Omit<KnownDelegate, 'lastDisconnectedAt'>,
  now: string,
): Promise<void> {
  const columns = {
    host_name: delegate.hostName,
    tags: JSON.stringify(delegate.tags),
    agent_version: delegate.agentVersion,
    last_connected_at: now,
    last_disconnected_at: null,
  };
  await database
    .insertInto('delegates')
    .values({ name: delegate.name, first_connected_at: now, ...columns })
    .onConflict(conflict => conflict.column('name').doUpdateSet(columns))
    .execute();
}

export async function saveDelegateLeft(database: Database, name: string, now: string): Promise<void> {
  await database
    .updateTable('delegates')
    .set({ last_disconnected_at: now })
    .where('name', '=', name)
    .execute();
}
