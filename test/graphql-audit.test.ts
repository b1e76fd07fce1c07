import assert from 'node:assert/strict';
import test from 'node:test';
import { auditServer } from 'graphql-http';
import { graphqlKey, testGraphql } from './harness/graphql.ts';

test('GraphQL over HTTP: all 61 audits pass', async () => {
  // Two of them ask for a type: they need introspection.
  await using server = testGraphql({}, { explorer: true });
  const url = await server.listen();
  const results = await auditServer({
    url,
    fetchFn: (address: string, options: RequestInit = {}) => {
      const headers = new Headers(options.headers);
      headers.set('x-api-key', graphqlKey);
      return fetch(address, { ...options, headers });
    },
  });
  const failed = results.filter(({ status }) => status !== 'ok');
  assert.deepEqual(
    failed.map(({ id, name }) => `${id} ${name}`),
    [],
  );
  assert.equal(results.length, 61);
});
