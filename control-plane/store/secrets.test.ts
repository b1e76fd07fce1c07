import assert from 'node:assert/strict';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import { someConnector, someSecret, someTemplate } from '../../test/harness/entities.ts';
import {
  connectorsOf,
  deleteConnector,
  findConnector,
  findConnectorByUuid,
  insertConnector,
  listConnectors,
  updateConnector,
} from './connectors.ts';
import type { Database } from './database.ts';
import {
  deleteSecret,
  findSecret,
  findSecretByUuid,
  findSecretsByName,
  insertSecret,
  listSecrets,
  secretsOf,
  setSecretUses,
  updateSecret,
  usersOfSecret,
} from './secrets.ts';
import { saveTemplate } from './templates.ts';

async function withBoth(database: Database): Promise<void> {
  await saveTemplate(database, someTemplate, someTime);
  await insertConnector(database, someConnector, someTime);
  await insertSecret(database, someSecret, someTime);
}

eachDialect('a connector and a secret come back as they were saved', async ({ database }) => {
  await withBoth(database);
  const about = { revision: 1, createdAt: someTime, updatedAt: someTime };
  const connector = { ...someConnector, templateDigest: someConnector.contentDigest, ...about };
  assert.deepEqual(await findConnector(database, someConnector), connector);
  assert.deepEqual(await findConnectorByUuid(database, 'connector-uuid'), connector);
  assert.deepEqual(await findSecret(database, someSecret), { ...someSecret, ...about });
  assert.deepEqual(await findSecretByUuid(database, 'secret-uuid'), { ...someSecret, ...about });
  assert.equal(await findSecret(database, { scope: 'account', identifier: 'DB' }), undefined);
  assert.equal(await findConnector(database, { scope: 'org/a', identifier: 'kv_http' }), undefined);
});

eachDialect('a secret of the built-in manager has no connector', async ({ database }) => {
  await insertSecret(database, { ...someSecret, connector: undefined, type: 'SecretFile' }, someTime);
  const found = await findSecret(database, someSecret);
  assert.deepEqual([found?.connector, found?.type], [undefined, 'SecretFile']);
});

eachDialect('a change counts only for whoever read the latest', async ({ database }) => {
  await withBoth(database);
  const connector = await findConnector(database, someConnector);
  const secret = await findSecret(database, someSecret);
  assert.ok(connector && secret);
  assert.equal(await updateConnector(database, { ...connector, name: 'first' }, 'tuesday'), true);
  assert.equal(await updateConnector(database, { ...connector, name: 'second' }, 'tuesday'), false);
  assert.equal(await updateSecret(database, { ...secret, name: 'first' }, 'tuesday'), true);
  assert.equal(await updateSecret(database, { ...secret, name: 'second' }, 'tuesday'), false);
  const after = await findSecret(database, someSecret);
  assert.deepEqual([after?.name, after?.revision, after?.updatedAt], ['first', 2, 'tuesday']);
});

eachDialect(
  'a connector needs its template version, and a secret its connector, as long as they are used',
  async ({ database }) => {
    const orphan = /foreign key/i;
    await assert.rejects(insertConnector(database, someConnector, someTime), orphan);
    await assert.rejects(insertSecret(database, someSecret, someTime), orphan);
    await withBoth(database);
    await assert.rejects(deleteConnector(database, someConnector), orphan);
    await deleteSecret(database, someSecret);
    await deleteConnector(database, someConnector);
    assert.equal(await findConnector(database, someConnector), undefined);
  },
);

eachDialect(
  'two FirstGen entities of the same kind cannot have the same name, others can',
  async ({ database }) => {
    const firstGen = { ...someSecret, generation: 'FirstGen', connector: undefined } as const;
    const named = (name: string, generation: 'NG' | 'FirstGen') =>
      insertSecret(database, { ...firstGen, generation, uuid: name, identifier: name }, someTime);
    await named('a', 'FirstGen');
    await named('b', 'NG');
    await assert.rejects(named('c', 'FirstGen'), /unique/i);
    assert.equal((await findSecretsByName(database, 'account', 'db')).length, 2);
  },
);

eachDialect('lists hold the asked scopes, the newest first', async ({ database }) => {
  await saveTemplate(database, someTemplate, someTime);
  for (const [identifier, when] of [
    ['a', 'monday-1'],
    ['b', 'monday-3'],
    ['c', 'monday-2'],
  ] as const) {
    await insertConnector(database, { ...someConnector, identifier, uuid: identifier }, when);
    const secret = { ...someSecret, identifier, uuid: identifier, connector: undefined };
    await insertSecret(database, secret, when);
  }
  const names = (items: readonly { identifier: string }[]) => items.map(({ identifier }) => identifier);
  assert.deepEqual(names(await listConnectors(database, ['account'])), ['b', 'c', 'a']);
  assert.deepEqual(names(await listSecrets(database, ['account', 'org/x'])), ['b', 'c', 'a']);
  assert.deepEqual(await listSecrets(database, ['org/x']), []);
  assert.deepEqual(await listConnectors(database, []), []);
});

eachDialect(
  'the connectors of a template version, and the secrets of a connector, are found',
  async ({ database }) => {
    await withBoth(database);
    await saveTemplate(database, { ...someTemplate, versionLabel: '2' }, someTime);
    const newer = { ...someConnector.template, versionLabel: '2' };
    await insertConnector(
      database,
      { ...someConnector, identifier: 'n', uuid: 'n', template: newer },
      someTime,
    );
    const names = (items: readonly { identifier: string }[]) => items.map(({ identifier }) => identifier);
    assert.deepEqual(names(await connectorsOf(database, someTemplate)), ['kv_http']);
    const { scope, identifier } = someTemplate;
    assert.deepEqual(names(await connectorsOf(database, { scope, identifier })), ['kv_http', 'n']);
    assert.deepEqual(names(await secretsOf(database, someConnector)), ['db']);
    assert.deepEqual(await secretsOf(database, { scope: 'account', identifier: 'n' }), []);
  },
);

eachDialect('who names a secret is known until it names others', async ({ database }) => {
  const user = { kind: 'connector', scope: 'org/a', identifier: 'c' } as const;
  const used = (identifier: string) => ({ scope: 'account', identifier }) as const;
  await setSecretUses(database, user, [used('x'), used('y'), used('x')]);
  assert.deepEqual(await usersOfSecret(database, used('x')), [user]);
  await setSecretUses(database, user, [used('y')]);
  assert.deepEqual(await usersOfSecret(database, used('x')), []);
  assert.deepEqual(await usersOfSecret(database, used('y')), [user]);
});
