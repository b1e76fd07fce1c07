/** Delegates that have been here. */
import { newUuid } from '../domain/ids.ts';
import { parseScope, type Scope } from '../domain/scope.ts';
import type { Database } from './database.ts';
import { textList } from './json.ts';

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
