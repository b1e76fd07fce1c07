import assert from 'node:assert/strict';
import test from 'node:test';
import { nativeOperations } from '../control-plane/api/graphql/native-operations.ts';
import type { DispatchRequest } from '../control-plane/dispatch/dispatcher.ts';
import { Roster } from '../control-plane/dispatch/roster.ts';
import type { Grant } from '../control-plane/domain/permissions.ts';
import { sealValue } from '../protocol/index.ts';
import { testDatabase } from './harness/database.ts';
import { connectorYaml, secretYaml, templateYaml } from './harness/documents.ts';
import { type TestGraphql, testGraphql } from './harness/graphql.ts';
import { toolsFor } from './harness/tools.ts';

/** GraphQL over a real store with one template, connector and secret in it. Only what runs the script is played. */
async function overStore(grants?: readonly Grant[]): Promise<TestGraphql> {
  const store = await testDatabase();
  const tools = await toolsFor(store.database);
  await tools.apply([templateYaml, connectorYaml, secretYaml].join('---\n'));
  const identity = { task: 'a-task', attempt: 1 };
  const dispatch = async function* ({ recipient }: DispatchRequest) {
    for await (const chunk of sealValue(Buffer.from('the value'), recipient, identity))
      yield { event: 'value', ...identity, ...chunk } as const;
    yield { event: 'succeeded', ...identity, delegate: 'd1', durationMs: 1 } as const;
  };
  const operations = nativeOperations({ ...tools, dispatch, roster: new Roster() });
  const server = testGraphql(operations, grants ? { grants } : {});
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

test('what is stored is listed, found, explained and fetched', async () => {
  await using server = await overStore();
  const { data, errors } = await server.ask(`{ legate {
    templates(search: "KV") { pageInfo { total } nodes { reference stableVersion versions { versionLabel stable script } } }
    none: templates(search: "nothing") { nodes { reference } }
    template(reference: "account.http_kv_store") { reference name }
    connectors { nodes { reference template versionLabel drifted } }
    connector(reference: "account.kv_http") { reference document }
    secrets { nodes { reference connector type } }
    secret(reference: "account.db_password") { reference }
    explain(secret: "account.db_password") { connector versionLabel inputs { value source } }
  } }`);
  assert.deepEqual(errors, []);
  const { legate } = JSON.parse(JSON.stringify(data));
  assert.equal(legate.templates.pageInfo.total, 1);
  assert.equal(legate.templates.nodes[0].reference, 'account.http_kv_store');
  assert.deepEqual(
    legate.templates.nodes[0].versions.map((version: { versionLabel: string; stable: boolean }) => [
      version.versionLabel,
      version.stable,
    ]),
    [['1.0', true]],
  );
  assert.deepEqual(legate.none.nodes, []);
  assert.equal(legate.template.reference, 'account.http_kv_store');
  const connector = { reference: 'account.kv_http', template: 'account.http_kv_store' };
  assert.deepEqual(legate.connectors.nodes, [{ ...connector, versionLabel: '1.0', drifted: false }]);
  assert.equal(legate.connector.document.identifier, 'kv_http');
  assert.deepEqual(legate.secrets.nodes, [
    { reference: 'account.db_password', connector: 'account.kv_http', type: 'SecretText' },
  ]);
  assert.equal(legate.secret.reference, 'account.db_password');
  assert.equal(legate.explain.connector, 'account.kv_http');
  const fetched = await server.ask(
    'mutation { legate { fetch(secret: "account.db_password") { value delegate } } }',
  );
  assert.deepEqual(fetched.data, { legate: { fetch: { value: 'the value', delegate: 'd1' } } });
});

test('to a key of another scope, what is there and what is not look the same', async () => {
  await using server = await overStore([{ role: 'admin', scope: 'org/other' }]);
  const ask = async (field: (name: string) => string, there: string) => {
    const answer = async (name: string) => {
      const { errors, data } = await server.ask(field(name));
      const messages = errors.map(({ message, extensions }) => [
        message.replaceAll(name, 'x'),
        extensions?.code,
      ]);
      return { data, messages };
    };
    const [seen, unseen] = [await answer(there), await answer('other')];
    assert.equal(seen.messages.length, 1);
    assert.deepEqual(seen, unseen);
  };
  await ask(name => `{ legate { secret(reference: "account.${name}") { name } } }`, 'db_password');
  await ask(name => `{ legate { explain(secret: "account.${name}") { owner } } }`, 'db_password');
  await ask(name => `{ legate { connector(reference: "account.${name}") { name } } }`, 'kv_http');
  await ask(name => `{ legate { template(reference: "account.${name}") { name } } }`, 'http_kv_store');
  await ask(name => `mutation { legate { fetch(secret: "account.${name}") { value } } }`, 'db_password');
  await ask(
    name => `subscription { legateConnectionTest(connector: "account.${name}") { __typename } }`,
    'kv_http',
  );
  for (const list of ['templates', 'connectors', 'secrets']) {
    const items = async (scope: string) =>
      (await server.ask(`{ legate { ${list}${scope} { nodes { name } } } }`)).text;
    assert.equal(await items(''), await items('(orgIdentifier: "nobodys")'));
  }
});
