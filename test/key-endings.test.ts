// A key that ends, ends at once: for the next request, and for what it has running.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { get, graphqlClient } from './harness/graphql-client.ts';
import { type WholeApi, wholeApi } from './harness/whole-api.ts';
import { appears, ends, startWorld, type World } from './harness/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
  await world.connectedAgent();
});
after(() => world[Symbol.asyncDispose]());

/** A script that tells its process and then waits for ever, once it has been saved. */
async function endless(name: string) {
  const marker = join(world.folder, name);
  const { secret, connector } = await world.script(
    `if [ -e '${marker}.saved' ]; then
       echo $$ >'${marker}.part'; mv '${marker}.part' '${marker}'; sleep 600
     fi; secret=v`,
    { timeout: 600 },
  );
  await writeFile(`${marker}.saved`, '');
  const running = async () => {
    await appears(marker);
    return Number(await readFile(marker, 'utf8'));
  };
  return { secret, connector, running };
}

async function makeKey(name: string, ...grants: string[]): Promise<string> {
  const made = await world.legate(['key', 'create', name, ...grants.flatMap(grant => ['--grant', grant])]);
  assert.equal(made.code, 0, made.err);
  return made.out.toString().trim();
}

const post = (path: string, key: string, body: object) =>
  fetch(`${world.url}${path}`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

for (const [how, end] of [
  ['revoked', ['revoke']],
  ['rotated without overlap', ['rotate', '--overlap', '0']],
] as const) {
  test(`a key that is ${how} loses its fetches and its GraphQL subscriptions, and their scripts end`, async () => {
    const name = end[0];
    const script = await endless(name);
    const key = await makeKey(name, 'admin@account');
    const native = await post('/api/v1/fetch', key, { secret: script.secret, logs: true });
    assert.equal(native.status, 200);
    const nativeText = native.text();
    const fetchProcess = await script.running();
    const other = await endless(`${name}-test`);
    const subscription = graphqlClient(`${world.url}/graphql`, key).subscribe(
      'subscription($c: String!) { legateConnectionTest(connector: $c) { __typename ... on LegateFailed { code } } }',
      { c: other.connector },
    );
    assert.equal(
      get((await subscription.next()).value, 'data.legateConnectionTest.__typename'),
      'LegateAccepted',
    );
    const testProcess = await other.running();

    const [command = '', ...options] = end;
    assert.equal((await world.legate(['key', command, name, ...options])).code, 0);
    await Promise.all([fetchProcess, testProcess].map(ends));
    const kinds: unknown[] = [];
    for await (const result of subscription) kinds.push(get(result, 'data.legateConnectionTest.__typename'));
    assert.ok(!kinds.includes('LegateSucceeded'), kinds.join());
    assert.doesNotMatch(await nativeText.catch(String), /"event":"(value|done)"/);
    assert.equal((await post('/api/v1/fetch', key, { secret: script.secret })).status, 401);
    assert.equal((await post('/graphql', key, { query: '{ __typename }' })).status, 401);
  });
}

test('a key that is revoked leaves what other keys have running alone', async () => {
  const script = await endless('others');
  const [kept, lost] = [await makeKey('kept', 'fetcher@account'), await makeKey('lost', 'fetcher@account')];
  const hangUp = new AbortController();
  const answer = await fetch(`${world.url}/api/v1/fetch`, {
    method: 'POST',
    headers: { 'x-api-key': kept, 'content-type': 'application/json' },
    body: JSON.stringify({ secret: script.secret }),
    signal: hangUp.signal,
  });
  assert.equal(answer.status, 200);
  const process = await script.running();
  await world.legate(['key', 'revoke', 'lost']);
  assert.equal((await post('/graphql', lost, { query: '{ __typename }' })).status, 401);
  assert.equal((await post('/graphql', kept, { query: '{ __typename }' })).status, 200);
  const begun = await answer.body?.getReader().read();
  assert.match(Buffer.from(begun?.value ?? []).toString(), /"event":"accepted"/);
  hangUp.abort();
  await ends(process);
});

const hour = 3_600_000;
const later = (api: WholeApi, ms: number) => {
  api.time = new Date(Date.parse(api.time) + ms).toISOString();
};

/** What the native API and GraphQL answer. */
async function statuses(api: WholeApi, key: string): Promise<number[]> {
  const native = await api.ask(key, { method: 'GET', url: '/api/v1/secrets' });
  const body = { query: '{ secretManagers(limit: 1) { nodes { id } } }' };
  const graphql = await api.ask(key, { method: 'POST', url: '/api/graphql', body });
  return [native.status, graphql.status];
}

const grants = [{ role: 'viewer', scope: 'account' }];
const keyOf = ({ text }: { readonly text: string }) => String(get(JSON.parse(text), 'key'));

test('a key counts until it expires, and no longer', async () => {
  await using api = await wholeApi();
  const admin = await api.key('root', [{ role: 'admin', scope: 'account' }]);
  const body = { name: 'short', grants, expiresInMs: hour };
  const key = keyOf(await api.ask(admin, { method: 'POST', url: '/api/v1/keys', body }));
  later(api, hour - 1);
  assert.deepEqual(await statuses(api, key), [200, 200]);
  later(api, 1);
  assert.deepEqual(await statuses(api, key), [401, 401]);
});

test('a rotated key counts beside the new one for the overlap, and no longer', async () => {
  await using api = await wholeApi();
  const admin = await api.key('root', [{ role: 'admin', scope: 'account' }]);
  const ask = async (url: string, body: object) =>
    keyOf(await api.ask(admin, { method: 'POST', url: `/api/v1/keys${url}`, body }));
  const first = await ask('', { name: 'ci', grants });
  const second = await ask('/ci/rotate', { overlapMs: hour });
  later(api, hour - 1);
  assert.deepEqual([await statuses(api, first), await statuses(api, second)].flat(), [200, 200, 200, 200]);
  later(api, 1);
  assert.deepEqual([await statuses(api, first), await statuses(api, second)].flat(), [401, 401, 200, 200]);
  const third = await ask('/ci/rotate', { overlapMs: 0 });
  assert.deepEqual([await statuses(api, second), await statuses(api, third)].flat(), [401, 401, 200, 200]);
  await api.ask(admin, { method: 'DELETE', url: '/api/v1/keys/ci' });
  assert.deepEqual(await statuses(api, third), [401, 401]);
});
