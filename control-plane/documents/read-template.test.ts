import assert from 'node:assert/strict';
import test from 'node:test';
import { changed, templateYaml } from '../../test/harness/documents.ts';
import { readTemplate } from './read-template.ts';
import { readYaml } from './yaml.ts';

function document(): unknown {
  const yaml = readYaml(templateYaml);
  const data = yaml.ok ? yaml.documents[0]?.data : undefined;
  assert.ok(typeof data === 'object' && data !== null && 'template' in data);
  return data.template;
}

/** The problems of the example with one field changed. */
function problemsWith(path: string, value: unknown): string[] {
  const checked = readTemplate(changed(document(), path, value));
  return checked.ok ? [] : checked.problems;
}

const variable = (fields: object) => [{ name: 'path', type: 'String', value: '<+input>', ...fields }];
const variables = 'spec.environmentVariables';

const open = { kind: 'runtime', source: '<+input>', defaultText: undefined, validator: undefined };

function templateWith(path: string, value: unknown) {
  const checked = readTemplate(changed(document(), path, value));
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value;
}

test('a template as users have it is read', () => {
  const { content, document: kept, ...template } = templateWith('description', '');
  assert.deepEqual(template, {
    scope: 'account',
    identifier: 'http_kv_store',
    versionLabel: '1.0',
    name: 'http kv store',
  });
  const list = 'environmentVariables';
  assert.deepEqual(content.inputs, [
    { list, name: 'mount', type: 'String', value: open },
    { list, name: 'path', type: 'String', value: open },
    { list, name: 'key', type: 'String', value: { kind: 'fixed', text: 'password' } },
  ]);
  assert.equal(content.syntax, 'NG');
  assert.match(content.script, /^body=\$\(curl [^\n]*\nsecret=[^\n]*$/);
  assert.deepEqual(kept, document());
  assert.deepEqual(content.spec, new Map(Object.entries(Object(kept))).get('spec'));
});

test('a template lives where its document says', () => {
  assert.equal(templateWith('orgIdentifier', 'pay').scope, 'org/pay');
  const project = changed(changed(document(), 'orgIdentifier', 'pay'), 'projectIdentifier', 'demo');
  const checked = readTemplate(project);
  assert.equal(checked.ok && checked.value.scope, 'org/pay/demo');
  assert.deepEqual(problemsWith('projectIdentifier', 'demo'), [
    'template.orgIdentifier: OrgIdentifier cannot be empty for PROJECT scope',
  ]);
  assert.deepEqual(problemsWith('orgIdentifier', '../x'), [
    'template.orgIdentifier must be 1 to 128 letters, digits, "_" or "$", and begin with a letter or "_"',
  ]);
});

test('both lists of inputs are read, each with types in any case', () => {
  const inputs = templateWith('spec.inputVariables', [
    { name: 'path', type: 'NUMBER', value: '<+input>.default(7)' },
    { name: 'pin', type: 'secret', value: '<+secrets.getValue("account.x")>' },
  ]).content.inputs;
  assert.deepEqual(
    inputs.map(({ list, name, type }) => `${list}.${name} ${type}`),
    [
      'environmentVariables.mount String',
      'environmentVariables.path String',
      'environmentVariables.key String',
      'inputVariables.path Number',
      'inputVariables.pin Secret',
    ],
  );
});

test('a script may be written with the expressions of FirstGen', () => {
  assert.equal(templateWith('spec.expressionSyntax', 'FirstGen').content.syntax, 'FirstGen');
  assert.deepEqual(problemsWith('spec.expressionSyntax', 'Jinja'), [
    'template.spec.expressionSyntax must be NG or FirstGen',
  ]);
});

test('a default is read by the type of its input', () => {
  const wrong = { type: 'Number', value: '<+input>.default(seven)' };
  assert.deepEqual(problemsWith(variables, variable(wrong)), [
    'template.spec.environmentVariables[0].value: the default must be a number',
  ]);
  const shown = problemsWith(variables, variable({ type: 'Secret', value: '<+input>.default(x).regex(y)' }));
  assert.deepEqual(shown, [
    'template.spec.environmentVariables[0].value: it holds an <+input> that is not understood',
  ]);
});

test('fields that are not ours to interpret are kept as they are', () => {
  const checked = readTemplate(changed(document(), 'spec.made_up', { deep: ['x', null] }));
  assert.ok(checked.ok);
  assert.deepEqual(checked.value.document, changed(document(), 'spec.made_up', { deep: ['x', null] }));
});

test('the type of the source may stand in either place that files in circulation use', () => {
  assert.deepEqual(problemsWith('spec.source', { spec: { type: 'Inline', script: 'x' } }), []);
  assert.deepEqual(
    problemsWith('spec.source', { type: 'Inline', spec: { type: 'Inline', script: 'x' } }),
    [],
  );
  const refusal = ['template.spec.source.type must be Inline'];
  assert.deepEqual(problemsWith('spec.source', { spec: { script: 'x' } }), refusal);
  assert.deepEqual(
    problemsWith('spec.source', { type: 'Remote', spec: { type: 'Inline', script: 'x' } }),
    refusal,
  );
});

test('a fixed value is the text that was written; an empty one is a value', () => {
  for (const [value, text] of [
    ['', ''],
    ['1.0', '1.0'],
    [true, 'true'],
  ]) {
    const [input] = templateWith(variables, variable({ value })).content.inputs;
    assert.deepEqual(input?.value, { kind: 'fixed', text });
  }
});

test('a null is no value', () => {
  assert.deepEqual(problemsWith(variables, variable({ value: null })), [
    'template.spec.environmentVariables[0].value must be text; write "" for an empty one',
  ]);
  assert.deepEqual(problemsWith(variables, [{ name: 'path', type: 'String' }]), [
    'template.spec.environmentVariables[0].value is required',
  ]);
});

test('an expression that cannot be read is refused where it stands', () => {
  const [problem = ''] = problemsWith(variables, variable({ value: 'a <+pipeline.name>' }));
  assert.match(
    problem,
    /^template\.spec\.environmentVariables\[0\]\.value: <\+pipeline\.name> is not understood/,
  );
});

test('scope fields that are empty mean the account', () => {
  for (const empty of ['', null]) assert.deepEqual(problemsWith('orgIdentifier', empty), []);
});

test('other kinds, shells and sources are refused', () => {
  assert.deepEqual(problemsWith('type', 'Pipeline'), [
    'template.type must be SecretManager; templates of type Pipeline are not for secrets',
  ]);
  assert.deepEqual(problemsWith('spec.shell', 'PowerShell'), ['template.spec.shell must be Bash']);
  assert.deepEqual(problemsWith('spec.source.spec.script', ''), [
    'template.spec.source.spec.script must be the text of a script',
  ]);
  assert.deepEqual(problemsWith(variables, variable({ type: 'File' })), [
    'template.spec.environmentVariables[0].type must be String, Number or Secret',
  ]);
});

test('required fields are named', () => {
  for (const path of ['identifier', 'name', 'versionLabel', 'type', 'spec', 'spec.shell', 'spec.source']) {
    assert.deepEqual(problemsWith(path, undefined), [`template.${path} is required`]);
  }
});

test('names have a strict grammar', () => {
  const label =
    'template.versionLabel must be 1 to 128 characters without blanks, "/" or "&", and begin with a letter or digit';
  for (const wrong of ['', '-1', 'a b', 'a/b', 'a&b', 'x'.repeat(129), 'v1\n'])
    assert.deepEqual(problemsWith('versionLabel', wrong), [label], JSON.stringify(wrong));
  const identifier =
    'template.identifier must be 1 to 128 letters, digits or "_", and begin with a letter or "_"';
  for (const wrong of ['', '9a', 'a-b', 'a.b', 'a$', 'a'.repeat(129), 'a\n'])
    assert.deepEqual(problemsWith('identifier', wrong), [identifier], JSON.stringify(wrong));
  const name = 'template.name must be 1 to 128 letters, digits, blanks, "_", "." or "-"';
  for (const wrong of ['', ' a', 'a;b', 'a$(x)', 'a'.repeat(129)])
    assert.deepEqual(problemsWith('name', wrong), [name], JSON.stringify(wrong));
});

test('a variable that stands twice is named with its place', () => {
  const entry = { type: 'String', value: '<+input>' };
  assert.deepEqual(
    problemsWith(variables, [
      { ...entry, name: 'path' },
      { ...entry, name: 'other' },
      { ...entry, name: 'path' },
    ]),
    ['template.spec.environmentVariables[2].name: duplicate "path"'],
  );
});

test('what no task could carry is refused when it is saved', () => {
  assert.deepEqual(problemsWith(variables, variable({ value: 'a\0b' })), [
    'template.spec.environmentVariables[0].value must not hold a NUL character',
  ]);
  assert.deepEqual(problemsWith(variables, variable({ value: 'x'.repeat(65_536) })), []);
  assert.deepEqual(problemsWith(variables, variable({ value: 'x'.repeat(65_537) })), [
    'template.spec.environmentVariables[0].value must be at most 65536 characters',
  ]);
  const many = Array.from({ length: 101 }, (_, n) => ({ name: `v${n}`, type: 'String', value: '<+input>' }));
  assert.deepEqual(problemsWith(variables, many), [
    'template.spec.environmentVariables: at most 100 inputs are possible',
  ]);
  assert.deepEqual(problemsWith(variables, many.slice(1)), []);
});

test('half a character, as an escape can make one, is refused: it would arrive as another', () => {
  assert.deepEqual(problemsWith(variables, variable({ value: 'a\ud83d' })), [
    'template.spec.environmentVariables[0].value must be valid Unicode',
  ]);
  assert.deepEqual(problemsWith('spec.source.spec.script', 'secret=\udc00'), [
    'template.spec.source.spec.script must be valid Unicode',
  ]);
  assert.deepEqual(problemsWith(variables, variable({ value: '\ud83d\ude00' })), []);
});

test('all problems are told at once', () => {
  const twice = changed(changed(document(), 'type', 'Step'), 'spec.shell', 'sh');
  const checked = readTemplate(changed(twice, variables, variable({ type: 'Number', value: '<+x>' })));
  assert.ok(!checked.ok);
  assert.equal(checked.problems.length, 3);
});

test('a template with far too many inputs is refused for that alone', () => {
  const names = Array.from({ length: 40_000 }, (_, index) => `a${index}`);
  const environmentVariables = names.map(name => ({ name, type: 'String', value: 'x' }));
  const source = { type: 'Inline', spec: { script: 'secret=x' } };
  const spec = { shell: 'Bash', source, environmentVariables };
  const result = readTemplate({
    name: 't',
    identifier: 't',
    versionLabel: 'v1',
    type: 'SecretManager',
    spec,
  });
  assert.deepEqual(result.ok || result.problems, [
    'template.spec.environmentVariables: at most 100 inputs are possible',
  ]);
});
