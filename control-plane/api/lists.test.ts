import assert from 'node:assert/strict';
import test from 'node:test';
import { testApi } from '../../test/harness/api.ts';
import { someTime } from '../../test/harness/database.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';
import { Roster } from '../dispatch/roster.ts';
import { saveDelegateJoined } from '../store/access.ts';

test('templates, connectors and secrets are listed by the reference under which one asks for them', async () => {
  await using api = await testApi();
  const items = async (kind: string) => JSON.parse((await api.ask('GET', `/api/v1/${kind}`)).body).items;
  assert.deepEqual(await items('templates'), [
    {
      identifier: 'account.http_kv_store',
      name: 'http kv store',
      version: '1.0',
      stable: true,
      inputs: ['mount', 'path', 'key'],
      updatedAt: someTime,
    },
  ]);
  assert.deepEqual(await items('connectors'), [
    {
      identifier: 'account.kv_http',
      name: 'KV over HTTP',
      template: 'account.http_kv_store',
      version: '1.0',
      drifted: false,
      updatedAt: someTime,
    },
  ]);
  assert.deepEqual(await items('secrets'), [
    {
      identifier: 'account.db_password',
      name: 'db password',
      type: 'SecretText',
      connector: 'account.kv_http',
      updatedAt: someTime,
    },
  ]);
  assert.deepEqual(await items('templates?search=KV%20St'), await items('templates'));
  assert.deepEqual(await items('templates?search=vault'), []);
  assert.deepEqual(await items('secrets?orgIdentifier=payments'), []);
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
  const common = { scope: 'account', status: 'ENABLED', hostName: '', agentVersion: '0' };
  assert.deepEqual(JSON.parse(body).items, [
    {
      ...common,
      name: 'busy',
      instance: 'instance-of-busy',
      state: 'connected',
      since: someTime,
      lastHeartbeatAt: busy.lastHeartbeatAt,
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
      lastHeartbeatAt: draining.lastHeartbeatAt,
      tags: [],
      running: 0,
      capacity: 1,
    },
    { ...common, name: 'gone', state: 'disconnected', since: 'monday', tags: [] },
  ]);
});

test('a delegate is shown with all of its instances, what failed there, and that it is drained', async () => {
  await using api = await testApi();
  const { database } = api.tools;
  const two = [1, 2].map(
    n => new FakeLink({ name: 'edge', instance: `instance-${n}`, capacity: 4, busy: n }),
  );
  for (const link of two) {
    api.roster.add(link);
    await saveDelegateJoined(database, link, someTime);
  }
  const [first] = two;
  assert.ok(first);
  const route = JSON.stringify(['account.kv', '', '']);
  const failure = { at: someTime, instance: 'instance-1', reason: 'internal' } as const;
  for (let n = 0; n < 3; n++) {
    api.roster.failures.add('edge', { ...failure, connector: 'account.kv', task: `task-${n}` });
    api.roster.record.started(route, first)({ fault: 'internal' });
    await api.clock.advance(1_000);
  }
  const shown = JSON.parse((await api.ask('GET', '/api/v1/delegates/edge')).body);
  assert.deepEqual(
    [shown.state, shown.running, shown.capacity, shown.versions, shown.drainedAt],
    ['connected', 3, 8, ['0'], undefined],
  );
  assert.deepEqual(
    shown.instances.map(({ instance, running }: Record<string, unknown>) => [instance, running]),
    [
      ['instance-1', 1],
      ['instance-2', 2],
    ],
  );
  assert.deepEqual(
    shown.failures.map(({ task }: Record<string, unknown>) => task),
    ['task-2', 'task-1', 'task-0'],
  );
  const [passedOver] = shown.passedOver;
  assert.deepEqual(
    [passedOver.instance, passedOver.connector, passedOver.reason, passedOver.failures],
    ['instance-1', 'account.kv', 'internal', 3],
  );
  const drained = JSON.parse((await api.ask('POST', '/api/v1/delegates/edge/drain', {})).body);
  assert.deepEqual([drained.state, typeof drained.drainedAt], ['draining', 'string']);
  const listed = JSON.parse((await api.ask('GET', '/api/v1/delegates')).body);
  assert.deepEqual(
    listed.items.map(({ state }: Record<string, unknown>) => state),
    ['draining', 'draining'],
  );
  const again = JSON.parse((await api.ask('POST', '/api/v1/delegates/edge/undrain', {})).body);
  assert.deepEqual([again.state, again.drainedAt], ['connected', undefined]);
  assert.equal((await api.ask('GET', '/api/v1/delegates/nobody')).status, 404);
});

test('a template is shown with its program; without a label it is the stable version', async () => {
  await using api = await testApi();
  const shown = await api.ask('GET', '/api/v1/templates/account.http_kv_store');
  const { reference, versionLabel, versions, script, inputs, program, document } = JSON.parse(shown.body);
  assert.deepEqual([reference, versionLabel, versions], ['account.http_kv_store', '1.0', ['1.0']]);
  const type = 'String';
  assert.deepEqual(inputs, [
    { label: 'mount', type, value: '<+input>', fixed: false },
    { label: 'path', type, value: '<+input>', fixed: false },
    { label: 'key', type, value: 'password', fixed: true },
  ]);
  assert.equal(program.text, script);
  assert.equal(document.icon, 'data:image/png;base64,AAAA');
  assert.deepEqual(await api.ask('GET', '/api/v1/templates/account.http_kv_store?versionLabel=1.0'), shown);
});

test('a version that is not there is named, and a query is checked like a body', async () => {
  await using api = await testApi();
  const asked: [path: string, status: number, message: string | RegExp][] = [
    [
      'account.http_kv_store?versionLabel=1',
      404,
      'Resource not found: there is no template account.http_kv_store@1',
    ],
    ['account.nothing', 404, 'Resource not found: there is no template account.nothing'],
    ['account.http_kv_store?versionLabel=1&versionLabel=2', 400, /invalid "query": \/versionLabel/],
    ['account.http_kv_store?version=1', 400, /has a field that is not in the schema/],
    ['org.http_kv_store', 400, 'OrgIdentifier cannot be empty for ORG scope'],
  ];
  for (const [path, status, message] of asked) {
    const answer = await api.ask('GET', `/api/v1/templates/${path}`);
    const told = JSON.parse(answer.body).message;
    assert.equal(answer.status, status);
    if (typeof message === 'string') assert.equal(told, message);
    else assert.match(told, message);
  }
});

test('a reference of the longest identifier can be asked for', async () => {
  await using api = await testApi();
  const answer = await api.ask('GET', `/api/v1/templates/account.${'x'.repeat(128)}`);
  assert.equal(answer.status, 404);
  assert.match(answer.body, /there is no template account\.x+/);
});
