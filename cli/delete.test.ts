import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { ApiError } from './client.ts';
import { deleteOne, deleteSources } from './delete.ts';
import { UsageError } from './settings.ts';

const deleted = { deleted: [] };
const source = (text: string) => [{ name: 'a.yaml', text }];

test('one entity is deleted where it was said to be, and what is gone is told', async () => {
  const { client, asked, write, written } = scriptedClient({
    deleted: [
      { kind: 'template', reference: 'account.t@2' },
      { kind: 'template', reference: 'account.t@1' },
    ],
  });
  await deleteOne(client, 'templates', 'org.t', { orgIdentifier: 'x' }, '1/2', write);
  assert.deepEqual(asked, [['DELETE', '/templates/org.t?orgIdentifier=x&versionLabel=1%2F2']]);
  assert.equal(written(), 'template account.t@2 deleted\ntemplate account.t@1 deleted\n');
});

test('of files all goes, by absolute reference, what refers before what is referred to', async () => {
  const text = [
    'application: { identifier: shop }',
    'template: { identifier: t, versionLabel: 1.0 }',
    'secret: { identifier: token, type: SecretText, spec: { secretManagerIdentifier: org.harnessSecretManager } }',
    'secret: { identifier: login, type: SSHKey, spec: {} }',
    'connector: { identifier: c, orgIdentifier: x }',
    'secret: { identifier: s, type: SecretText, orgIdentifier: x, projectIdentifier: y, spec: { secretManagerIdentifier: org.c } }',
  ].join('\n---\n');
  const { client, asked, write } = scriptedClient(...Array(6).fill(deleted));
  await deleteSources(client, source(text), write);
  assert.deepEqual(asked, [
    ['DELETE', '/secrets/org%2Fx%2Fy%2Fs'],
    ['DELETE', '/connectors/org%2Fx%2Fc'],
    ['DELETE', '/secrets/account.login'],
    ['DELETE', '/secrets/account.token'],
    ['DELETE', '/templates/account.t?versionLabel=1.0'],
    ['DELETE', '/applications/shop'],
  ]);
});

test('what is not there is passed over; what is in use is tried once more when others are gone', async () => {
  const text = ['a', 'b', 'c'].map(id => `connector: { identifier: ${id} }`).join('\n---\n');
  const inUse = new ApiError('in use', { code: 'INVALID_REQUEST', problems: ['in use', 'used by b'] });
  const none = 'No such secret manager found with identifier b in this scope.';
  const gone = new ApiError(none, { code: 'SECRET_MANAGEMENT_ERROR', problems: [none] });
  const { client, asked, write, written } = scriptedClient(inUse, gone, deleted, deleted);
  await deleteSources(client, source(text), write);
  assert.equal(asked.length, 4);
  assert.equal(written(), 'connector account.b is not there\n');
  const stuck = scriptedClient(inUse, inUse, deleted, inUse, inUse);
  await assert.rejects(deleteSources(stuck.client, source(text), write), inUse);
});

test('a file that does not say what to delete is refused before anything is', async () => {
  for (const text of ['a: 1', 'pipeline: { identifier: a }', 'secret: { name: a }', 'secret: [']) {
    const { client, write } = scriptedClient();
    await assert.rejects(
      deleteSources(client, source(`secret: { identifier: a }\n---\n${text}`), write),
      UsageError,
    );
  }
});
