import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type {
  CreateSecretManagerInput,
  SecretManager,
  UpdateSecretManagerInput,
} from '../control-plane/first-gen/model.ts';
import { testGraphql } from './harness/graphql.ts';

// Byte for byte, blanks at line ends included: editors and formatters leave .txt alone.
const given = (name: string) =>
  readFileSync(new URL(`fixtures/first-gen-requests/${name}.txt`, import.meta.url), 'utf8');

const manager: SecretManager = {
  id: 'xxxxxxxxxx',
  name: 'DocExampleSecretManager_updated1',
  type: 'CUSTOM',
  config: undefined,
  usageScope: [],
};

test('the documents of the original run as they are, and their inputs arrive as they were sent', async () => {
  const created: CreateSecretManagerInput[] = [];
  const updated: UpdateSecretManagerInput[] = [];
  const deleted: string[] = [];
  await using server = testGraphql({
    async createSecretManager(_, input) {
      created.push(input);
      return manager;
    },
    async updateSecretManager(_, input) {
      updated.push(input);
      return manager;
    },
    async deleteSecretManager(_, id) {
      deleted.push(id);
    },
  });
  const run = async (document: string, variables: string) => {
    const answer = await server.ask(given(document), JSON.parse(given(variables)));
    return answer.text;
  };
  const made = '{"data":{"createSecretManager":{"secretManager":{"id":"xxxxxxxxxx"}}}}';
  assert.equal(await run('create.graphql', 'create-on-delegate.json'), made);
  assert.equal(await run('create.graphql', 'create-on-host.json'), made);
  assert.equal(
    await run('update.graphql', 'update.json'),
    '{"data":{"updateSecretManager":{"secretManager":{"name":"DocExampleSecretManager_updated1","id":"xxxxxxxxxx"}}}}',
  );
  assert.equal(
    await run('delete.graphql', 'delete.json'),
    '{"data":{"deleteSecretManager":{"clientMutationId":"xPxNsOusEaAsdQifDdGxx"}}}',
  );
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
  assert.deepEqual(created.map(plain), [
    JSON.parse(given('create-on-delegate.json')).secretManagerInput,
    JSON.parse(given('create-on-host.json')).secretManagerInput,
  ]);
  assert.deepEqual(updated.map(plain), [JSON.parse(given('update.json')).input]);
  assert.deepEqual(deleted, ['xxxxxxxxxx']);
});
