/** Who gets in, and what an error looks like. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type TestApi, testApi } from '../../test/harness/api.ts';
import { operations } from './operations.ts';

const methodOf = (text: string) =>
  (['GET', 'POST', 'DELETE', 'HEAD'] as const).find(method => method === text) ?? 'GET';

/** Every route there is, as method and path. */
async function routesOf({ app }: TestApi): Promise<{ method: string; path: string }[]> {
  await app.ready();
  const above: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap(line => {
      const found = /^(.*?[├└]── )(\S+) \(([A-Z, ]+)\)$/.exec(line);
      if (!found) return [];
      const [, indent = '', part = '', methods = ''] = found;
      const depth = indent.length / 4 - 1;
      above.length = depth;
      above.push(part);
      return methods.split(', ').map(method => ({ method, path: above.join('') }));
    });
}

const isOpen = (path: string) => operations.some(operation => operation.path === path && operation.isOpen);

test('the description of the API has every route, and no other one', async () => {
  await using api = await testApi();
  const routes = (await routesOf(api))
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, path }) => `${method} ${path}`);
  const described = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  assert.deepEqual(routes.sort(), described.sort());
});

test('every route of the API wants a key: none, a wrong one, one of another kind is refused', async () => {
  await using api = await testApi();
  const routes = (await routesOf(api)).filter(({ path }) => !isOpen(path));
  assert.ok(routes.length > 25);
  const wrong: Record<string, string>[] = [
    {},
    { 'x-api-key': '' },
    { 'x-api-key': 'lgk_wrong' },
    { 'x-api-key': `${api.key}x` },
    { authorization: 'Bearer lgk_wrong' },
    { authorization: api.key },
    { authorization: `Basic ${api.key}` },
    { cookie: `x-api-key=${api.key}` },
  ];
  for (const { method, path } of routes) {
    for (const headers of wrong) {
      // Not even whether the body would do is told to strangers.
      const response = await api.app.inject({
        url: path.replaceAll(/:\w+/g, 'account.x'),
        headers: { ...headers, 'content-type': 'application/json' },
        method: methodOf(method),
        ...(method === 'POST' ? { payload: '{ not json' } : {}),
      });
      assert.equal(response.statusCode, 401, `${method} ${path} ${JSON.stringify(headers)}`);
      if (method !== 'HEAD') assert.equal(response.json().code, 'USER_NOT_AUTHORIZED');
    }
  }
});

test('a key counts in either header', async () => {
  await using api = await testApi();
  for (const headers of [{ 'x-api-key': api.key }, { authorization: `Bearer ${api.key}` }]) {
    const response = await api.app.inject({ url: '/api/v1/secrets', headers });
    assert.equal(response.statusCode, 200);
  }
});

test('an error has a code, the message that clients match on, each problem, and an id to find it in the log', async () => {
  await using api = await testApi();
  const { status, body } = await api.ask('GET', '/api/v1/templates/account.nothing');
  const { correlationId, ...error } = JSON.parse(body);
  assert.equal(status, 404);
  assert.match(correlationId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(error, {
    status: 'ERROR',
    code: 'RESOURCE_NOT_FOUND',
    message: 'Resource not found: there is no template account.nothing',
    problems: ['there is no template account.nothing'],
  });
});

test('each kind of refusal has its status', async () => {
  await using api = await testApi();
  const statuses: [path: string, body: object, status: number, code: string][] = [
    ['/api/v1/fetch', { secret: 'db' }, 400, 'INVALID_IDENTIFIER_REF'],
    ['/api/v1/connectors/test', { connector: 'account.nothing' }, 400, 'SECRET_MANAGEMENT_ERROR'],
    ['/api/v1/apply', { sources: [{ name: 'x', text: 'a' }] }, 400, 'INVALID_REQUEST'],
  ];
  for (const [path, body, status, code] of statuses) {
    const answer = await api.ask('POST', path, body);
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [status, code]);
  }
});

test('a path that is not there, or is malformed, is an error like every other', async () => {
  await using api = await testApi();
  const paths: [path: string, status: number][] = [
    ['/', 404],
    ['/api/v1/nothing?key=hunter2', 404],
    ['/api/v1/templates/%ZZ', 400],
    [`/api/v1/templates/${'x'.repeat(501)}`, 414],
  ];
  for (const [path, status] of paths) {
    const answer = await api.ask('GET', path);
    const error = JSON.parse(answer.body);
    assert.deepEqual([answer.status, error.status], [status, 'ERROR'], path);
    assert.ok(Array.isArray(error.problems) && typeof error.correlationId === 'string');
    assert.doesNotMatch(answer.body, /hunter2/);
  }
});

