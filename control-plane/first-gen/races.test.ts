/** What others do while a script runs, and ids and names that rows get. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { eachDialect } from '../../test/harness/database.ts';
import { refused, stranger, templateYaml, variables, viewer, world } from '../../test/harness/first-gen.ts';
import { delivering } from '../../test/harness/tools.ts';
import { identifierPattern } from '../domain/reference.ts';
import { findConnectorByUuid } from '../store/connectors.ts';
import { firstGenIdentifier } from './identifier.ts';

eachDialect('a secret whose manager goes while its script runs is not saved', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  const secretManagerId = await legate.createManager();
  legate.play(async function* (request) {
    await operations.deleteSecretManager(admin, secretManagerId);
    yield* delivering('value')(request);
  });
  assert.equal(
    await refused(legate.createText({ name: 's', secretManagerId, parameters: variables })),
    'Invalid request: Secret Manager does not exist',
  );
  legate.play(delivering('value'));
  await legate.createText({ name: 's', value: 'v' });
});

eachDialect('a manager never comes to name a credential that is deleted at the same time', async store => {
  const legate = await world(store);
  const ssh = await legate.createSsh('login');
  const id = await legate.createManager();
  const [first, second] = await Promise.all([
    refused(legate.updateManager(id, { executeOnDelegate: false, host: 'h', connectorId: ssh })),
    refused(legate.operations.deleteFirstGenSecret(legate.admin, ssh, 'SSH_CREDENTIAL')),
  ]);
  // Either of them may come first; never do both.
  const refusals = [first, second].filter(text => text !== 'it was not refused');
  assert.equal(refusals.length, 1, refusals.join('\n'));
});

eachDialect('ids are whatever they are', async store => {
  const legate = await world(store);
  legate.ids.push('x'.repeat(10), 'ünïcode id/with everything-$');
  assert.equal(await legate.createManager(), 'x'.repeat(10));
  const odd = await legate.createManager({ name: 'odd' });
  assert.equal((await legate.operations.findSecretManager(legate.admin, odd)).name, 'odd');
  const row = await findConnectorByUuid(store.database, odd);
  assert.match(row?.identifier ?? '', new RegExp(identifierPattern));
});

test('no two ids have one identifier', () => {
  const ids = ['a-b', 'a_b', 'a$b', 'a$2d$b', 'a2db', 'A-b', 'a--b', '-', '$', ''];
  assert.equal(new Set(ids.map(firstGenIdentifier)).size, ids.length);
});

eachDialect('templates are listed by their stable versions, to those who may see them', async store => {
  const legate = await world(store);
  const { operations, admin, templateId } = legate;
  await legate.tools.apply(templateYaml('kv', '; true').replace('versionLabel: "1"', 'versionLabel: "2"'));
  const page = { limit: 100, offset: 0 };
  const { nodes, total } = await operations.listFirstGenTemplates(viewer, page);
  assert.equal(total, 3);
  assert.deepEqual(
    nodes.find(({ uuid }) => uuid === templateId),
    { uuid: templateId, name: 'kv', version: 1 },
  );
  assert.deepEqual(await operations.listFirstGenTemplates(stranger, page), { nodes: [], total: 0 });
  const second = await operations.listFirstGenTemplates(admin, { limit: 1, offset: 1 });
  assert.deepEqual(second, { nodes: nodes.slice(1, 2), total: 3 });
});
