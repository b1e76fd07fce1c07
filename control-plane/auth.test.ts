import assert from 'node:assert/strict';
import test from 'node:test';
import { someTime, testDatabase } from '../test/harness/database.ts';
import { authenticateCaller, authenticateDelegate, makeDelegateToken, makeFirstApiKey } from './auth.ts';
import { RequestError } from './domain/errors.ts';
import { countApiKeys } from './store/access.ts';

const unauthorized = (error: unknown) =>
  error instanceof RequestError &&
  error.code === 'USER_NOT_AUTHORIZED' &&
  error.message === 'User not authorized';

test("the first key is the administrator's, and lets its holder in", async () => {
  await using store = await testDatabase();
  const keys: string[] = [];
  assert.equal(await makeFirstApiKey(store.database, someTime, key => keys.push(key)), true);
  assert.match(keys.join(), /^lgk_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(await authenticateCaller(store.database, keys[0]), { name: 'admin' });
});

test('there is one first key: with a key in the store none is made', async () => {
  await using store = await testDatabase();
  await makeFirstApiKey(store.database, someTime, () => {});
  const again = makeFirstApiKey(store.database, someTime, () => assert.fail('a second key was made'));
  assert.equal(await again, false);
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

test('a wrong key, no key and an empty one are refused alike', async () => {
  await using store = await testDatabase();
  let key = '';
  await makeFirstApiKey(store.database, someTime, made => {
    key = made;
  });
  for (const wrong of [undefined, '', 'lgk_', key.slice(0, -1), `${key}x`, key.toUpperCase(), ` ${key}`])
    await assert.rejects(authenticateCaller(store.database, wrong), unauthorized);
});

test('a delegate token allows what it was made for, and nothing of it but a hash is kept', async () => {
  await using store = await testDatabase();
  const token = await makeDelegateToken(
    store.database,
    { name: 'edge', delegateNames: ['edge-1'] },
    someTime,
  );
  assert.match(token, /^lgd_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(await authenticateDelegate(store.database, token), {
    name: 'edge',
    delegateNames: ['edge-1'],
  });
  assert.equal(await authenticateDelegate(store.database, `${token}x`), undefined);
  const rows = await store.database.selectFrom('delegate_tokens').selectAll().execute();
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(token.slice(4)));
});

test('a token is not an API key, nor the other way round', async () => {
  await using store = await testDatabase();
  let key = '';
  await makeFirstApiKey(store.database, someTime, made => {
    key = made;
  });
  const token = await makeDelegateToken(store.database, { name: 'edge', delegateNames: [] }, someTime);
  await assert.rejects(authenticateCaller(store.database, token), unauthorized);
  assert.equal(await authenticateDelegate(store.database, key), undefined);
});

test('a token name that is taken is refused, also when two ask at once', async () => {
  await using store = await testDatabase();
  const made = await Promise.allSettled(
    [1, 2].map(() => makeDelegateToken(store.database, { name: 'edge', delegateNames: [] }, someTime)),
  );
  assert.deepEqual(made.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await assert.rejects(makeDelegateToken(store.database, { name: 'edge', delegateNames: [] }, someTime), {
    message: 'Invalid request: a delegate token named "edge" exists already; choose another name',
  });
});
