import assert from 'node:assert/strict';
import { eachDialect } from '../../test/harness/database.ts';
import { listKnownDelegates, saveDelegateJoined, saveDelegateLeft } from './access.ts';

eachDialect('a delegate is remembered with what it said last, and since when it is gone', async store => {
  const delegate = {
    name: 'edge-1',
    scope: 'account',
    hostName: 'h',
    tags: ['a', 'b'],
    agentVersion: '1',
  } as const;
  await saveDelegateJoined(store.database, delegate, 'monday');
  assert.deepEqual(await listKnownDelegates(store.database), [{ ...delegate, lastDisconnectedAt: 'monday' }]);
  await saveDelegateLeft(store.database, 'edge-1', 'tuesday');
  assert.deepEqual(await listKnownDelegates(store.database), [
    { ...delegate, lastDisconnectedAt: 'tuesday' },
  ]);
  const changed = { ...delegate, scope: 'org/payments', tags: ['c'], agentVersion: '2' } as const;
  await saveDelegateJoined(store.database, changed, 'wednesday');
  assert.deepEqual(await listKnownDelegates(store.database), [
    { ...changed, lastDisconnectedAt: 'wednesday' },
  ]);
  const { first_connected_at, status } = await store.database
    .selectFrom('delegates')
    .selectAll()
    .executeTakeFirstOrThrow();
  assert.deepEqual([first_connected_at, status], ['monday', 'ENABLED']);
});
