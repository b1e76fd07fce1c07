/** Facts about this installation. */
import type { Database } from './database.ts';

export async function findSetting(database: Database, name: string): Promise<string | undefined> {
  const row = await database
    .selectFrom('settings')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.value;
}

export async function saveSetting(database: Database, name: string, value: string): Promise<void> {
  await database
    .insertInto('settings')
    .values({ name, value })
    .onConflict(conflict => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

/** The account's opaque id, made with the store. */
export async function accountId(database: Database): Promise<string> {
  const id = await findSetting(database, 'account_id');
  if (id === undefined) throw new Error('the store has no account');
  return id;
}
