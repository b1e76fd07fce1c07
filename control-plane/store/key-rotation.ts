/** What the store knows of key rotation: which keys nothing may be written under any more, and what is under way. */
import type { Database } from './database.ts';
import { textList } from './json.ts';

/** JSON list of key ids. It must exist before a value can be saved: see `prepareKeyRotation`. */
export const retiredKeysSetting = 'retired_keys';
/** The id of the key that values are being brought under. */
const targetSetting = 'key_rotation';

export async function prepareKeyRotation(database: Database): Promise<void> {
  await database
    .insertInto('settings')
    .values({ name: retiredKeysSetting, value: '[]' })
    .onConflict(conflict => conflict.column('name').doNothing())
    .execute();
}

export async function listRetiredKeys(database: Database): Promise<readonly string[]> {
  return textList((await readSetting(database, retiredKeysSetting)) ?? '[]');
}

/**
 * From when this returns, no value gets under these keys, whoever writes it: those writing now were waited for. That
 * does not end; a server that slept through a rotation must not write under its old key years later.
 */
export async function retireKeys(database: Database, ids: readonly string[]): Promise<void> {
  for (;;) {
    const before = await readSetting(database, retiredKeysSetting);
    if (before === undefined) throw new Error('key rotation was not prepared in this store');
    const retired = textList(before);
    const after = JSON.stringify([...new Set([...retired, ...ids])]);
    if (after === before) return;
    const result = await database
      .updateTable('settings')
      .set({ value: after })
      .where('name', '=', retiredKeysSetting)
      .where('value', '=', before)
      .executeTakeFirst();
    if (result.numUpdatedRows === 1n) return;
  }
}

/** The key that an unfinished rotation goes to. */
export function findRotation(database: Database): Promise<string | undefined> {
  return readSetting(database, targetSetting);
}

export async function beginRotation(database: Database, keyId: string): Promise<void> {
  await database
    .insertInto('settings')
    .values({ name: targetSetting, value: keyId })
    .onConflict(conflict => conflict.column('name').doUpdateSet({ value: keyId }))
    .execute();
}

/** Does nothing where another rotation has begun. */
export async function endRotation(database: Database, keyId: string): Promise<void> {
  await database
    .deleteFrom('settings')
    .where('name', '=', targetSetting)
    .where('value', '=', keyId)
    .execute();
}

async function readSetting(database: Database, name: string): Promise<string | undefined> {
  const row = await database
    .selectFrom('settings')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.value;
}
