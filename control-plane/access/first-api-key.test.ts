import assert from 'node:assert/strict';
import test from 'node:test';
import { someTime, testDatabase } from '../../test/harness/database.ts';
import { countApiKeys } from '../store/api-keys.ts';
import { makeFirstApiKey } from './first-api-key.ts';

test('there is one first key: with a key in the store none is made, also when two servers start at once', async () => {
  await using store = await testDatabase();
  const kept: string[] = [];
  const made = await Promise.all(
    [1, 2].map(() => makeFirstApiKey(store.database, someTime, key => kept.push(key))),
  );
  assert.equal(made.filter(Boolean).length, 1);
  assert.equal(kept.length, 1);
});

test('the key is with its owner before the store knows it, so that a crash leaves no key that nobody has', async () => {
  await using store = await testDatabase();
  const failing = makeFirstApiKey(store.database, someTime, () => {
    throw new Error('the disk is full');
  });
  await assert.rejects(failing, /the disk is full/);
  assert.equal(await countApiKeys(store.database), 0);
  assert.equal(await makeFirstApiKey(store.database, someTime, () => {}), true);
});
