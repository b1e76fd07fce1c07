import assert from 'node:assert/strict';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import { refused, stranger, viewer, world } from '../../test/harness/first-gen.ts';
import { saveDelegateJoined } from '../store/access.ts';
import { listDelegateRows } from '../store/delegates.ts';

const page = { limit: 100, offset: 0 };
const nobody = {
  taskTypes: ['SCRIPT'],
  environmentTypes: ['PROD'],
  applications: [],
  environments: [],
  services: [],
  infrastructureDefinitions: [],
} as const;

const joined = { scope: 'account', hostName: 'host', tags: ['eu'], agentVersion: '1' } as const;

eachDialect('a delegate is rejected, approved and deleted, and each of that is on the trail', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  await saveDelegateJoined(store.database, { name: 'edge', ...joined }, someTime);
  const [edge] = await listDelegateRows(store.database);
  assert.ok(edge);
  assert.equal((await operations.approveDelegate(admin, edge.uuid, 'REJECT')).status, 'DELETED');
  assert.equal((await operations.approveDelegate(admin, edge.uuid, 'ACTIVATE')).status, 'ENABLED');
  await operations.deleteDelegate(admin, edge.uuid);
  assert.equal((await listDelegateRows(store.database))[0]?.status, 'DELETED');
  const changes = (await legate.records()).filter(
    ({ type, subject }) => type === 'change' && subject === 'delegate/edge',
  );
  assert.deepEqual(
    changes.map(({ details }) => details),
    [
      { 'before.status': 'ENABLED', 'after.status': 'DELETED' },
      { 'before.status': 'DELETED', 'after.status': 'ENABLED' },
      { 'before.status': 'ENABLED', 'after.status': 'DELETED' },
    ],
  );
});

eachDialect('delegate scopes are kept, attached by name or id, and given back', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  await saveDelegateJoined(store.database, { name: 'edge', ...joined }, someTime);
  const [edge] = await listDelegateRows(store.database);
  assert.ok(edge);
  const one = await operations.addDelegateScope(admin, { name: 'one', ...nobody });
  await operations.addDelegateScope(admin, { name: 'two', ...nobody });
  assert.match(
    await refused(operations.addDelegateScope(admin, { name: 'two', ...nobody })),
    /exists already/,
  );
  await operations.attachDelegateScopes(admin, edge.uuid, [one.uuid], ['two']);
  const attached = await operations.approveDelegate(admin, edge.uuid, 'ACTIVATE');
  assert.deepEqual(attached.includeScopes, [{ uuid: one.uuid, name: 'one', ...nobody }]);
  assert.deepEqual(
    attached.excludeScopes.map(({ name }) => name),
    ['two'],
  );
  await operations.attachDelegateScopes(admin, edge.uuid, undefined, []);
  const after = await operations.approveDelegate(admin, edge.uuid, 'ACTIVATE');
  assert.deepEqual([after.includeScopes.length, after.excludeScopes.length], [1, 0]);
  assert.equal(
    await refused(operations.attachDelegateScopes(admin, edge.uuid, ['nothing'], undefined)),
    'Invalid request: No delegate scope exists with the id or name nothing',
  );
  const named = await operations.listDelegateScopes(admin, ({ name }) => name === 'two', page);
  assert.deepEqual([named.total, named.nodes[0]?.name], [1, 'two']);
});

eachDialect('only administrators change delegates, and others are not told which there are', async store => {
  const legate = await world(store);
  const { operations } = legate;
  await saveDelegateJoined(store.database, { name: 'edge', ...joined }, someTime);
  const [edge] = await listDelegateRows(store.database);
  assert.ok(edge);
  const denied = 'User not authorized: ACCESS_DENIED';
  const deeds = [
    (caller: typeof viewer, id: string) => operations.approveDelegate(caller, id, 'REJECT'),
    (caller: typeof viewer, id: string) => operations.deleteDelegate(caller, id),
    (caller: typeof viewer, id: string) => operations.attachDelegateScopes(caller, id, [], []),
    (caller: typeof viewer, id: string) => operations.attachAllDelegateScopes(caller, id),
  ];
  for (const deed of deeds) {
    assert.equal(await refused(deed(viewer, edge.uuid)), denied);
    for (const id of [edge.uuid, 'nothing'])
      assert.equal(
        await refused(deed(stranger, id)),
        `Invalid request: No delegate exists with the id ${id}`,
      );
  }
  assert.equal(await refused(operations.addDelegateScope(viewer, { name: 'x', ...nobody })), denied);
  assert.deepEqual(await operations.listDelegateScopes(stranger, () => true, page), { nodes: [], total: 0 });
});
