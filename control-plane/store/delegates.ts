/** Delegates as administrators see them: their ids, what was decided about them, and FirstGen's scopes. */
import type { Selectable } from 'kysely';
import { parseScope, type Scope } from '../domain/scope.ts';
import type { Database } from './database.ts';
import { textList } from './json.ts';
import type { Tables } from './tables.ts';

export type DelegateStatus = 'ENABLED' | 'WAITING_FOR_APPROVAL' | 'DELETED';

export interface DelegateRow {
  readonly name: string;
  readonly uuid: string;
  readonly scope: Scope;
  readonly status: DelegateStatus;
  readonly hostName: string;
  readonly tags: readonly string[];
  readonly agentVersion: string;
  /** Names of delegate scopes. */
  readonly includeScopes: readonly string[];
  readonly excludeScopes: readonly string[];
  readonly firstConnectedAt: string;
  readonly lastConnectedAt: string;
  readonly lastDisconnectedAt: string | undefined;
  /** When an operator drained it, ISO 8601; undefined: it gets tasks. */
  readonly drainedAt: string | undefined;
}

/** The newest first. */
export async function listDelegateRows(database: Database): Promise<DelegateRow[]> {
  const rows = await database
    .selectFrom('delegates')
    .selectAll()
    .orderBy('first_connected_at', 'desc')
    .orderBy('name')
    .execute();
  return rows.map(delegateRow);
}

/** Undefined where none of that name has ever connected. */
export async function findDelegateRow(database: Database, name: string): Promise<DelegateRow | undefined> {
  const row = await database.selectFrom('delegates').selectAll().where('name', '=', name).executeTakeFirst();
  return row && delegateRow(row);
}

function delegateRow(row: Selectable<Tables['delegates']>): DelegateRow {
  return {
    name: row.name,
    uuid: row.uuid,
    scope: parseScope(row.scope),
    status: statusOf(row.status),
    hostName: row.host_name,
    tags: textList(row.tags),
    agentVersion: row.agent_version,
    includeScopes: textList(row.include_scopes),
    excludeScopes: textList(row.exclude_scopes),
    firstConnectedAt: row.first_connected_at,
    lastConnectedAt: row.last_connected_at,
    lastDisconnectedAt: row.last_disconnected_at ?? undefined,
    drainedAt: row.drained_at ?? undefined,
  };
}

/** The names of those that operators have drained, and when. */
export async function listDrained(database: Database): Promise<Map<string, string>> {
  const rows = await database
    .selectFrom('delegates')
    .select(['name', 'drained_at'])
    .where('drained_at', 'is not', null)
    .execute();
  return new Map(rows.map(({ name, drained_at }) => [name, drained_at ?? '']));
}

export async function setDelegateDrained(
  database: Database,
  name: string,
  drainedAt: string | undefined,
): Promise<void> {
  await database
    .updateTable('delegates')
    .set({ drained_at: drainedAt ?? null })
    .where('name', '=', name)
    .execute();
}

export async function setDelegateStatus(
  database: Database,
  uuid: string,
  status: DelegateStatus,
): Promise<void> {
  await database.updateTable('delegates').set({ status }).where('uuid', '=', uuid).execute();
}

export async function setDelegateScopes(
  database: Database,
  uuid: string,
  include: readonly string[],
  exclude: readonly string[],
): Promise<void> {
  await database
    .updateTable('delegates')
    .set({ include_scopes: JSON.stringify(include), exclude_scopes: JSON.stringify(exclude) })
    .where('uuid', '=', uuid)
    .execute();
}

/** A scope's own fields are kept as they were given. */
export interface DelegateScopeRow {
  readonly uuid: string;
  readonly name: string;
  readonly document: unknown;
}

/** The newest first. */
export async function listDelegateScopeRows(database: Database): Promise<DelegateScopeRow[]> {
  const rows = await database
    .selectFrom('delegate_scopes')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('name')
    .execute();
  return rows.map(({ uuid, name, document }) => ({ uuid, name, document: JSON.parse(document) }));
}

/** False when there is one of that name. */
export async function saveDelegateScope(
  database: Database,
  { uuid, name, document }: DelegateScopeRow,
  now: string,
): Promise<boolean> {
  const result = await database
    .insertInto('delegate_scopes')
    .values({ uuid, name, document: JSON.stringify(document), created_at: now })
    .onConflict(conflict => conflict.column('name').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

function statusOf(text: string): DelegateStatus {
  if (text === 'ENABLED' || text === 'WAITING_FOR_APPROVAL' || text === 'DELETED') return text;
  throw new Error('the store holds a status of a delegate that is none');
}
