/** The description of the API: complete, valid, served, and the one in the repository. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { testApi } from '../../test/harness/api.ts';
import { openApiDocument } from './openapi.ts';
import { operations } from './operations.ts';

test('docs/openapi.json is up to date (npm run schemas)', () => {
  const written: unknown = JSON.parse(
    readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'),
  );
  assert.deepEqual(written, openApiDocument());
});

test('it is served as it is, to anybody', async () => {
  await using api = await testApi();
  const answer = await api.app.inject({ url: '/api/v1/openapi.json' });
  assert.equal(answer.statusCode, 200);
  assert.deepEqual(answer.json(), openApiDocument());
});

test('every schema of it is one, and names of operations are unique', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  for (const { query, body, answer } of operations)
    for (const schema of [query, body, answer]) if (schema) ajv.compile(schema);
  const names = JSON.stringify(openApiDocument()).match(/"operationId":"[^"]+"/g) ?? [];
  assert.equal(names.length, operations.length);
  assert.equal(new Set(names).size, names.length);
});

test('what is in the path, the query and the body of a request is where OpenAPI has it', () => {
  const { paths } = openApiDocument();
  assert.ok(typeof paths === 'object' && paths !== null);
  const { '/api/v1/templates/{reference}': template, '/api/v1/fetch': fetch } = { ...Object(paths) };
  assert.deepEqual(
    template.delete.parameters.map(({ name, in: place }: Record<string, string>) => `${place} ${name}`),
    ['path reference', 'query orgIdentifier', 'query projectIdentifier', 'query versionLabel'],
  );
  assert.deepEqual(fetch.post.requestBody.content['application/json'].schema.required, ['secret']);
  assert.deepEqual(Object.keys(fetch.post.responses['200'].content), ['application/x-ndjson']);
});
