import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { graphqlKey, testGraphql } from './harness/graphql.ts';

test('introspection and the page are there only where they are switched on', async () => {
  const introspection = '{ __schema { queryType { name } } }';
  const page = { method: 'GET', url: '/graphql', headers: { accept: 'text/html' } } as const;
  await using off = testGraphql();
  const refused = await off.ask(introspection);
  assert.match(refused.errors[0]?.message ?? '', /introspection has been disabled/);
  assert.equal((await off.app.inject(page)).statusCode, 401);
  assert.deepEqual((await off.ask('{ __typename }')).data, { __typename: 'Query' });

  await using on = testGraphql({}, { explorer: true });
  assert.deepEqual((await on.ask(introspection)).data, { __schema: { queryType: { name: 'Query' } } });
  assert.equal((await on.app.inject(page)).statusCode, 200);
});

test('the page needs nothing from elsewhere, and its policy allows nothing but itself', async () => {
  await using server = testGraphql({}, { explorer: true });
  const { body, headers } = await server.app.inject({
    method: 'GET',
    url: '/graphql',
    headers: { accept: 'text/html' },
  });
  assert.doesNotMatch(body, /https?:|src=|href=|@import|url\(|style="| on\w+="/);
  const hash = (tag: string) => {
    const [, content] = new RegExp(`<${tag}>(.*)</${tag}>`, 's').exec(body) ?? [];
    return `'sha256-${createHash('sha256')
      .update(content ?? '')
      .digest('base64')}'`;
  };
  assert.equal(
    headers['content-security-policy'],
    `default-src 'none'; script-src ${hash('script')}; style-src ${hash('style')}; connect-src 'self'; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
});

test('the page runs a query with variables, and shows the schema', async () => {
  await using server = testGraphql(
    { listSecretManagers: async () => ({ nodes: [], total: 0 }) },
    { explorer: true },
  );
  const url = new URL(await server.listen());
  const page = await fetch(url, { headers: { accept: 'text/html' } });
  const [, script = ''] = /<script>(.*)<\/script>/s.exec(await page.text()) ?? [];
  // As much of a browser as the script uses.
  const answered = new EventTarget();
  const click: Record<string, () => void> = {};
  const element = (id: string, value = '') => ({
    value,
    addEventListener: (_: string, then: () => void) => {
      click[id] = then;
    },
    set textContent(text: string) {
      answered.dispatchEvent(new CustomEvent('answer', { detail: text }));
    },
  });
  const elements: Record<string, ReturnType<typeof element>> = {
    key: element('key', graphqlKey),
    query: element('query', 'query($n: Int!) { secretManagers(limit: $n) { pageInfo { limit } } }'),
    variables: element('variables', '{"n": 3}'),
    ...Object.fromEntries(['run', 'schema', 'answer'].map(id => [id, element(id)])),
  };
  const browser = {
    document: { getElementById: (id: string) => elements[id] },
    location: { pathname: url.pathname },
    fetch: (path: string, options: RequestInit) => fetch(new URL(path, url), options),
  };
  runInContext(script, createContext(browser));
  const press = (button: string) =>
    new Promise<string>(resolve => {
      const show = (event: Event) => resolve(event instanceof CustomEvent ? String(event.detail) : '');
      answered.addEventListener('answer', show, { once: true });
      click[button]?.();
    });
  assert.deepEqual(JSON.parse(await press('run')), { data: { secretManagers: { pageInfo: { limit: 3 } } } });
  const schema = await press('schema');
  assert.match(schema, /^INPUT_OBJECT IdFilter\n {2}operator: IdOperator!\n {2}values: \[String\]!$/m);
  assert.match(schema, /^ {2}secretManager\(secretManagerId: String!\): SecretManager$/m);
});
