// Both faces of the API under limits: the bodies and headers of 429, what counts once, and what is never counted.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { RateLimits } from '../control-plane/access/rate-limits.ts';
import { testApi } from './harness/api.ts';
import { FakeClock } from './harness/fake-clock.ts';
import { graphqlKey, testGraphql } from './harness/graphql.ts';
import { startProgram } from './harness/program.ts';

const limitsOf = (perKey: number, perAddress = 0) => {
  const clock = new FakeClock();
  return { clock, limits: new RateLimits({ perKey, perAddress, clock, note: () => {} }) };
};

test('the native API: headers on every answer, and 429 with a code and when to come back', async () => {
  const { clock, limits } = limitsOf(3);
  await using api = await testApi({ limits });
  const ask = () =>
    api.app.inject({ method: 'GET', url: '/api/v1/secrets', headers: { 'x-api-key': api.key } });
  const first = await ask();
  assert.equal(first.statusCode, 200);
  const pick = (headers: Readonly<Record<string, unknown>>) =>
    ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after'].map(name => headers[name]);
  assert.deepEqual(pick(first.headers), ['3', '2', '20', undefined]);
  await ask();
  await ask();
  const refused = await ask();
  assert.equal(refused.statusCode, 429);
  assert.deepEqual(pick(refused.headers), ['3', '0', '60', '20']);
  const { correlationId, ...body } = refused.json();
  const message = 'too many requests with this API key: 3 a minute are allowed; try again in 20 s';
  assert.deepEqual(body, { status: 'ERROR', code: 'TOO_MANY_REQUESTS', message, problems: [message] });
  assert.match(correlationId, /^[0-9a-f-]{36}$/);
  await clock.advance(20_000);
  assert.equal((await ask()).statusCode, 200);
});

test('a stream of a fetch counts once', async () => {
  const { limits } = limitsOf(1);
  await using api = await testApi({ limits });
  api.play = api.tools.play;
  const events = await api.events('/api/v1/fetch', { secret: 'account.db_password' });
  assert.ok(events.length > 1);
});

test('health and the description of the API need no key and are not counted', async () => {
  const { limits } = limitsOf(1, 1);
  await using api = await testApi({ limits });
  await api.app.inject({ url: '/api/v1/secrets' });
  for (const url of ['/livez', '/readyz', '/api/v1/openapi.json'])
    for (let time = 0; time < 3; time += 1) {
      const answer = await api.app.inject({ url });
      assert.deepEqual([answer.statusCode, answer.headers['ratelimit-limit']], [200, undefined], url);
    }
  assert.equal((await api.app.inject({ url: '/api/v1/secrets' })).statusCode, 429);
});

test('what a wrong key is told does not depend on the key', async () => {
  const { limits } = limitsOf(5, 2);
  await using api = await testApi({ limits });
  const ask = async (key: string | undefined) => {
    const headers = key === undefined ? {} : { 'x-api-key': key };
    const { statusCode, headers: answered, body } = await api.app.inject({ url: '/api/v1/secrets', headers });
    const { correlationId: _, ...told } = JSON.parse(body);
    const { date: __, ...rest } = answered;
    return { statusCode, told, rest };
  };
  assert.deepEqual(await ask('lgk_wrong'), await ask(undefined));
  const limited = await ask('lgk_wrong');
  assert.equal(limited.statusCode, 429);
  assert.deepEqual(await ask(api.key), limited);
});

const question = '{ secretManagers(limit: 1) { pageInfo { limit } } }';
const managers = { listSecretManagers: async () => ({ nodes: [], total: 0 }) };

test('GraphQL: 429 with the contract’s text, as a document of errors', async () => {
  const { limits } = limitsOf(2, 1);
  await using server = testGraphql(managers, { limits });
  const ask = (key: string) =>
    server.app.inject({
      method: 'POST',
      url: '/api/graphql',
      headers: { 'x-api-key': key },
      payload: { query: question },
    });
  const answers = [await ask(graphqlKey), await ask(graphqlKey), await ask(graphqlKey)];
  assert.deepEqual(
    answers.map(({ statusCode, headers }) => [statusCode, headers['ratelimit-remaining']]),
    [
      [200, '1'],
      [200, '0'],
      [429, '0'],
    ],
  );
  const refusal = {
    errors: [
      {
        message: "You've reached your account's rate limit for data queries. Please try again later.",
        extensions: { code: 'TOO_MANY_REQUESTS' },
      },
    ],
  };
  assert.deepEqual(answers[2]?.json(), refusal);
  assert.equal(answers[2]?.headers['retry-after'], '30');
  assert.equal((await ask('wrong')).statusCode, 401);
  const wrong = await ask('wrong');
  assert.deepEqual([wrong.statusCode, wrong.json(), wrong.headers['retry-after']], [429, refusal, '60']);
});

test('a real server has the limits of its settings', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'legate-limits-'));
  const data = join(folder, 'data');
  const cli = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
  const server = startProgram({
    args: [cli, 'server', '--listen', '127.0.0.1:0', '--data', data, '--rate-limit', '3'],
    env: { LEGATE_AUTH_RATE_LIMIT: '1' },
  });
  try {
    const url = String((await server.said('control plane started')).url);
    const key = readFileSync(join(data, 'admin.key'), 'utf8').trim();
    const statusOf = async (path: string, asked: string) => {
      const answer = await fetch(`${url}${path}`, { headers: { 'x-api-key': asked } });
      await answer.arrayBuffer();
      return answer.status;
    };
    const query = `/graphql?query=${encodeURIComponent(question)}`;
    assert.equal(await statusOf('/api/v1/secrets', key), 200);
    assert.equal(await statusOf('/api/v1/secrets', 'wrong'), 401);
    assert.equal(await statusOf(query, 'wrong'), 429);
    assert.equal(await statusOf(query, key), 200);
    assert.equal(await statusOf('/api/v1/secrets', key), 200);
    assert.equal(await statusOf('/api/v1/secrets', key), 429);
    assert.equal(await statusOf(query, key), 429);
    assert.equal(await statusOf('/livez', 'wrong'), 200);
    const told = server.lines().filter(({ msg }) => msg === 'the rate limit refuses requests');
    assert.deepEqual(
      told.map(({ address, key: name, limit }) => [address ?? name, limit]),
      [
        ['127.0.0.1', 1],
        ['admin', 3],
      ],
    );
    assert.ok(!server.output().includes(key));
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});
