import assert from 'node:assert/strict';
import test from 'node:test';
import { answerOf, graphqlAccount, graphqlKey, testGraphql } from './harness/graphql.ts';

const key = { 'x-api-key': graphqlKey };
const managers = '{ secretManagers(limit: 1) { pageInfo { limit } } }';
const empty = { listSecretManagers: async () => ({ nodes: [], total: 0 }) };
const limitOf1 = { secretManagers: { pageInfo: { limit: 1 } } };

test('both paths answer POST as JSON, and GET', async () => {
  await using server = testGraphql(empty);
  for (const url of ['/api/graphql', '/graphql']) {
    const posted = await server.app.inject({
      method: 'POST',
      url,
      headers: key,
      payload: { query: managers },
    });
    assert.deepEqual([posted.statusCode, posted.json()], [200, { data: limitOf1 }]);
    assert.equal(posted.headers['cache-control'], 'no-store');
    const query = { query: managers };
    const got = await server.app.inject({ method: 'GET', url, headers: key, query });
    assert.deepEqual([got.statusCode, got.json()], [200, { data: limitOf1 }]);
  }
});

test('the query alone as text/plain is a request', async () => {
  await using server = testGraphql(empty);
  const headers = { ...key, 'content-type': 'text/plain' };
  const answer = await server.app.inject({
    method: 'POST',
    url: '/api/graphql',
    headers,
    payload: managers,
  });
  assert.deepEqual(answer.json(), { data: limitOf1 });
});

test('a form brings the request as its part "query" and a file as its part "file"', async () => {
  const files: (string | undefined)[] = [];
  await using server = testGraphql({
    async createFirstGenSecret(_, input, file) {
      files.push(file && Buffer.from(file).toString('hex'));
      const facts = { id: 's1', name: input.encryptedFile?.name ?? '', usageScope: [] };
      const rest = { secretManagerId: 'm', scopedToAccount: true, inheritScopesFromSM: false };
      return { ...facts, ...rest, secretType: 'ENCRYPTED_FILE' };
    },
  });
  const url = await server.listen();
  const request = {
    query: 'mutation($i: CreateSecretInput!) { createSecret(input: $i) { secret { id name } } }',
    variables: { i: { secretType: 'ENCRYPTED_FILE', encryptedFile: { name: 'key.pem' } } },
  };
  const post = async (form: FormData) => {
    const response = await fetch(url, { method: 'POST', headers: key, body: form });
    return answerOf(response.status, undefined, await response.text());
  };
  const form = new FormData();
  form.set('query', JSON.stringify(request));
  form.set('file', new Blob([Buffer.from('00ff0d0a2d2d', 'hex')]), 'key.pem');
  assert.deepEqual((await post(form)).data, { createSecret: { secret: { id: 's1', name: 'key.pem' } } });
  form.delete('file');
  await post(form);
  assert.deepEqual(files, ['00ff0d0a2d2d', undefined]);
  form.delete('query');
  const { status, errors } = await post(form);
  assert.equal(status, 400);
  assert.match(errors[0]?.message ?? '', /needs a part "query"/);
});

test('no variables, and null, are none', async () => {
  await using server = testGraphql(empty);
  for (const variables of [undefined, null, {}])
    assert.deepEqual((await server.ask(managers, variables)).data, limitOf1);
});

test('who has no key, another one, or names another account gets 401 and the contract’s document', async () => {
  await using server = testGraphql(empty);
  const payload = { query: managers };
  const post = (url: string, headers: Record<string, string | string[]>) =>
    server.app.inject({ method: 'POST', url, headers, payload });
  const url = '/api/graphql';
  const refused = await Promise.all([
    post(url, {}),
    post(url, { 'x-api-key': 'lgk_other' }),
    post(url, { authorization: 'Bearer lgk_other' }),
    post(`${url}?accountId=another`, key),
    post(`${url}?accountId=`, key),
    post(`${url}?accountId=${graphqlAccount}&accountId=another`, key),
    server.app.inject({ method: 'GET', url: '/graphql', query: payload, headers: { accept: 'text/html' } }),
  ]);
  for (const answer of refused) {
    assert.equal(answer.statusCode, 401);
    assert.equal(answer.json().errors[0].message, 'Invalid Api Key');
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  }
  const { statusCode } = await post(`${url}?accountId=${graphqlAccount}`, key);
  assert.equal(statusCode, 200);
  assert.equal((await post(url, { authorization: `Bearer ${graphqlKey}` })).statusCode, 200);
});

test('the key counts before the body is read', async () => {
  await using server = testGraphql();
  const headers = { 'content-type': 'application/json' };
  const payload = 'no JSON';
  const answer = await server.app.inject({ method: 'POST', url: '/graphql', headers, payload });
  assert.equal(answer.statusCode, 401);
});

test('bodies that cannot be read are refused in words, as GraphQL documents, without being quoted', async () => {
  await using server = testGraphql();
  const post = async (type: string, payload: string | Buffer) => {
    const headers = { ...key, 'content-type': type };
    const { statusCode, body } = await server.app.inject({
      method: 'POST',
      url: '/graphql',
      headers,
      payload,
    });
    assert.doesNotMatch(body, /hunter2/);
    return [statusCode, answerOf(statusCode, undefined, body).errors[0]?.message];
  };
  assert.deepEqual(await post('application/json', '{"value": hunter2'), [
    400,
    'POST body sent invalid JSON.',
  ]);
  assert.deepEqual(await post('application/json', '[{"query":"{ __typename }"}]'), [
    400,
    'Batching is not supported.',
  ]);
  assert.deepEqual(await post('text/plain', '{"query": "hunter2"}'), [
    400,
    'The body is JSON, but its content-type is text/plain: send it as application/json.',
  ]);
  assert.deepEqual(await post('multipart/form-data; boundary=x', 'hunter2'), [
    400,
    'The body is not the multipart/form-data that its content-type announces.',
  ]);
  assert.equal((await post('application/x-www-form-urlencoded', 'query=hunter2'))[0], 415);
  assert.equal((await post('application/json', Buffer.alloc(8 * 1_048_576 + 1, ' ')))[0], 413);
});

test('what accepts application/graphql-response+json gets it, and 400 for a faulty document', async () => {
  await using server = testGraphql(empty);
  const accept = { accept: 'application/graphql-response+json' };
  const good = await server.ask(managers, {}, accept);
  assert.match(good.type ?? '', /^application\/graphql-response\+json/);
  const [faulty, plain] = [await server.ask('{', {}, accept), await server.ask('{')];
  assert.deepEqual([faulty.status, plain.status], [400, 200]);
});

test('a mutation by GET is refused', async () => {
  await using server = testGraphql();
  const query = {
    query: 'mutation { deleteSecretManager(input: {secretManagerId: "x"}) { clientMutationId } }',
  };
  const answer = await server.app.inject({ method: 'GET', url: '/graphql', headers: key, query });
  assert.equal(answer.statusCode, 405);
});
