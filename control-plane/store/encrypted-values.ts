/** Encrypted values in the store. Every function works inside of a transaction too. */
import { sql } from 'kysely';
import { type Database, dialectOf } from './database.ts';
import { retiredKeysSetting } from './key-rotation.ts';

export interface WrappedKeyRow {
  readonly owner: string;
  readonly keyId: string;
  readonly wrappedKey: string;
}

export interface EncryptedValue extends WrappedKeyRow {
  readonly ciphertext: string;
}

/** Saves a value in place of the owner's older one. False when its key is retired: nothing was saved. */
export async function saveEncryptedValue(
  database: Database,
  value: EncryptedValue,
  now: string,
): Promise<boolean> {
  const { owner, keyId, wrappedKey, ciphertext } = value;
  const result = await sql`
    insert into encrypted_values (owner, key_id, wrapped_key, ciphertext, updated_at)
    select ${owner}, ${keyId}, ${wrappedKey}, ${ciphertext}, ${now} from ${notRetired(database, keyId)}
    where true -- SQLite would take the next line for the join's condition.
    on conflict (owner) do update set key_id = excluded.key_id, wrapped_key = excluded.wrapped_key,
      ciphertext = excluded.ciphertext, updated_at = excluded.updated_at`.execute(database);
  return result.numAffectedRows === 1n;
}

export async function findEncryptedValue(
  database: Database,
  owner: string,
): Promise<EncryptedValue | undefined> {
  const row = await database
    .selectFrom('encrypted_values')
    .selectAll()
    .where('owner', '=', owner)
    .executeTakeFirst();
  return row && { owner, keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
}

/** Owners of the values whose ciphertext is so many characters long. */
export async function listOwnersOfLength(database: Database, lengths: readonly number[]): Promise<string[]> {
  if (lengths.length === 0) return [];
  const rows = await database
    .selectFrom('encrypted_values')
    .select('owner')
    .where(sql<number>`length(ciphertext)`, 'in', [...new Set(lengths)])
    .execute();
  return rows.map(({ owner }) => owner);
}

/** False when there was none. */
export async function deleteEncryptedValue(database: Database, owner: string): Promise<boolean> {
  const result = await database.deleteFrom('encrypted_values').where('owner', '=', owner).executeTakeFirst();
  return result.numDeletedRows === 1n;
}

/** How many values are under each key. */
export async function countValuesByKey(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database
    .selectFrom('encrypted_values')
    .select(['key_id', query => query.fn.countAll<number>().as('count')])
    .groupBy('key_id')
    .orderBy('key_id')
    .execute();
  return new Map(rows.map(row => [row.key_id, Number(row.count)]));
}

/** The next rows, by owner, that are not under this key. */
export async function listNotUnderKey(
  database: Database,
  keyId: string,
  after: string,
  limit: number,
): Promise<WrappedKeyRow[]> {
  const rows = await database
    .selectFrom('encrypted_values')
    .select(['owner', 'key_id', 'wrapped_key'])
    .where('key_id', '!=', keyId)
    .where('owner', '>', after)
    .orderBy('owner')
    .limit(limit)
    .execute();
  return rows.map(row => ({ owner: row.owner, keyId: row.key_id, wrappedKey: row.wrapped_key }));
}

/**
 * Puts the data key under another key. False when the row is not as it was read any more, or the other key is retired:
 * nothing was changed.
 */
export async function replaceWrappedKey(
  database: Database,
  row: WrappedKeyRow,
  by: { readonly keyId: string; readonly wrappedKey: string },
): Promise<boolean> {
  const result = await sql`
    update encrypted_values set key_id = ${by.keyId}, wrapped_key = ${by.wrappedKey}
    where owner = ${row.owner} and wrapped_key = ${row.wrappedKey}
      and exists (select 1 from ${notRetired(database, by.keyId)})`.execute(database);
  return result.numAffectedRows === 1n;
}

/**
 * One row as long as the key is not retired. On Postgres the row is locked until the transaction ends, so that
 * retiring a key waits for whoever is about to use it; SQLite has one writer at a time anyway.
 */
function notRetired(database: Database, keyId: string) {
  const share = dialectOf(database) === 'postgres' ? sql` for share` : sql``;
  return sql`(select 1 as one from settings
    where name = ${retiredKeysSetting} and value not like ${`%${keyId}%`}${share}) as not_retired`;
}
