import assert from 'node:assert/strict';
import test from 'node:test';
import type { ConnectorView, SecretView } from '../control-plane/api/graphql/tools.ts';
import { RequestError } from '../control-plane/domain/errors.ts';
import type { Explanation } from '../control-plane/explain.ts';
import { testGraphql } from './harness/graphql.ts';

const at = '2023-11-14T22:13:20.123Z';
const atMs = 1_700_000_000_123;
const times = { createdAt: at, updatedAt: at };

test('templates of a scope with their versions', async () => {
  const asked: unknown[] = [];
  const template = {
    scope: 'org/pay/demo',
    identifier: 'kv',
    uuid: 'u',
    name: 'KV',
    stableVersion: '2',
    createdAt: at,
  } as const;
  const version = {
    name: 'KV',
    script: 'secret=x',
    contentDigest: 'sha256:1',
    programDigest: 'sha256:2',
    ...times,
  };
  await using server = testGraphql({
    async listTemplates(_, scope, search, page) {
      asked.push([scope, search, page]);
      return { nodes: [template], total: 1 };
    },
    async listTemplateVersions(_, reference) {
      asked.push(reference);
      return ['2', '1'].map(label => ({
        ...version,
        versionLabel: label,
        stable: label === '2',
        document: { identifier: 'kv', icon: null, extra: [1] },
      }));
    },
  });
  const { data } =
    await server.ask(`{ legate { templates(orgIdentifier: "pay", projectIdentifier: "demo", search: "k") {
    pageInfo { total hasMore } nodes { reference stableVersion createdAt versions { versionLabel stable document } } } } }`);
  const document = { identifier: 'kv', icon: null, extra: [1] };
  const versions = [
    { versionLabel: '2', stable: true, document },
    { versionLabel: '1', stable: false, document },
  ];
  const node = { reference: 'org/pay/demo/kv', stableVersion: '2', createdAt: atMs, versions };
  assert.deepEqual(data, {
    legate: { templates: { pageInfo: { total: 1, hasMore: false }, nodes: [node] } },
  });
  assert.deepEqual(asked, [
    ['org/pay/demo', 'k', { limit: 100, offset: 0 }],
    { scope: 'org/pay/demo', identifier: 'kv' },
  ]);
});

const connector: ConnectorView = {
  scope: 'org/pay',
  identifier: 'kv',
  uuid: 'u',
  generation: 'NG',
  name: 'KV',
  template: { scope: 'account', identifier: 'kv', versionLabel: '2' },
  selectors: ['eu'],
  timeoutSeconds: 60,
  workingDirectory: undefined,
  target: { kind: 'host', host: '10.0.0.1', credential: undefined },
  usageScope: [],
  document: { identifier: 'kv' },
  drifted: true,
  ...times,
};

const secret: SecretView = {
  scope: 'account',
  identifier: 'db',
  uuid: 's',
  generation: 'FirstGen',
  type: 'SecretText',
  name: 'db',
  connector: undefined,
  usageScope: [],
  document: { identifier: 'db' },
  ...times,
};

test('connectors and secrets, by references that are read in the scope of the request', async () => {
  const asked: unknown[] = [];
  await using server = testGraphql({
    async findConnector(_, reference) {
      asked.push(reference);
      return connector;
    },
    async findSecret(_, reference) {
      asked.push(reference);
      const { identifier } = reference;
      return identifier === 'db' ? secret : { ...secret, connector: { scope: 'org/pay', identifier: 'kv' } };
    },
  });
  const { data } = await server.ask(`{ legate {
    connector(reference: "org.kv", orgIdentifier: "pay", projectIdentifier: "demo") {
      reference template versionLabel drifted host selectors timeoutSeconds workingDirectory generation usageScope { appEnvScopes { __typename } } document }
    builtIn: secret(reference: "account.db") { reference connector type generation createdAt }
    custom: secret(reference: "org/pay/demo/x") { connector }
  } }`);
  assert.deepEqual(data, {
    legate: {
      connector: {
        reference: 'org/pay/kv',
        template: 'account.kv',
        versionLabel: '2',
        drifted: true,
        host: '10.0.0.1',
        selectors: ['eu'],
        timeoutSeconds: 60,
        workingDirectory: null,
        generation: 'NG',
        usageScope: null,
        document: { identifier: 'kv' },
      },
      builtIn: {
        reference: 'account.db',
        connector: null,
        type: 'SecretText',
        generation: 'FirstGen',
        createdAt: atMs,
      },
      custom: { connector: 'org/pay/kv' },
    },
  });
  assert.deepEqual(asked, [
    { scope: 'org/pay', identifier: 'kv' },
    { scope: 'account', identifier: 'db' },
    { scope: 'org/pay/demo', identifier: 'x' },
  ]);
});

test('a reference that cannot be read, and one that finds nothing, are errors of their field', async () => {
  await using server = testGraphql({
    findSecret: async () => {
      throw new RequestError('RESOURCE_NOT_FOUND', 'there is no secret account.x');
    },
  });
  const { data, errors } = await server.ask(
    '{ legate { wrong: secret(reference: "x") { name } missing: secret(reference: "account.x") { name } } }',
  );
  assert.deepEqual(data, { legate: { wrong: null, missing: null } });
  const messages = Object.fromEntries(errors.map(({ path, message }) => [path?.join('/'), message]));
  assert.deepEqual(messages, {
    'legate/wrong':
      'Exception while fetching data (/legate/wrong) : ProjectIdentifier cannot be empty for PROJECT scope',
    'legate/missing':
      'Exception while fetching data (/legate/missing) : Resource not found: there is no secret account.x',
  });
});

test('explain shows the plan, and no value of a secret', async () => {
  const explanation: Explanation = {
    secret: 'account.db',
    connector: 'account.kv',
    template: 'account.kv',
    versionLabel: '2',
    drifted: false,
    owner: 'account',
    programDigest: 'sha256:1',
    inputs: [
      { label: 'environmentVariables.path', value: 'db', source: 'secret' },
      { label: 'secrets.getValue("account.token")', value: undefined, source: 'template' },
    ],
    selectors: ['eu'],
    workingDirectory: undefined,
    timeoutMs: 1_500,
    cacheTtlMs: 60_000,
    key: 'password',
    delegates: [
      { delegate: 'a', instance: 'i', why: undefined, detail: 'it matches' },
      { delegate: 'b', instance: undefined, why: 'DISCONNECTED', detail: 'disconnected' },
    ],
    nearestMiss: undefined,
  };
  const asked: unknown[] = [];
  await using server = testGraphql({
    async explainSecret(_, reference) {
      asked.push(reference);
      return explanation;
    },
  });
  const { data } = await server.ask(`{ legate { explain(secret: "org/pay/db") {
    secret inputs { label value source } timeoutSeconds cacheTtlSeconds key nearestMiss delegates { delegate instance matches why } } } }`);
  assert.deepEqual(data, {
    legate: {
      explain: {
        secret: 'account.db',
        inputs: [explanation.inputs[0], { ...explanation.inputs[1], value: null }],
        timeoutSeconds: 1.5,
        cacheTtlSeconds: 60,
        key: 'password',
        nearestMiss: null,
        delegates: [
          { delegate: 'a', instance: 'i', matches: true, why: null },
          { delegate: 'b', instance: null, matches: false, why: 'DISCONNECTED' },
        ],
      },
    },
  });
  assert.deepEqual(asked, [{ scope: 'org/pay', identifier: 'db' }]);
});
