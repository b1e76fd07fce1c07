import assert from 'node:assert/strict';
import test from 'node:test';
import { changed, secretYaml } from '../../test/harness/documents.ts';
import { readSecret } from './read.ts';
import { readYaml } from './yaml.ts';

function document(): unknown {
  const yaml = readYaml(secretYaml);
  const data = yaml.ok ? yaml.documents[0]?.data : undefined;
  assert.ok(typeof data === 'object' && data !== null && 'secret' in data);
  return data.secret;
}

function problemsWith(path: string, value: unknown): string[] {
  const checked = readSecret(changed(document(), path, value));
  return checked.ok ? [] : checked.problems;
}

function secretWith(path: string, value: unknown) {
  const checked = readSecret(changed(document(), path, value));
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value;
}

/** The problems of the example with these entries in its value. */
const problemsOf = (...entries: unknown[]) =>
  problemsWith('spec.value', JSON.stringify({ environmentVariables: entries }));

test('a secret as users have it is read', () => {
  const { document: kept, ...secret } = secretWith('description', '');
  assert.deepEqual(secret, {
    scope: 'account',
    identifier: 'db_password',
    name: 'db password',
    connector: { scope: 'account', identifier: 'kv_http' },
    inputs: [{ name: 'path', value: 'demo/db', useAsDefault: false }],
    valueIsEmpty: false,
  });
  assert.deepEqual(kept, document());
});

test('an empty value is read as one: whether it will do depends on the connector', () => {
  for (const empty of ['', ' \n', null, undefined]) {
    const secret = secretWith('spec.value', empty);
    assert.deepEqual([secret.inputs, secret.valueIsEmpty], [[], true]);
  }
});

test('a value without inputs is not an empty one', () => {
  for (const value of ['{}', '{"environmentVariables":[]}'])
    assert.equal(secretWith('spec.value', value).valueIsEmpty, false);
});

test('a value that is not JSON is refused in the words of the original, and not quoted', () => {
  for (const value of ['hunter2', '{"environmentVariables":[', "{'a': 1}", '\0'])
    assert.deepEqual(problemsWith('spec.value', value), [
      'Invalid JSON has been passed while creating the secret',
    ]);
});

test('JSON of another shape is refused by path', () => {
  for (const value of ['null', '5', '"text"', '[]'])
    assert.deepEqual(problemsWith('spec.value', value), ['secret.spec.value must be object'], value);
  assert.deepEqual(problemsWith('spec.value', '{"environmentVariables":{}}'), [
    'secret.spec.value.environmentVariables must be a list',
  ]);
  assert.deepEqual(problemsOf({ value: 'x' }), [
    'secret.spec.value.environmentVariables[0].name is required',
  ]);
});

test('a name that is not text is refused in the words of the original', () => {
  for (const name of [5, null, true, ['a'], { toString: 1, valueOf: 1 }])
    assert.deepEqual(problemsOf({ name, value: 'x' }), ['"name" should be a string']);
});

test('an input has to be text; a whole number may do without quotes', () => {
  assert.deepEqual(secretWith('spec.value', '{"environmentVariables":[{"name":"n","value":7}]}').inputs, [
    { name: 'n', value: '7', useAsDefault: false },
  ]);
  for (const value of [null, undefined, true, {}, ['x'], { toString: 1, valueOf: 1 }])
    assert.deepEqual(problemsOf({ name: 'n', value }), [
      'secret.spec.value.environmentVariables[0].value must be text',
    ]);
});

test('a number that would not be what was written any more is refused', () => {
  for (const number of ['1.5', '12345678901234567890', '1e400'])
    assert.deepEqual(
      problemsWith('spec.value', `{"environmentVariables":[{"name":"n","value":${number}}]}`),
      ['secret.spec.value.environmentVariables[0].value must be text'],
      number,
    );
});

test('the built-in manager is refused by name, also where none is named', () => {
  const refusal = [
    'secret.spec.secretManagerIdentifier: the built-in secret manager is not supported yet; name a connector',
  ];
  for (const manager of [
    'harnessSecretManager',
    'account.harnessSecretManager',
    'org.harnessSecretManager',
    '',
    null,
  ])
    assert.deepEqual(problemsWith('spec.secretManagerIdentifier', manager), refusal);
  assert.deepEqual(problemsWith('spec.secretManagerIdentifier', undefined), refusal);
});

test('a secret whose value would be stored here is refused: a custom manager only reads', () => {
  const refusal = ['Cannot create an Inline secret in read only secret manager'];
  assert.deepEqual(problemsWith('spec.valueType', 'Inline'), refusal);
  assert.deepEqual(problemsWith('type', 'SecretFile'), refusal);
});

test('what is not there yet is refused by name', () => {
  const refused: [path: string, value: unknown, problem: string][] = [
    ['type', 'SSHKey', 'secret.type: SSHKey is not supported yet; use SecretText'],
    ['spec.valueType', 'Reference', 'secret.spec.valueType must be CustomSecretManagerValues'],
    ['spec.valueType', undefined, 'secret.spec.valueType must be CustomSecretManagerValues'],
    ['spec.value', '{"inputVariables":[{}]}', 'secret.spec.value.inputVariables is not supported yet'],
    [
      'projectIdentifier',
      'demo',
      "secret.projectIdentifier: organisation and project scope is not supported yet; leave it out for the account's",
    ],
  ];
  for (const [path, value, problem] of refused) assert.deepEqual(problemsWith(path, value), [problem]);
  assert.deepEqual(problemsOf({ name: 'n', value: '<+secrets.getValue("account.x")>' }), [
    'secret.spec.value.environmentVariables[0].value: an expression in an input value is not supported yet',
  ]);
  assert.deepEqual(problemsOf({ name: 'n', value: '1', type: 'Number' }), [
    'secret.spec.value.environmentVariables[0].type: Number is not supported yet; use String',
  ]);
});

test('a reference to a manager of another scope is named when it is wrong', () => {
  assert.deepEqual(problemsWith('spec.secretManagerIdentifier', 'kv_http'), [
    'secret.spec.secretManagerIdentifier: ProjectIdentifier cannot be empty for PROJECT scope (write "account.kv_http" for the account\'s)',
  ]);
});

test('what no task could carry is refused when it is saved', () => {
  assert.deepEqual(problemsOf({ name: 'n', value: 'a\0b' }), [
    'secret.spec.value.environmentVariables[0].value must not hold a NUL character',
  ]);
  assert.deepEqual(problemsOf({ name: 'n', value: 'x'.repeat(65_537) }), [
    'secret.spec.value.environmentVariables[0].value must be at most 65536 characters',
  ]);
});
