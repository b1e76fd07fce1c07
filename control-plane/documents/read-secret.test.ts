import assert from 'node:assert/strict';
import test from 'node:test';
import { changed, secretYaml } from '../../test/harness/documents.ts';
import { readSecret } from './read-secret.ts';
import { readYaml } from './yaml.ts';

function document(): unknown {
  const yaml = readYaml(secretYaml);
  const data = yaml.ok ? yaml.documents[0]?.data : undefined;
  assert.ok(typeof data === 'object' && data !== null && 'secret' in data);
  return data.secret;
}

/** What is wrong with the example when one field is changed, its value included. */
function problemsWith(path: string, value: unknown): readonly string[] {
  const checked = readSecret(changed(document(), path, value));
  return checked.ok ? (checked.value.valueProblem?.problems ?? []) : checked.problems;
}

function secretWith(path: string, value: unknown) {
  const checked = readSecret(changed(document(), path, value));
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value;
}

const given = { list: 'environmentVariables', type: 'String', useAsDefault: false };

/** The problems of the example with these entries in its value. */
const problemsOf = (...entries: unknown[]) =>
  problemsWith('spec.value', JSON.stringify({ environmentVariables: entries }));

test('a secret as users have it is read', () => {
  const { document: kept, ...secret } = secretWith('description', '');
  assert.deepEqual(secret, {
    scope: 'account',
    identifier: 'db_password',
    generation: 'NG',
    type: 'SecretText',
    name: 'db password',
    ssh: undefined,
    usageScope: [],
    inheritScopes: true,
    valueProblem: undefined,
    content: undefined,
    connector: { scope: 'account', identifier: 'kv_http' },
    inputs: [{ ...given, name: 'path', value: { kind: 'fixed', text: 'demo/db' } }],
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
    { ...given, name: 'n', value: { kind: 'fixed', text: '7' } },
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

test('the built-in manager is meant by its name, with or without prefix, and by none', () => {
  const text = changed(changed(document(), 'spec.valueType', 'Inline'), 'spec.value', 'hunter2');
  for (const manager of [
    'harnessSecretManager',
    'account.harnessSecretManager',
    'org.harnessSecretManager',
    '',
    null,
    undefined,
  ]) {
    const checked = readSecret(changed(text, 'spec.secretManagerIdentifier', manager));
    assert.ok(checked.ok, JSON.stringify(checked));
    assert.equal(checked.value.connector, undefined);
    assert.deepEqual(checked.value.content, { kind: 'text', text: 'hunter2' });
    assert.doesNotMatch(JSON.stringify(checked.value.document), /hunter2/);
  }
});

test('a value by inputs needs a manager that is named', () => {
  for (const manager of ['', ' ', null, undefined])
    assert.deepEqual(problemsWith('spec.secretManagerIdentifier', manager), [
      'Unable to resolve empty connector identifier reference',
    ]);
});

test('a document keeps neither the content of a file nor where it was', () => {
  const file = { type: 'SecretFile', name: 'a', identifier: 'a' };
  const inline = readSecret({ ...file, spec: { content: 'hunter2' } });
  assert.deepEqual(inline.ok && inline.value.content, { kind: 'text', text: 'hunter2' });
  assert.deepEqual(inline.ok && inline.value.document, { ...file, spec: {} });
  const beside = readSecret({ ...file, spec: { file: './key.pem', made_up: 1 } });
  assert.deepEqual(beside.ok && beside.value.content, { kind: 'file', path: './key.pem' });
  assert.deepEqual(beside.ok && beside.value.document, { ...file, spec: { made_up: 1 } });
});

test('a secret whose value would be stored here is refused: a custom manager only reads', () => {
  const refusal = ['Cannot create an Inline secret in read only secret manager'];
  assert.deepEqual(problemsWith('spec.valueType', 'Inline'), refusal);
  assert.deepEqual(problemsWith('type', 'SecretFile'), refusal);
});

test('a value has to be given by inputs', () => {
  assert.deepEqual(problemsWith('spec.valueType', 'Reference'), [
    'Validating referenced secrets for Custom Secret Manager is not supported.',
  ]);
  assert.deepEqual(problemsWith('spec.valueType', undefined), [
    'secret.spec.valueType must be CustomSecretManagerValues',
  ]);
});

test('inputs of both lists and of every type are read; one that is left open is kept as that', () => {
  const value = {
    environmentVariables: [{ name: 'a', value: '<+input>', type: 'NUMBER' }],
    inputVariables: [
      { name: 'a', value: '<+secrets.getValue("account.x")>', type: 'secret' },
      { name: 'b', value: '' },
    ],
  };
  const { inputs } = secretWith('spec.value', JSON.stringify(value));
  assert.deepEqual(
    inputs.map(({ list, name, type, value: { kind } }) => [list, name, type, kind]),
    [
      ['environmentVariables', 'a', 'Number', 'runtime'],
      ['inputVariables', 'a', 'Secret', 'fixed'],
      ['inputVariables', 'b', 'String', 'fixed'],
    ],
  );
});

test('nothing of a value is quoted, as its input may be a secret one', () => {
  for (const value of [
    '<+hunter2>',
    '<+input>hunter2',
    'x<+input>.default(hunter2)',
    '<+hunter2',
    '<+input>.regex(hunter2',
  ])
    for (const type of ['String', 'Secret']) {
      const problems = problemsOf({ name: 'n', value, type });
      assert.equal(problems.length, 1, value);
      assert.doesNotMatch(problems.join(), /hunter2/);
    }
});

test('a reference to a manager of another scope is named when it is wrong', () => {
  assert.deepEqual(problemsWith('spec.secretManagerIdentifier', 'kv_http'), [
    'secret.spec.secretManagerIdentifier: ProjectIdentifier cannot be empty for PROJECT scope',
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

test('a secret with more inputs than any template has is refused for that alone', () => {
  const entries = Array.from({ length: 101 }, () => ({ name: 'same', value: 'x' }));
  assert.deepEqual(problemsOf(...entries), [
    'secret.spec.value.environmentVariables: at most 100 inputs are possible',
  ]);
});
