import assert from 'node:assert/strict';
import test from 'node:test';
import { someTime, testDatabase } from '../../test/harness/database.ts';
import { authenticateDelegate, makeDelegateToken } from './delegate-tokens.ts';

const edge = { name: 'edge', delegateNames: ['edge-1'], scope: 'org/payments' } as const;

test('a delegate token allows what it was made for, and nothing of it but a hash is kept', async () => {
  await using store = await testDatabase();
  const token = await makeDelegateToken(store.database, edge, someTime);
  assert.match(token, /^lgd_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(await authenticateDelegate(store.database, token), edge);
  assert.equal(await authenticateDelegate(store.database, `${token}x`), undefined);
  const rows = await store.database.selectFrom('delegate_tokens').selectAll().execute();
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(token.slice(4)));
});

test('a token name that is taken is refused, also when two ask at once', async () => {
  await using store = await testDatabase();
  const made = await Promise.allSettled([1, 2].map(() => makeDelegateToken(store.database, edge, someTime)));
  assert.deepEqual(made.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await assert.rejects(makeDelegateToken(store.database, { ...edge, scope: 'account' }, someTime), {
    message: 'Invalid request: a delegate token named "edge" exists already; choose another name',
  });
});
