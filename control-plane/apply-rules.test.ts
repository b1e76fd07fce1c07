/** What the documents of a store demand of each other when one of them changes. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { someTime, type TestDatabase, testDatabase } from '../test/harness/database.ts';
import { connectorYaml, secretYaml, templateYaml } from '../test/harness/documents.ts';
import { applyDocuments } from './apply.ts';
import { RequestError } from './domain/errors.ts';
import { saveSecret } from './store/entities.ts';
import type { Compile } from './template/compile.ts';

const compile: Compile = async (script, inputs) => ({
  ok: true,
  program: { text: script, digest: `sha256:${'0'.repeat(64)}`, inputs: [...inputs] },
});

async function apply({ database }: TestDatabase, ...texts: string[]): Promise<string[]> {
  const sources = texts.map((text, index) => ({ name: `${index + 1}.yaml`, text }));
  const applied = await applyDocuments({ database, compile, now: () => someTime }, sources, false);
  return applied.map(({ kind, change }) => `${kind} ${change}`);
}

async function problemsOf(store: TestDatabase, ...texts: string[]): Promise<readonly string[]> {
  try {
    await apply(store, ...texts);
  } catch (error) {
    assert.ok(error instanceof RequestError, String(error));
    return error.problems;
  }
  return assert.fail('nothing was refused');
}

/** The example's connector with these template inputs. */
const connectorWith = (...inputs: string[]) =>
  `${connectorYaml.slice(0, connectorYaml.indexOf('          - {'))}${inputs.map(input => `          - ${input}\n`).join('')}`;
const secretWith = (value: string) => secretYaml.replace(/value: '.*'/, `value: '${value}'`);
const entry = (name: string) => `{"name":"${name}","value":"x"}`;

test('a version that a connector uses cannot change its script or inputs, which is said with a way out', async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml, connectorYaml.replace('kv_http', 'other'));
  const refusal = [
    '1.yaml:1: template account.http_kv_store@1.0 is used by connector account.kv_http, account.other, so its script and inputs cannot change; give the change a new versionLabel',
  ];
  assert.deepEqual(await problemsOf(store, templateYaml.replace('secret=$(jq', 'secret=$(cat; jq')), refusal);
  assert.deepEqual(await problemsOf(store, templateYaml.replace('value: password', 'value: user')), refusal);
  assert.deepEqual(await problemsOf(store, templateYaml.replace('name: mount', 'name: mounts')), refusal);
  assert.deepEqual(await apply(store, templateYaml.replace('name: http kv store', 'name: renamed')), [
    'template changed',
  ]);
});

test('a version that no connector uses may change', async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml);
  assert.deepEqual(await apply(store, templateYaml.replace('secret=$(jq', 'secret=$(cat; jq')), [
    'template changed',
  ]);
});

test('a connector needs its template, in the very version that it names', async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml);
  const refusal = (wanted: string) => [
    `1.yaml:1: connector.spec.template: there is no template ${wanted}; apply it first`,
  ];
  const label = 'templateRef: account.http_kv_store\n      versionLabel: 1.0';
  assert.deepEqual(
    await problemsOf(store, connectorYaml.replace(label, label.replace('1.0', '1'))),
    refusal('account.http_kv_store@1'),
  );
  assert.deepEqual(
    await problemsOf(store, connectorYaml.replace('account.http_kv_store', 'account.nothing')),
    refusal('account.nothing@1.0'),
  );
});

test("a template's fixed value can be repeated by a connector, never changed", async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml);
  assert.deepEqual(await problemsOf(store, connectorWith('{ name: key, type: String, value: user }')), [
    '1.yaml:1: connector.spec.template.templateInputs: "key" is fixed by the template and cannot be set',
  ]);
  assert.deepEqual(await apply(store, connectorWith('{ name: key, type: String, value: password }')), [
    'connector created',
  ]);
  assert.deepEqual(await apply(store, connectorWith('{ name: key, type: String, value: <+input> }')), [
    'connector changed',
  ]);
});

test("a secret's inputs are checked against its connector and template, when created and when changed", async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml, secretYaml);
  const refused: [value: string, problem: string][] = [
    ['', 'There are missing environment variables: path'],
    ['{}', 'RunTime Inputs are not provided for the Secret, Missing environment variables are: path'],
    [
      `{"environmentVariables":[${entry('path')},${entry('path')}]}`,
      'There are duplicate environment variables in the secret : path',
    ],
    [
      `{"environmentVariables":[${entry('path')},${entry('key')},${entry('zz')}]}`,
      'Unnecessary environment variables provided in the secret: [key, zz]',
    ],
  ];
  for (const [value, problem] of refused) {
    assert.deepEqual(await problemsOf(store, secretWith(value)), [`1.yaml:1: ${problem}`]);
    const other = secretWith(value).replace('identifier: db_password', 'identifier: other');
    assert.deepEqual(await problemsOf(store, other), [`1.yaml:1: ${problem}`]);
  }
});

test('a secret may say nothing when its connector has a default for everything', async () => {
  await using store = await testDatabase();
  const defaults = ['mount', 'path'].map(
    name => `{ name: ${name}, type: String, value: "", useAsDefault: true }`,
  );
  assert.deepEqual(await apply(store, templateYaml, connectorWith(...defaults), secretWith('')), [
    'template created',
    'connector created',
    'secret created',
  ]);
});

test("a secret's manager cannot change, not even to one that does not exist", async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml, connectorYaml.replace('kv_http', 'other'), secretYaml);
  for (const manager of ['account.other', 'account.unknown'])
    assert.deepEqual(await problemsOf(store, secretYaml.replace('account.kv_http', manager)), [
      '1.yaml:1: Cannot change secret manager after creation.',
    ]);
});

test('a secret of an unknown manager is refused in the words of the original', async () => {
  await using store = await testDatabase();
  assert.deepEqual(await problemsOf(store, secretYaml), [
    '1.yaml:1: No such secret manager found with identifier account.kv_http in this scope.',
  ]);
});

test('a secret that this version cannot read any more can be replaced by one that it can', async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml);
  const reference = { scope: 'account', identifier: 'db_password' } as const;
  await saveSecret(
    store.database,
    {
      ...reference,
      name: 'x',
      inputs: [],
      connector: { scope: 'account', identifier: 'kv_http' },
      document: { from: 'another time' },
    },
    someTime,
  );
  assert.deepEqual(await apply(store, secretYaml), ['secret changed']);
});

test('a program that no task could carry is refused when it is saved', async () => {
  await using store = await testDatabase();
  const long = templateYaml.replace('script: |-\n', `script: |-\n          # ${'x'.repeat(262_144)}\n`);
  assert.deepEqual(await problemsOf(store, long), [
    '1.yaml:1: template.spec.source.spec.script: the compiled program has more than 262144 characters',
  ]);
});
