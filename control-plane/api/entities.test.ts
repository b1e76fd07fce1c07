/** One entity, an export, and what a changed template means, over HTTP. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type TestApi, testApi } from '../../test/harness/api.ts';
import { connectorYaml, secretYaml, templateYaml } from '../../test/harness/documents.ts';

const builtIn = `secret:
  type: SecretText
  name: token
  identifier: token
  spec: { secretManagerIdentifier: account.harnessSecretManager, valueType: Inline, value: hunter2 }
---
secret:
  type: SecretFile
  name: pem
  identifier: pem
  spec: { file: ./some.pem }
---
secret:
  type: SSHKey
  name: login
  identifier: login
  spec:
    port: 2222
    auth: { type: SSH, spec: { credentialType: Password, spec: { userName: me, password: account.token } } }
---
application:
  identifier: shop
  name: Shop
  environments: [{ identifier: live, name: Live, type: Production }]
`;

async function get(api: TestApi, path: string) {
  const { status, body } = await api.ask('GET', `/api/v1/${path}`);
  assert.equal(status, 200, body);
  return JSON.parse(body);
}

async function post(api: TestApi, path: string, asked: object) {
  const { status, body } = await api.ask('POST', `/api/v1/${path}`, asked);
  assert.equal(status, 200, body);
  return JSON.parse(body);
}

test('one entity is shown with its document, and never with a value', async () => {
  await using api = await testApi();
  await api.tools.apply(builtIn, { files: { './some.pem': 'hunter2 in a file' } });
  const connector = await get(api, 'connectors/account.kv_http');
  assert.equal(connector.document.spec.timeout, '20');
  assert.equal(connector.generation, 'NG');
  const secret = await get(api, 'secrets/account.token');
  assert.deepEqual(secret.usedBy, ['secret account.login']);
  assert.deepEqual(secret.document.spec, {
    secretManagerIdentifier: 'account.harnessSecretManager',
    valueType: 'Inline',
  });
  assert.deepEqual((await get(api, 'secrets/account.pem')).document.spec, {});
  assert.deepEqual((await get(api, 'applications/shop')).document.environments, [
    { identifier: 'live', name: 'Live', type: 'Production' },
  ]);
  assert.deepEqual((await get(api, 'applications')).items, [(await get(api, 'applications/shop')).document]);
  for (const path of ['secrets/account.token', 'secrets/account.pem', 'secrets', 'export', 'audit'])
    assert.doesNotMatch(JSON.stringify(await get(api, path)), /hunter2/, path);
});

test('an export holds every document of a scope, with those below it if asked, and applies as unchanged', async () => {
  await using api = await testApi();
  await api.tools.apply(builtIn, { files: { './some.pem': 'x' } });
  await api.tools.apply(
    secretYaml.replace('secret:\n', 'secret:\n  orgIdentifier: payments\n  projectIdentifier: demo\n'),
  );
  const references = async (query: string) =>
    (await get(api, `export${query}`)).documents.map(({ reference }: { reference: string }) => reference);
  const own = [
    'application/shop',
    'account.http_kv_store@1.0',
    'account.kv_http',
    ...['db_password', 'login', 'pem', 'token'].map(name => `account.${name}`),
  ];
  assert.deepEqual(await references(''), own);
  assert.deepEqual(await references('?recursive=true'), [...own, 'org/payments/demo/db_password']);
  assert.deepEqual(await references('?orgIdentifier=payments'), []);
  assert.deepEqual(await references('?orgIdentifier=payments&recursive=true'), [
    'org/payments/demo/db_password',
  ]);
  const { documents, leftOut } = await get(api, 'export?recursive=true');
  assert.deepEqual(leftOut, []);
  assert.deepEqual(
    documents.flatMap((item: { valueLeftOut: boolean; reference: string }) =>
      item.valueLeftOut ? [item.reference] : [],
    ),
    ['account.pem', 'account.token'],
  );
  // JSON is YAML.
  const yaml = documents.map(({ kind, document }: { kind: string; document: unknown }) =>
    JSON.stringify({ [kind]: document }),
  );
  for (const { reference, change } of await api.tools.apply(yaml.join('\n---\n')))
    assert.equal(change, 'unchanged', reference);
});

test('versions are compared: the script line by line, inputs, and who would be affected', async () => {
  await using api = await testApi();
  await api.tools.apply(
    templateYaml
      .replace('versionLabel: 1.0', 'versionLabel: 2.0')
      .replace('curl -fsS', 'curl -fsSL')
      .replace(
        '- { name: mount, type: String, value: <+input> }',
        '- { name: realm, type: String, value: <+input>.default(eu) }',
      )
      .replace('value: password', 'value: secret'),
  );
  const diff = await get(api, 'templates/account.http_kv_store/diff');
  assert.deepEqual([diff.from, diff.to], ['1.0', '2.0']);
  assert.match(
    diff.script,
    /^--- a\/1\.0\n\+\+\+ b\/2\.0\n@@ -1,2 \+1,2 @@\n-body=\$\(curl -fsS .*\n\+body=\$\(curl -fsSL /,
  );
  const type = 'String';
  assert.deepEqual(diff.inputs, {
    added: [{ label: 'realm', type, value: '<+input>.default(eu)' }],
    removed: [{ label: 'mount', type, value: '<+input>' }],
    changed: [
      { before: { label: 'key', type, value: 'password' }, after: { label: 'key', type, value: 'secret' } },
    ],
  });
  assert.deepEqual(
    diff.affected.map(({ connector, secrets }: { connector: string; secrets: string[] }) => [
      connector,
      secrets,
    ]),
    [['account.kv_http', ['account.db_password']]],
  );
  const back = await get(api, 'templates/account.http_kv_store/diff?from=2.0&to=1.0');
  assert.deepEqual([back.inputs.added.length, back.affected], [1, []]);
  const missing = await api.ask('GET', '/api/v1/templates/account.http_kv_store/diff?to=3');
  assert.equal(missing.status, 404);
});

test('the stable version is the one that is meant without a label, and can be another one', async () => {
  await using api = await testApi();
  await api.tools.apply(templateYaml.replace('versionLabel: 1.0', 'versionLabel: 2.0'));
  const path = 'templates/account.http_kv_store';
  assert.equal((await get(api, path)).versionLabel, '1.0');
  const template = 'account.http_kv_store';
  assert.deepEqual(await post(api, 'templates/stable', { template, versionLabel: '2.0' }), {
    reference: 'account.http_kv_store@2.0',
  });
  const shown = await get(api, path);
  assert.deepEqual([shown.versionLabel, shown.stable, shown.versions], ['2.0', true, ['2.0', '1.0']]);
  const missing = await api.ask('POST', '/api/v1/templates/stable', { template, versionLabel: '3' });
  assert.equal(missing.status, 404);
});

test('a connector that has drifted says so, and goes on with the new content once that is accepted', async () => {
  await using api = await testApi();
  // Not accepted, as its secret would lack an input then; later the input gets a default.
  const broken = templateYaml.replace(
    'password }',
    'password }\n      - { name: new, type: String, value: <+input> }',
  );
  await api.tools.apply(broken, { accept: true });
  assert.equal((await get(api, 'connectors/account.kv_http')).drifted, true);
  const connector = 'account.kv_http';
  const refused = await api.ask('POST', '/api/v1/connectors/accept', { connector });
  assert.equal(refused.status, 400);
  assert.match(refused.body, /inputs added: new/);
  assert.match(refused.body, /Missing environment variables are: new/);
  await api.tools.apply(
    connectorYaml.replace(
      'demo/test }',
      'demo/test }\n          - { name: new, type: String, value: x, useAsDefault: true }',
    ),
  );
  const { accepted } = await post(api, 'connectors/accept', { connector });
  assert.deepEqual([accepted.connector, accepted.added, accepted.problems], [connector, ['new'], []]);
  assert.equal((await get(api, 'connectors/account.kv_http')).drifted, false);
  assert.deepEqual(await post(api, 'connectors/accept', { connector }), { connector });
});

test('a plan is explained: where each input came from, and which delegate would do it', async () => {
  await using api = await testApi();
  const plan = await get(api, 'secrets/account.db_password/explain');
  assert.deepEqual(plan.inputs, [
    { label: 'mount', value: 'kv', source: 'connector' },
    { label: 'path', value: 'demo/db', source: 'secret' },
    { label: 'key', value: 'password', source: 'template' },
  ]);
  assert.deepEqual([plan.selectors, plan.delegates], [['vault-net', 'eu'], []]);
});

test('the encryption key is rotated by an administrator of the account only', async () => {
  await using api = await testApi();
  const report = await post(api, 'encryption-keys/rotate', {});
  assert.deepEqual([report.resumed, report.left], [false, {}]);
  for (const grant of [
    { role: 'editor', scope: 'account' },
    { role: 'admin', scope: 'org/a' },
  ] as const) {
    const refused = await api.ask('POST', '/api/v1/encryption-keys/rotate', {}, await api.keyFor(grant));
    assert.equal(refused.status, 403);
  }
});
