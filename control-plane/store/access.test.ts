import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { someTime, testDatabase } from '../../test/harness/database.ts';
import {
  countApiKeys,
  findApiKey,
  findToken,
  listKnownDelegates,
  saveApiKey,
  saveDelegateJoined,
  saveDelegateLeft,
  saveToken,
} from './access.ts';

test('an API key is found by its hash, whole and exact', async () => {
  await using store = await testDatabase();
  assert.equal(await countApiKeys(store.database), 0);
  await saveApiKey(store.database, { id: '1', name: 'admin', hash: 'abc' }, someTime);
  assert.equal(await countApiKeys(store.database), 1);
  assert.deepEqual(await findApiKey(store.database, 'abc'), { name: 'admin' });
  for (const near of ['', 'ab', 'ABC', 'abc ', '%', 'a_c', "' or '1'='1"])
    assert.equal(await findApiKey(store.database, near), undefined);
});

test('a token is found by its hash, with the names that it allows', async () => {
  await using store = await testDatabase();
  const token = { id: '1', name: 'edge', hash: 'abc', delegateNames: ['edge-1', 'edge-2'] };
  assert.equal(await saveToken(store.database, token, someTime), true);
  assert.deepEqual(await findToken(store.database, 'abc'), {
    name: 'edge',
    delegateNames: ['edge-1', 'edge-2'],
  });
  assert.equal(await findToken(store.database, 'ab'), undefined);
});

test('a second token of the same name is not saved, and the first stays', async () => {
  await using store = await testDatabase();
  await saveToken(store.database, { id: '1', name: 'edge', hash: 'abc', delegateNames: [] }, someTime);
  assert.equal(
    await saveToken(store.database, { id: '2', name: 'edge', hash: 'def', delegateNames: ['x'] }, someTime),
    false,
  );
  assert.deepEqual(await findToken(store.database, 'abc'), { name: 'edge', delegateNames: [] });
  assert.equal(await findToken(store.database, 'def'), undefined);
});

test('a damaged list in the file is noticed, not taken for "any name"', async () => {
  await using store = await testDatabase();
  await saveToken(
    store.database,
    { id: '1', name: 'edge', hash: 'abc', delegateNames: ['edge-1'] },
    someTime,
  );
  for (const damaged of ['{}', '[1]', 'null']) {
    await sql`update delegate_tokens set delegate_names = ${damaged}`.execute(store.database);
    await assert.rejects(findToken(store.database, 'abc'), /a list of texts that is none/);
  }
});

test('a delegate is remembered with what it said last, and since when it is gone', async () => {
  await using store = await testDatabase();
  const delegate = { name: 'edge-1', hostName: 'h', tags: ['a', 'b'], agentVersion: '1' };
  await saveDelegateJoined(store.database, delegate, 'monday');
  assert.deepEqual(await listKnownDelegates(store.database), [{ ...delegate, lastDisconnectedAt: 'monday' }]);
  await saveDelegateLeft(store.database, 'edge-1', 'tuesday');
  assert.deepEqual(await listKnownDelegates(store.database), [
    { ...delegate, lastDisconnectedAt: 'tuesday' },
  ]);
  const changed = { ...delegate, tags: ['c'], agentVersion: '2' };
  await saveDelegateJoined(store.database, changed, 'wednesday');
  assert.deepEqual(await listKnownDelegates(store.database), [
    { ...changed, lastDisconnectedAt: 'wednesday' },
  ]);
  const { first_connected_at } = await store.database
    .selectFrom('delegates')
    .selectAll()
    .executeTakeFirstOrThrow();
  assert.equal(first_connected_at, 'monday');
});
