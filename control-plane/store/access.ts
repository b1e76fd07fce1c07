/** Delegate tokens, of which only hashes are kept, and known delegates. */
import { newUuid } from '../domain/ids.ts';
import { parseScope, type Scope } from '../domain/scope.ts';
import type { Database } from './database.ts';
import { textList } from './json.ts';

export interface StoredToken {
  readonly name: string;
  /** Names that a delegate with this token may have; empty: any. */
  readonly delegateNames: readonly string[];
  /** Whom delegates with this token serve: the scope and everything below it. */
  readonly scope: Scope;
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
      scope: token.scope,
      created_at: now,
    })
    .onConflict(conflict => conflict.column('name').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export async function findToken(database: Database, hash: string): Promise<StoredToken | undefined> {
  const row = await database
    .selectFrom('delegate_tokens')
    .select(['name', 'delegate_names', 'scope'])
    .where('token_hash', '=', hash)
    .executeTakeFirst();
  return (
    row && {
      name: row.name,
      delegateNames: textList(row.delegate_names),
      scope: parseScope(row.scope),
    }
  );
}

/** A delegate as the store remembers it. */
export interface KnownDelegate {
  readonly name: string;
  /** That of the token with which it connected last. */
  readonly scope: Scope;
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
    scope: parseScope(row.scope),
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
    scope: delegate.scope,
    host_name: delegate.hostName,
    tags: JSON.stringify(delegate.tags),
    agent_version: delegate.agentVersion,
    last_connected_at: now,
    last_disconnected_at: null,
  };
  await database
    .insertInto('delegates')
    .values({
      name: delegate.name,
      uuid: newUuid(),
      status: 'ENABLED',
      include_scopes: '[]',
      exclude_scopes: '[]',
      first_connected_at: now,
      ...columns,
    })
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
