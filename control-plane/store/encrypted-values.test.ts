import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { eachDialect, someTime, testDatabase } from '../../test/harness/database.ts';
import {
  countValuesByKey,
  deleteEncryptedValue,
  findEncryptedValue,
  listNotUnderKey,
  replaceWrappedKey,
  saveEncryptedValue,
} from './encrypted-values.ts';
import { listRetiredKeys, prepareKeyRotation, retireKeys } from './key-rotation.ts';

const value = (owner: string, keyId = 'k1') => ({ owner, keyId, wrappedKey: 'w', ciphertext: 'c' });

eachDialect(
  'a value is found as it was saved, replaced by a later one, and gone when deleted',
  async store => {
    const { database } = store;
    await prepareKeyRotation(database);
    assert.equal(await findEncryptedValue(database, 'secret/1'), undefined);
    assert.equal(await saveEncryptedValue(database, value('secret/1'), someTime), true);
    assert.deepEqual(await findEncryptedValue(database, 'secret/1'), value('secret/1'));
    const later = { owner: 'secret/1', keyId: 'k2', wrappedKey: 'w2', ciphertext: 'c2' };
    assert.equal(await saveEncryptedValue(database, later, someTime), true);
    assert.deepEqual(await findEncryptedValue(database, 'secret/1'), later);
    assert.equal(await deleteEncryptedValue(database, 'secret/1'), true);
    assert.equal(await deleteEncryptedValue(database, 'secret/1'), false);
  },
);

eachDialect('a transaction that fails takes the value it saved with it', async ({ database }) => {
  await prepareKeyRotation(database);
  const failing = database.transaction().execute(async transaction => {
    await saveEncryptedValue(transaction, value('secret/1'), someTime);
    throw new Error('no');
  });
  await assert.rejects(failing);
  assert.equal(await findEncryptedValue(database, 'secret/1'), undefined);
});

eachDialect(
  'values are counted by key, and listed in batches that leave out one key',
  async ({ database }) => {
    await prepareKeyRotation(database);
    for (const owner of ['c', 'a', 'b', 'd']) await saveEncryptedValue(database, value(owner), someTime);
    await saveEncryptedValue(database, value('e', 'k2'), someTime);
    assert.deepEqual([...(await countValuesByKey(database))], [['k1', 4], ['k2', 1]]); // biome-ignore format: a table
    const owners = async (after: string) =>
      (await listNotUnderKey(database, 'k2', after, 3)).map(row => row.owner);
    assert.deepEqual(await owners(''), ['a', 'b', 'c']);
    assert.deepEqual(await owners('c'), ['d']);
  },
);

eachDialect('a wrapped key is replaced only where the row is as it was read', async ({ database }) => {
  await prepareKeyRotation(database);
  await saveEncryptedValue(database, value('secret/1'), someTime);
  const by = { keyId: 'k2', wrappedKey: 'w2' };
  assert.equal(await replaceWrappedKey(database, { ...value('secret/1'), wrappedKey: 'older' }, by), false);
  assert.deepEqual(await findEncryptedValue(database, 'secret/1'), value('secret/1'));
  assert.equal(await replaceWrappedKey(database, value('secret/1'), by), true);
  assert.deepEqual(await findEncryptedValue(database, 'secret/1'), { ...value('secret/1'), ...by });
});

eachDialect('nothing gets under a retired key, not even after others were retired', async ({ database }) => {
  await prepareKeyRotation(database);
  await saveEncryptedValue(database, value('secret/1'), someTime);
  await retireKeys(database, ['k2']);
  await retireKeys(database, ['k3', 'k2']);
  assert.deepEqual(await listRetiredKeys(database), ['k2', 'k3']);
  assert.equal(await saveEncryptedValue(database, value('secret/1', 'k2'), someTime), false);
  assert.equal(await saveEncryptedValue(database, value('secret/2', 'k2'), someTime), false);
  const by = { keyId: 'k3', wrappedKey: 'w3' };
  assert.equal(await replaceWrappedKey(database, value('secret/1'), by), false);
  assert.deepEqual([...(await countValuesByKey(database)).keys()], ['k1']);
});

test('retiring a key waits for a transaction of Postgres that has used it, and is seen by one that waits', async () => {
  await using store = await testDatabase('postgres');
  const { database } = store;
  await prepareKeyRotation(database);
  let retired = false;
  let retiring: Promise<void> | undefined;
  await database.transaction().execute(async transaction => {
    await saveEncryptedValue(transaction, value('secret/1'), someTime);
    retiring = retireKeys(database, ['k1']).then(() => {
      retired = true;
    });
    await someoneWaits(1);
    assert.equal(retired, false);
  });
  await retiring;
  assert.deepEqual([...(await countValuesByKey(database))], [['k1', 1]]);

  let saving: Promise<boolean[]> | undefined;
  await database.transaction().execute(async transaction => {
    await retireKeys(transaction, ['k2']);
    const by = { keyId: 'k2', wrappedKey: 'w2' };
    saving = Promise.all([
      saveEncryptedValue(database, value('secret/2', 'k2'), someTime),
      replaceWrappedKey(database, value('secret/1'), by),
    ]);
    await someoneWaits(2);
  });
  assert.deepEqual(await saving, [false, false]);

  async function someoneWaits(count: number): Promise<void> {
    for (;;) {
      const { rows } = await sql`select 1 from pg_locks where not granted`.execute(database);
      if (rows.length >= count) return;
    }
  }
});
