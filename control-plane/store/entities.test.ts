import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { someTime, testDatabase } from '../../test/harness/database.ts';
import type { Connector, Secret, TemplateVersion } from '../domain/entities.ts';
import {
  connectorsOf,
  findConnectorDocument,
  findSecretDocument,
  findTemplate,
  listConnectors,
  listSecrets,
  listTemplates,
  saveConnector,
  saveSecret,
  saveTemplate,
  versionLabels,
} from './entities.ts';

const template: TemplateVersion = {
  scope: 'account',
  identifier: 'kv',
  versionLabel: '1.0',
  name: 'key value',
  script: "secret='é\n$x'",
  inputs: [
    { name: 'path', fixed: undefined },
    { name: 'url', fixed: '' },
  ],
  program: { text: 'secret="$__legate_1"', digest: `sha256:${'0'.repeat(64)}`, inputs: ['path'] },
  document: { identifier: 'kv', made_up: [null, { a: 'b' }] },
};
const connector: Connector = {
  scope: 'account',
  identifier: 'kv_http',
  name: 'KV',
  template: { scope: 'account', identifier: 'kv', versionLabel: '1.0' },
  inputs: [],
  selectors: [],
  timeoutSeconds: 20,
  workingDirectory: undefined,
  document: { identifier: 'kv_http', a: 'b' },
};
const secret: Secret = {
  scope: 'account',
  identifier: 'db',
  name: 'db',
  connector: { scope: 'account', identifier: 'kv_http' },
  inputs: [],
  document: { identifier: 'db', spec: { value: '' } },
};

test('a template version comes back as it was saved', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, template, someTime);
  const { document, name, script, inputs, program } = template;
  assert.deepEqual(await findTemplate(store.database, template), {
    document,
    columns: { name, script, inputs, program },
  });
});

test('a template is found by its exact identifier and version label only', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, template, someTime);
  for (const near of [
    { versionLabel: '1' },
    { versionLabel: '1.00' },
    { identifier: 'KV' },
    { identifier: 'k%' },
  ])
    assert.equal(await findTemplate(store.database, { ...template, ...near }), undefined);
});

test('saving the same version again replaces it and keeps when it was made', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, template, 'monday');
  await saveTemplate(store.database, { ...template, script: 'secret=2' }, 'tuesday');
  const rows = await store.database.selectFrom('templates').selectAll().execute();
  assert.deepEqual(
    rows.map(row => [row.script, row.created_at, row.updated_at]),
    [['secret=2', 'monday', 'tuesday']],
  );
});

test('version labels come the latest first', async () => {
  await using store = await testDatabase();
  for (const [label, when] of [
    ['a', '2024-01-01'],
    ['c', '2024-01-02'],
    ['b', '2024-01-02'],
  ] as const)
    await saveTemplate(store.database, { ...template, versionLabel: label }, when);
  await saveTemplate(store.database, { ...template, identifier: 'other', versionLabel: 'z' }, '2024-01-03');
  assert.deepEqual(await versionLabels(store.database, template), ['c', 'b', 'a']);
});

test('a connector and a secret come back as they were saved, and are replaced when saved again', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, template, someTime);
  await saveConnector(store.database, connector, someTime);
  await saveSecret(store.database, secret, someTime);
  assert.deepEqual(await findConnectorDocument(store.database, connector), connector.document);
  assert.deepEqual(await findSecretDocument(store.database, secret), secret.document);
  await saveConnector(store.database, { ...connector, document: { second: true } }, someTime);
  await saveSecret(store.database, { ...secret, document: { second: true } }, someTime);
  assert.deepEqual(await findConnectorDocument(store.database, connector), { second: true });
  assert.deepEqual(await findSecretDocument(store.database, secret), { second: true });
  assert.equal(await findSecretDocument(store.database, { scope: 'account', identifier: 'DB' }), undefined);
});

test('a connector without its template version, and a secret without its connector, are refused', async () => {
  await using store = await testDatabase();
  const orphan = /FOREIGN KEY constraint failed/;
  await assert.rejects(saveConnector(store.database, connector, someTime), orphan);
  await assert.rejects(saveSecret(store.database, secret, someTime), orphan);
  await saveTemplate(store.database, template, someTime);
  const other = { ...connector, template: { ...connector.template, versionLabel: '2' } };
  await assert.rejects(saveConnector(store.database, other, someTime), orphan);
});

test('what something refers to cannot be deleted under it', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, template, someTime);
  await saveConnector(store.database, connector, someTime);
  await saveSecret(store.database, secret, someTime);
  await assert.rejects(store.database.deleteFrom('templates').execute(), /FOREIGN KEY/);
  await assert.rejects(store.database.deleteFrom('connectors').execute(), /FOREIGN KEY/);
});

test('the connectors that pin a version are found, those of other versions are not', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, template, someTime);
  await saveTemplate(store.database, { ...template, versionLabel: '2' }, someTime);
  await saveConnector(store.database, { ...connector, identifier: 'z' }, someTime);
  await saveConnector(store.database, { ...connector, identifier: 'a' }, someTime);
  const newer = { ...connector, identifier: 'n', template: { ...connector.template, versionLabel: '2' } };
  await saveConnector(store.database, newer, someTime);
  assert.deepEqual(await connectorsOf(store.database, template), ['a', 'z']);
});

test('lists show what each kind is about, in order', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, { ...template, versionLabel: '2' }, 'tuesday');
  await saveTemplate(store.database, template, 'monday');
  await saveConnector(store.database, connector, 'monday');
  await saveSecret(store.database, secret, 'monday');
  assert.deepEqual(await listTemplates(store.database, 'account'), [
    { identifier: 'kv', updatedAt: 'monday', facts: { version: '1.0', inputs: 'path, url' } },
    { identifier: 'kv', updatedAt: 'tuesday', facts: { version: '2', inputs: 'path, url' } },
  ]);
  assert.deepEqual(await listConnectors(store.database, 'account'), [
    { identifier: 'kv_http', updatedAt: 'monday', facts: { template: 'account.kv', version: '1.0' } },
  ]);
  assert.deepEqual(await listSecrets(store.database, 'account'), [
    { identifier: 'db', updatedAt: 'monday', facts: { connector: 'account.kv_http' } },
  ]);
});

test('a damaged list of inputs is noticed', async () => {
  await using store = await testDatabase();
  await saveTemplate(store.database, template, someTime);
  for (const damaged of ['{}', '[1]', '[{"name":1}]', 'null']) {
    await sql`update templates set inputs = ${damaged}`.execute(store.database);
    await assert.rejects(findTemplate(store.database, template), /the store holds/);
  }
});
