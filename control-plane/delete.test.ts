/** Deletion over HTTP: what is used stays, what goes is gone with all of it, and strangers learn nothing. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type TestApi, testApi } from '../test/harness/api.ts';
import { someCaller } from '../test/harness/tools.ts';
import { deleteEntity } from './delete.ts';

const inUse =
  'Can not delete the custom secret manager configuration since there are secrets encrypted with this. ' +
  'Please delete your secrets and try again.';
const secretInUse = 'Can not delete secret because it is still being used. See setup usage(s) of the secret.';

const token = `secret:
  type: SecretText
  name: token
  identifier: token
  spec: { secretManagerIdentifier: harnessSecretManager, valueType: Inline, value: hunter2 }
`;
/** A template of which an input is the token, and a connector and a secret of it in a project. */
const project = `template:
  name: t
  identifier: t
  versionLabel: "1"
  type: SecretManager
  spec:
    shell: Bash
    source: { type: Inline, spec: { script: 'secret=<+spec.environmentVariables.token>' } }
    environmentVariables:
      - { name: token, type: String, value: '<+secrets.getValue("account.token")>' }
---
connector:
  name: c
  identifier: c
  orgIdentifier: payments
  type: CustomSecretManager
  spec: { template: { templateRef: account.t, versionLabel: "1" } }
---
secret:
  type: SecretText
  name: s
  identifier: s
  orgIdentifier: payments
  projectIdentifier: demo
  spec: { secretManagerIdentifier: org.c, valueType: CustomSecretManagerValues, value: "" }
`;

async function problems(api: TestApi, path: string, key?: string): Promise<[number, string[]]> {
  const { status, body } = await api.ask('DELETE', `/api/v1/${path}`, undefined, key);
  return [status, JSON.parse(body).problems];
}

async function gone(api: TestApi, path: string): Promise<string[]> {
  const { status, body } = await api.ask('DELETE', `/api/v1/${path}`);
  assert.equal(status, 200, body);
  return JSON.parse(body).deleted.map(
    ({ kind, reference }: { kind: string; reference: string }) => `${kind} ${reference}`,
  );
}

test('what is used is refused with its users, and goes after them', async () => {
  await using api = await testApi();
  await api.tools.apply(`${token}---\n${project}`);
  assert.deepEqual(await problems(api, 'templates/account.t'), [
    400,
    ['Can not delete the template because connectors use it.', 'used by connector org/payments/c'],
  ]);
  assert.deepEqual(await problems(api, 'connectors/org%2Fpayments%2Fc'), [
    400,
    [inUse, 'used by secret org/payments/demo/s'],
  ]);
  assert.deepEqual(await problems(api, 'secrets/account.token'), [
    400,
    [secretInUse, 'used by connector org/payments/c'],
  ]);
  assert.deepEqual(await gone(api, 'secrets/s?orgIdentifier=payments&projectIdentifier=demo'), [
    'secret org/payments/demo/s',
  ]);
  assert.deepEqual(await gone(api, 'connectors/org.c?orgIdentifier=payments'), ['connector org/payments/c']);
  assert.deepEqual(await gone(api, 'secrets/account.token'), ['secret account.token']);
  assert.deepEqual(await gone(api, 'templates/account.t'), ['template account.t@1']);
  assert.deepEqual(await problems(api, 'templates/account.t'), [404, ['there is no template account.t']]);
});

test('a version goes alone, and all go where none is named', async () => {
  await using api = await testApi();
  await api.tools.apply(token);
  const [template = ''] = project.split('---');
  for (const label of ['1', '2', '3']) await api.tools.apply(template.replace('"1"', `"${label}"`));
  assert.deepEqual(await gone(api, 'templates/account.t?versionLabel=1'), ['template account.t@1']);
  assert.deepEqual(await problems(api, 'templates/account.t?versionLabel=1'), [
    404,
    ['there is no template account.t@1'],
  ]);
  assert.deepEqual(await gone(api, 'templates/account.t'), ['template account.t@3', 'template account.t@2']);
});

test('the value of a built-in secret goes with it, and so do its uses of others', async () => {
  await using api = await testApi();
  const { database } = api.store;
  const values = async () =>
    (await database.selectFrom('encrypted_values').select('owner').execute()).map(({ owner }) => owner);
  const before = await values();
  const ssh = `secret:
  type: SSHKey
  name: login
  identifier: login
  spec:
    auth: { type: SSH, spec: { credentialType: Password, spec: { userName: me, password: account.token } } }
`;
  await api.tools.apply(`${token}---\n${ssh}`);
  assert.equal((await values()).length, before.length + 1);
  assert.deepEqual(await problems(api, 'secrets/account.token'), [
    400,
    [secretInUse, 'used by secret account.login'],
  ]);
  await gone(api, 'secrets/account.login');
  await gone(api, 'secrets/account.token');
  assert.deepEqual(await values(), before);
  assert.deepEqual(await database.selectFrom('secret_uses').selectAll().execute(), []);
});

