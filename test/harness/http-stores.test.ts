// A stand-in that let everybody in would make every journey pass.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { startConjurStore, startGithub, startKvStore } from './http-stores.ts';

const odd = 'it\'s "odd" $HOME `id` \\ é';
/** As curl sends it: the bytes of the UTF-8 text. */
const asHeader = (text: string) => Buffer.from(text).toString('latin1');

async function ask(url: string, headers: Record<string, string> = {}, body?: string) {
  const init = body === undefined ? { headers } : { method: 'POST', headers, body };
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}

test('the key-value store gives an entry for its token and login, and for nothing else', async () => {
  await using store = await startKvStore({ token: odd, login: { user: 'u', password: 'p:q' } });
  store.entries.set('a/b', { key: odd });
  store.wrapped.set('two\nlines', odd);
  const [entry, unwrap] = [`${store.url}/v1/kv/data/a/b`, `${store.url}/v1/sys/wrapping/unwrap`];
  const login = { authorization: `Basic ${Buffer.from('u:p:q').toString('base64')}` };
  const token = { 'x-vault-token': asHeader(odd) };
  assert.equal((await ask(entry)).status, 403);
  assert.equal((await ask(entry, { 'x-vault-token': 'other', ...login })).status, 403);
  assert.equal((await ask(entry, token)).status, 401);
  assert.equal((await ask(`${entry}/c`, { ...token, ...login })).status, 404);
  assert.equal((await ask(unwrap, { ...token, ...login }, 'two lines')).status, 400);
  assert.equal(store.refused.length, 5);
  assert.deepEqual(JSON.parse((await ask(entry, { ...token, ...login })).text).data.data, { key: odd });
  assert.equal(JSON.parse((await ask(unwrap, { ...token, ...login }, 'two\nlines\n')).text).data.value, odd);
});

test('Conjur gives a variable for a token of one use, and a token for its API key', async () => {
  await using store = await startConjurStore({ account: 'acme', login: 'host/x', apiKey: odd });
  store.variables.set('a/b', odd);
  const [login, variable] = [
    `${store.url}/authn/acme/host%2Fx/authenticate`,
    `${store.url}/secrets/acme/variable/a/b`,
  ];
  const base64 = { 'accept-encoding': 'base64' };
  assert.equal((await ask(login, base64, 'other')).status, 401);
  assert.equal((await ask(variable, { authorization: 'Token token="x"' })).status, 401);
  const token = { authorization: `Token token="${(await ask(login, base64, odd)).text}"` };
  assert.equal((await ask(variable, token)).text, odd);
  assert.equal((await ask(variable, token)).status, 401);
});

test('GitHub gives a fresh token for a JWT that the app has signed just now', async () => {
  const [own, other] = [0, 0].map(() => generateKeyPairSync('rsa', { modulusLength: 2_048 }));
  assert.ok(own && other);
  await using github = await startGithub({ app: '1', installation: '2', publicKey: own.publicKey });
  const now = Math.floor(Date.now() / 1_000);
  const jwt = (claims: object, key = own.privateKey, alg = 'RS256') => {
    const unsigned = [{ alg }, { iat: now - 60, exp: now + 300, iss: '1', ...claims }]
      .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('RSA-SHA256', Buffer.from(unsigned), key).toString('base64url');
    return { authorization: `Bearer ${unsigned}.${signature}` };
  };
  const tokens = `${github.url}/app/installations/2/access_tokens`;
  for (const wrong of [
    {},
    { authorization: 'Bearer a.b.c' },
    jwt({}, other.privateKey),
    jwt({}, own.privateKey, 'none'),
    jwt({ iss: '2' }),
    jwt({ exp: now - 1 }),
    jwt({ exp: now + 3_600 }),
    jwt({ exp: 'never' }),
  ])
    assert.equal((await ask(tokens, wrong, '')).status, 401);
  assert.equal((await ask(`${github.url}/app/installations/3/access_tokens`, jwt({}), '')).status, 404);
  const given = [await ask(tokens, jwt({}), ''), await ask(tokens, jwt({}), '')];
  assert.deepEqual(
    given.map(({ text }) => JSON.parse(text).token),
    github.issued,
  );
  assert.equal(new Set(github.issued).size, 2);
});
