import assert from 'node:assert/strict';
import test from 'node:test';
import { testApi } from '../../test/harness/api.ts';
import { someTime } from '../../test/harness/database.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';
import { Roster } from '../dispatch/roster.ts';

test('templates, connectors and secrets are listed by the reference under which one asks for them', async () => {
  await using api = await testApi();
  const items = async (kind: string) => JSON.parse((await api.ask('GET', `/api/v1/${kind}`)).body).items;
  assert.deepEqual(await items('templates'), [
    {
      identifier: 'account.http_kv_store',
      updatedAt: someTime,
      facts: { version: '1.0', inputs: 'mount, path, key' },
    },
  ]);
  assert.deepEqual(await items('connectors'), [
    {
      identifier: 'account.kv_http',
      updatedAt: someTime,
      facts: { template: 'account.http_kv_store', version: '1.0' },
    },
  ]);
  assert.deepEqual(await items('secrets'), [
    { identifier: 'account.db_password', updatedAt: someTime, facts: { connector: 'account.kv_http' } },
  ]);
});

test('delegates are listed with their state, those that are gone too', async () => {
  await using api = await testApi();
  const busy = new FakeLink({ name: 'busy', tags: ['eu'], capacity: 3, busy: 2 });
  const draining = new FakeLink({ name: 'draining', draining: true });
  const gone = new FakeLink({ name: 'gone' });
  for (const link of [busy, draining, gone]) api.roster.add(link);
  api.roster.remove(gone, 'monday');
  assert.ok(api.roster instanceof Roster);
  const { body } = await api.ask('GET', '/api/v1/delegates');
  const common = { hostName: '', agentVersion: '0' };
  assert.deepEqual(JSON.parse(body).items, [
    {
      ...common,
      name: 'busy',
      instance: 'instance-of-busy',
      state: 'connected',
      since: someTime,
      tags: ['eu'],
      running: 2,
      capacity: 3,
    },
    {
      ...common,
      name: 'draining',
      instance: 'instance-of-draining',
      state: 'draining',
      since: someTime,
      tags: [],
      running: 0,
      capacity: 1,
    },
    { ...common, name: 'gone', state: 'disconnected', since: 'monday', tags: [] },
  ]);
});

test('a template is shown with its program; without a label it is the latest version', async () => {
  await using api = await testApi();
  const shown = await api.ask('GET', '/api/v1/templates/account.http_kv_store');
  const { reference, versionLabel, versions, script, inputs, program, document } = JSON.parse(shown.body);
  assert.deepEqual([reference, versionLabel, versions], ['account.http_kv_store', '1.0', ['1.0']]);
  assert.deepEqual(inputs, [{ name: 'mount' }, { name: 'path' }, { name: 'key', fixed: 'password' }]);
  assert.equal(program.text, script);
  assert.equal(document.icon, 'data:image/png;base64,AAAA');
  assert.deepEqual(await api.ask('GET', '/api/v1/templates/account.http_kv_store?versionLabel=1.0'), shown);
});

test('a version that is not there is told with those that are', async () => {
  await using api = await testApi();
  const asked: [path: string, status: number, message: string][] = [
    [
      'account.http_kv_store?versionLabel=1',
      404,
      'Resource not found: there is no such template or version: account.http_kv_store; its versions: 1.0',
    ],
    ['account.nothing', 404, 'Resource not found: there is no such template or version: account.nothing'],
    [
      'account.http_kv_store?versionLabel=1&versionLabel=2',
      400,
      'Invalid request: versionLabel can be given once only',
    ],
    ['org.http_kv_store', 400, 'OrgIdentifier cannot be empty for ORG scope'],
  ];
  for (const [path, status, message] of asked) {
    const answer = await api.ask('GET', `/api/v1/templates/${path}`);
    assert.deepEqual([answer.status, JSON.parse(answer.body).message], [status, message]);
  }
});

test('a reference of the longest identifier can be asked for', async () => {
  await using api = await testApi();
  const answer = await api.ask('GET', `/api/v1/templates/account.${'x'.repeat(128)}`);
  assert.equal(answer.status, 404);
  assert.match(answer.body, /there is no such template/);
});
