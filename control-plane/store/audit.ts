/** The audit trail in the store: numbered texts with their hashes, only ever added. */
import { sql } from 'kysely';
import { type Database, waitForTurn } from './database.ts';

export interface StoredRecord {
  /** 1, 2, 3, … without gaps. */
  readonly seq: number;
  /** The text that was hashed. */
  readonly record: string;
  readonly hash: string;
}

/** The last record; undefined in an empty trail. */
export async function lastRecord(database: Database): Promise<StoredRecord | undefined> {
  return database.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst();
}

export async function recordAt(database: Database, seq: number): Promise<StoredRecord | undefined> {
  return database.selectFrom('audit').selectAll().where('seq', '=', seq).executeTakeFirst();
}

/** The next ones after `seq`, in their order. */
export async function recordsAfter(database: Database, seq: number, limit: number): Promise<StoredRecord[]> {
  return database
    .selectFrom('audit')
    .selectAll()
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute();
}

/**
 * Those of `first` to `last`, the newest first, whose text holds all of `texts`; on SQLite without regard to the
 * case of ASCII letters.
 */
export async function recordsHolding(
  database: Database,
  { first, last, texts }: { first: number; last: number; texts: readonly string[] },
): Promise<StoredRecord[]> {
  let query = database.selectFrom('audit').selectAll().where('seq', '>=', first).where('seq', '<=', last);
  for (const text of texts) {
    const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
    // SQLite has no escape character unless one is named.
    query = query.where('record', 'like', sql<string>`${pattern} escape '\\'`);
  }
  return query.orderBy('seq', 'desc').execute();
}

/**
 * Adds records after the last one, which `next` is told, in a transaction. Whoever adds at the same time, here or in
 * another process, waits for the transaction to end.
 */
export async function appendRecords(
  transaction: Database,
  next: (last: StoredRecord | undefined) => readonly StoredRecord[],
): Promise<readonly StoredRecord[]> {
  await waitForTurn(transaction, 'audit');
  const records = next(await lastRecord(transaction));
  // A statement has room for so many parameters.
  for (let at = 0; at < records.length; at += 1_000)
    await transaction
      .insertInto('audit')
      .values(records.slice(at, at + 1_000))
      .execute();
  return records;
}