test('a body with a field that is not known, or of a wrong shape, is refused by path and rule', async () => {
  await using api = await testApi();
  const refused: [path: string, body: object, rule: RegExp][] = [
    [
      '/api/v1/fetch',
      { secret: 'account.x', log: true },
      /^Invalid request: invalid "body": \/ has a field that/,
    ],
    ['/api/v1/fetch', {}, /must have required property 'secret'/],
    ['/api/v1/fetch', { secret: '' }, /\/secret must NOT have fewer than 1 characters/],
    ['/api/v1/fetch', { secret: 'x'.repeat(301) }, /\/secret must NOT have more than 300 characters/],
    ['/api/v1/fetch', { secret: 5 }, /\/secret must be string/],
    ['/api/v1/fetch', { secret: 'account.x', publicKey: { kty: 'RSA' } }, /\/publicKey/],
    ['/api/v1/fetch', [], /\/ must be object/],
    [
      '/api/v1/connectors/test',
      { connector: 'account.x', logs: true },
      /has a field that is not in the schema/,
    ],
    ['/api/v1/apply', { sources: [] }, /\/sources must NOT have fewer than 1 items/],
    ['/api/v1/apply', { sources: [{ name: 'x', text: 'y', mode: 1 }] }, /\/sources\/0 has a field that/],
    ['/api/v1/delegate-tokens', { name: 'a b' }, /\/name must match pattern/],
    [
      '/api/v1/delegate-tokens',
      { name: 'a', delegateNames: ['../x'] },
      /\/delegateNames\/0 must match pattern/,
    ],
  ];
  for (const [path, body, rule] of refused) {
    const answer = await api.ask('POST', path, body);
    assert.equal(answer.status, 400, path);
    assert.match(JSON.parse(answer.body).message, rule);
  }
});

test('a body that is not JSON, or of another type, is refused and not quoted', async () => {
  await using api = await testApi();
  const bodies: [payload: string, type: string, status: number][] = [
    ['{"secret": "hunter2', 'application/json', 400],
    ['', 'application/json', 400],
    ['{"__proto__": {"hunter2": 1}, "secret": "account.db"}', 'application/json', 400],
    ['secret=hunter2', 'application/x-www-form-urlencoded', 415],
  ];
  for (const [payload, type, status] of bodies) {
    const headers = { 'x-api-key': api.key, 'content-type': type };
    const answer = await api.app.inject({ method: 'POST', url: '/api/v1/fetch', headers, payload });
    assert.equal(answer.statusCode, status, payload);
    assert.doesNotMatch(answer.body + api.log(), /hunter2/);
  }
});

test('a body that is too large is refused with 413', async () => {
  await using api = await testApi();
  const text = 'x'.repeat(8 * 1_048_576);
  const answer = await api.ask('POST', '/api/v1/apply', { sources: [{ name: 'x', text }] });
  assert.equal(answer.status, 413);
  assert.equal(JSON.parse(answer.body).code, 'INVALID_REQUEST');
});

test('a fault of ours tells its caller nothing but an id, under which the log has more', async () => {
  await using api = await testApi();
  await api.store.database.destroy();
  const asked: [method: 'GET' | 'POST', path: string, body?: object][] = [
    ['GET', '/api/v1/secrets'],
    ['GET', '/api/v1/templates/account.http_kv_store'],
    ['POST', '/api/v1/fetch', { secret: 'account.db_password' }],
    ['POST', '/api/v1/apply', { sources: [{ name: 'x', text: 'a: 1' }] }],
  ];
  for (const [method, path, body] of asked) {
    const answer = await api.ask(method, path, body);
    const { correlationId, ...error } = JSON.parse(answer.body);
    assert.equal(answer.status, 500);
    assert.deepEqual(error, {
      status: 'ERROR',
      code: 'INTERNAL',
      message: 'Legate itself failed; its log says more under this correlationId',
      problems: ['Legate itself failed; its log says more under this correlationId'],
    });
    assert.match(api.log(), new RegExp(correlationId));
  }
});

test('livez answers always, readyz as the store does, both without a key', async () => {
  await using api = await testApi();
  const ask = async (url: string) => {
    const { statusCode, body } = await api.app.inject({ url });
    return [statusCode, JSON.parse(body)];
  };
  assert.deepEqual(await ask('/livez'), [200, { status: 'ok' }]);
  assert.deepEqual(await ask('/readyz'), [200, { status: 'ok' }]);
  api.ready = false;
  assert.deepEqual(await ask('/livez'), [200, { status: 'ok' }]);
  assert.deepEqual(await ask('/readyz'), [503, { status: 'not ready', reason: 'the store does not answer' }]);
});

test('a delegate token is given once, and its name is taken from then on', async () => {
  await using api = await testApi();
  const made = await api.ask('POST', '/api/v1/delegate-tokens', { name: 'edge' });
  assert.match(made.body, /^\{"name":"edge","token":"lgd_[A-Za-z0-9_-]{43}"\}$/);
  const again = await api.ask('POST', '/api/v1/delegate-tokens', { name: 'edge', delegateNames: ['a'] });
  assert.equal(again.status, 400);
  assert.match(again.body, /a delegate token named \\"edge\\" exists already/);
});

test('documents are applied, or their problems told one by one', async () => {
  await using api = await testApi();
  const text = 'connector:\n  name: x\n';
  const dry = { sources: [{ name: 'a.yaml', text }], dryRun: true };
  const refused = await api.ask('POST', '/api/v1/apply', dry);
  assert.equal(refused.status, 400);
  assert.deepEqual(JSON.parse(refused.body).problems, [
    'a.yaml:1: connector.identifier is required',
    'a.yaml:1: connector.type is required',
    'a.yaml:1: connector.spec is required',
  ]);
});