test('an application goes when no usage scope names it', async () => {
  await using api = await testApi();
  await api.tools.apply(
    'application: { identifier: shop, name: Shop, environments: [{ identifier: live, name: Live, type: Production }] }',
  );
  const scope = '{ application: { appId: shop }, environment: { envId: live } }';
  await api.tools.apply(
    token.replace('value: hunter2', `value: hunter2, usageScope: { appEnvScopes: [${scope}] }`),
  );
  assert.deepEqual(await problems(api, 'applications/shop'), [
    400,
    ['Can not delete the application because usage scopes name it.', 'used by secret account.token'],
  ]);
  await gone(api, 'secrets/account.token');
  assert.deepEqual(await gone(api, 'applications/shop'), ['application application/shop']);
  assert.deepEqual(await problems(api, 'applications/shop'), [404, ['there is no application shop']]);
});

test('users that the key may not see are counted, not named', async () => {
  await using api = await testApi();
  await api.tools.apply(`${token}---\n${project}`);
  // Such a grant is made by nobody today: whoever may edit something may see all that can refer to it.
  const caller = someCaller({ role: 'editor', scope: 'account', secret: 'account.token' });
  const id = { scope: 'account', identifier: 'token' } as const;
  await assert.rejects(deleteEntity(api.tools, caller, { kind: 'secret', id }), {
    problems: [secretInUse, 'used by 1 that this key may not see'],
  });
});

test('who may only look may not delete, and is told so', async () => {
  await using api = await testApi();
  await api.tools.apply(`${token}---\n${project}`);
  const key = await api.keyFor({ role: 'viewer', scope: 'account' });
  for (const path of ['templates/account.t', 'connectors/org%2Fpayments%2Fc', 'secrets/account.token'])
    assert.deepEqual(await problems(api, path, key), [403, ['ACCESS_DENIED']], path);
});

test('what a key may not see is not there, to look at and to delete', async () => {
  await using api = await testApi();
  await api.tools.apply(`${token}---\n${project}`);
  await api.tools.apply('application: { identifier: shop, name: Shop }');
  const key = await api.keyFor({ role: 'admin', scope: 'org/other' });
  const pairs: [there: string, absent: string][] = [
    ['templates/account.t', 'templates/account.no'],
    ['templates/account.t/diff', 'templates/account.no/diff'],
    ['connectors/org%2Fpayments%2Fc', 'connectors/org%2Fpayments%2Fno'],
    ['secrets/account.token', 'secrets/account.no'],
    ['secrets/account.token/explain', 'secrets/account.no/explain'],
    ['applications/shop', 'applications/no'],
  ];
  const told = async (method: 'GET' | 'DELETE' | 'POST', path: string, body?: object) => {
    const answer = await api.ask(method, `/api/v1/${path}`, body, key);
    const { correlationId: _, ...error } = JSON.parse(answer.body);
    return JSON.stringify([answer.status, error]).replaceAll(/\b(t|c|token|shop|no)\b/g, '…');
  };
  for (const [there, absent] of pairs) {
    assert.equal(await told('GET', there), await told('GET', absent), there);
    if (!there.includes('/diff') && !there.includes('/explain'))
      assert.equal(await told('DELETE', there), await told('DELETE', absent), there);
  }
  const accept = (connector: string) => told('POST', 'connectors/accept', { connector });
  assert.equal(await accept('org/payments/c'), await accept('org/payments/no'));
  const stable = (template: string) => told('POST', 'templates/stable', { template, versionLabel: '1' });
  assert.equal(await stable('account.t'), await stable('account.no'));
});

test('a deletion is in the audit trail as a request, a change and an answer', async () => {
  await using api = await testApi();
  await api.tools.apply(token);
  await gone(api, 'secrets/account.token');
  await problems(api, 'secrets/account.token');
  const { items } = JSON.parse((await api.ask('GET', '/api/v1/audit?action=secret.delete')).body);
  assert.deepEqual(
    items.map(({ type, subject, outcome }: Record<string, unknown>) => [type, subject, outcome]),
    [
      ['response', 'account.token', 'failed'],
      ['request', 'account.token', undefined],
      ['response', 'account.token', 'succeeded'],
      ['change', 'account.token', 'succeeded'],
      ['request', 'account.token', undefined],
    ],
  );
});
