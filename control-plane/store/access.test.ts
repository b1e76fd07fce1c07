import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import { findToken, listKnownDelegates, saveDelegateJoined, saveDelegateLeft, saveToken } from './access.ts';

eachDialect('a token is found by its hash, with the names that it allows', async store => {
  const token = {
    id: '1',
    name: 'edge',
    hash: 'abc',
    delegateNames: ['edge-1', 'edge-2'],
    scope: 'org/payments',
  } as const;
  assert.equal(await saveToken(store.database, token, someTime), true);
  assert.deepEqual(await findToken(store.database, 'abc'), {
    name: 'edge',
    delegateNames: ['edge-1', 'edge-2'],
    scope: 'org/payments',
  });
  assert.equal(await findToken(store.database, 'ab'), undefined);
});

eachDialect('a second token of the same name is not saved, and the first stays', async store => {
  await saveToken(
    store.database,
    { id: '1', name: 'edge', hash: 'abc', delegateNames: [], scope: 'account' },
    someTime,
  );
  assert.equal(
    await saveToken(
      store.database,
      { id: '2', name: 'edge', hash: 'def', delegateNames: ['x'], scope: 'account' },
      someTime,
    ),
    false,
  );
  assert.deepEqual(await findToken(store.database, 'abc'), {
    name: 'edge',
    delegateNames: [],
    scope: 'account',
  });
  assert.equal(await findToken(store.database, 'def'), undefined);
});

eachDialect('a damaged list in the file is noticed, not taken for "any name"', async store => {
  await saveToken(
    store.database,
    { id: '1', name: 'edge', hash: 'abc', delegateNames: ['edge-1'], scope: 'account' },
    someTime,
  );
  for (const damaged of ['{}', '[1]', 'null']) {
    await sql`update delegate_tokens set delegate_names = ${damaged}`.execute(store.database);
    await assert.rejects(findToken(store.database, 'abc'), /a list of texts that is none/);
  }
});

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
