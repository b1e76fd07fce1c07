import assert from 'node:assert/strict';
import test from 'node:test';
import { changed, connectorYaml } from '../../test/harness/documents.ts';
import { readConnector } from './read.ts';
import { readYaml } from './yaml.ts';

function document(yaml = connectorYaml): unknown {
  const read = readYaml(yaml);
  const data = read.ok ? read.documents[0]?.data : undefined;
  assert.ok(typeof data === 'object' && data !== null && 'connector' in data);
  return data.connector;
}

/** The example with one field changed. */
const readWith = (path: string, value: unknown) => readConnector(changed(document(), path, value));

function problemsWith(path: string, value: unknown): string[] {
  const checked = readWith(path, value);
  return checked.ok ? [] : checked.problems;
}

function connectorWith(path: string, value: unknown) {
  const checked = readWith(path, value);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value;
}

const inputs = 'spec.template.templateInputs.environmentVariables';

test('a connector as users have it is read', () => {
  const { document: _, ...connector } = connectorWith('description', '');
  assert.deepEqual(connector, {
    scope: 'account',
    identifier: 'kv_http',
    name: 'KV over HTTP',
    template: { scope: 'account', identifier: 'http_kv_store', versionLabel: '1.0' },
    inputs: [
      { name: 'mount', value: 'kv', useAsDefault: true },
      { name: 'path', value: 'demo/test', useAsDefault: false },
    ],
    // Duplicates collapse, blanks around a selector mean nothing.
    selectors: ['vault-net', 'eu'],
    timeoutSeconds: 20,
    workingDirectory: undefined,
  });
});

test('fields that are not ours to interpret are kept, null ones too', () => {
  const connector = connectorWith('testVariables', null);
  assert.deepEqual(connector.document, changed(document(), 'testVariables', null));
});

test('the timeout is 20 seconds unless it says otherwise, as a number or as text', () => {
  assert.equal(connectorWith('spec.timeout', undefined).timeoutSeconds, 20);
  assert.equal(connectorWith('spec.timeout', '20').timeoutSeconds, 20);
  assert.equal(connectorWith('spec.timeout', 1).timeoutSeconds, 1);
  assert.equal(connectorWith('spec.timeout', 3_600).timeoutSeconds, 3_600);
});

test('a timeout that is no integer from 1 to 3600 is refused', () => {
  for (const wrong of [0, 3_601, -1, 1.5, '1.5', '', '20s', '<+input>', null, true, [20], '1e1000'])
    assert.deepEqual(
      problemsWith('spec.timeout', wrong),
      ['connector.spec.timeout must be an integer from 1 to 3600'],
      JSON.stringify(wrong),
    );
});

test('running on a target host is refused by name, however it is asked for', () => {
  const refusal = (what: string) => [
    `connector.spec: running the script on a target host (${what}) is not supported yet; use onDelegate: true`,
  ];
  assert.deepEqual(problemsWith('spec.onDelegate', false), refusal('onDelegate: false'));
  assert.deepEqual(problemsWith('spec.onDelegate', 'false'), refusal('onDelegate: false'));
  assert.deepEqual(problemsWith('spec.host', '10.0.0.17'), refusal('host'));
  assert.deepEqual(problemsWith('spec.connectorRef', 'account.jump_key'), refusal('connectorRef'));
  const remote = changed(changed(document(), 'spec.host', 'h'), 'spec.connectorRef', 'account.k');
  const checked = readConnector(changed(remote, 'spec.onDelegate', false));
  assert.deepEqual(checked.ok ? [] : checked.problems, refusal('host and connectorRef'));
});

test('without a target the script runs on the delegate, whether that is said or not', () => {
  for (const value of [true, 'true', undefined]) assert.deepEqual(problemsWith('spec.onDelegate', value), []);
  for (const value of ['', null]) assert.deepEqual(problemsWith('spec.host', value), []);
});

test('a custom secret manager cannot be the default one', () => {
  const refusal = ['Custom secret manager cannot be set as default secret manager'];
  assert.deepEqual(problemsWith('spec.default', true), refusal);
  assert.deepEqual(problemsWith('spec.default', 'true'), refusal);
  assert.deepEqual(problemsWith('spec.default', false), []);
});

test('the version label is required, and keeps its form', () => {
  assert.deepEqual(problemsWith('spec.template.versionLabel', undefined), [
    'connector.spec.template.versionLabel is required',
  ]);
  const written = document(connectorYaml.replace('versionLabel: 1.0', 'versionLabel: 01.10'));
  const checked = readConnector(written);
  assert.ok(checked.ok);
  assert.equal(checked.value.template.versionLabel, '01.10');
});

test('the reference to the template is named when it is wrong', () => {
  assert.deepEqual(problemsWith('spec.template.templateRef', 'org.x'), [
    'connector.spec.template.templateRef: OrgIdentifier cannot be empty for ORG scope',
  ]);
  assert.deepEqual(problemsWith('spec.template.templateRef', ''), [
    'connector.spec.template.templateRef must be a reference, as in account.some_id',
  ]);
});

test('what is not there yet is refused by name', () => {
  const refused: [path: string, value: unknown, problem: string][] = [
    [
      'orgIdentifier',
      'default',
      "connector.orgIdentifier: organisation and project scope is not supported yet; leave it out for the account's",
    ],
    [
      'spec.template.templateInputs.inputVariables',
      [{}],
      'connector.spec.template.templateInputs.inputVariables is not supported yet',
    ],
    [
      'spec.delegateSelectors',
      ['eu', '<+input>'],
      'connector.spec.delegateSelectors[1]: an expression in a selector is not supported yet',
    ],
    [
      'spec.workingDirectory',
      '/home/$USER',
      'connector.spec.workingDirectory: an expression or variable in it is not supported yet',
    ],
    [
      inputs,
      [{ name: 'path', type: 'Number', value: '1' }],
      'connector.spec.template.templateInputs.environmentVariables[0].type: Number is not supported yet; use String',
    ],
    [
      inputs,
      [{ name: 'path', type: 'String', value: '<+secrets.getValue("account.pem")>' }],
      'connector.spec.template.templateInputs.environmentVariables[0].value: an expression in an input value is not supported yet; write a fixed text or <+input>',
    ],
  ];
  for (const [path, value, problem] of refused) assert.deepEqual(problemsWith(path, value), [problem]);
});

test('an input that is left open has no value, and an empty one has', () => {
  const connector = connectorWith(inputs, [
    { name: 'a', type: 'String', value: '<+input>', useAsDefault: true },
    { name: 'b', type: 'String', value: '', useAsDefault: 'true' },
  ]);
  assert.deepEqual(connector.inputs, [
    { name: 'a', value: undefined, useAsDefault: true },
    { name: 'b', value: '', useAsDefault: true },
  ]);
  assert.deepEqual(problemsWith(inputs, [{ name: 'a', type: 'String', value: null }]), [
    'connector.spec.template.templateInputs.environmentVariables[0].value must be text; write "" for an empty one',
  ]);
});

test('an input that stands twice is named with its place', () => {
  const entry = { name: 'path', type: 'String', value: 'x' };
  assert.deepEqual(problemsWith(inputs, [entry, entry]), [
    'connector.spec.template.templateInputs.environmentVariables[1].name: duplicate "path"',
  ]);
});

test('an empty selector is refused, as it would not mean "any delegate"', () => {
  for (const empty of ['', '  '])
    assert.deepEqual(problemsWith('spec.delegateSelectors', ['eu', empty]), [
      'connector.spec.delegateSelectors[1] must be text: a selector that is empty would not mean "any delegate"',
    ]);
  assert.deepEqual(connectorWith('spec.delegateSelectors', undefined).selectors, []);
});

test('a working directory is an absolute path; an empty one is none', () => {
  assert.equal(connectorWith('spec.workingDirectory', '/srv/a b').workingDirectory, '/srv/a b');
  assert.equal(connectorWith('spec.workingDirectory', '').workingDirectory, undefined);
  for (const wrong of ['tmp', './x', '/a\0b', `/${'x'.repeat(4_096)}`])
    assert.deepEqual(problemsWith('spec.workingDirectory', wrong), [
      'connector.spec.workingDirectory must be an absolute path of at most 4096 characters',
    ]);
});

test('another type of connector is refused', () => {
  assert.deepEqual(problemsWith('type', 'Vault'), ['connector.type must be CustomSecretManager']);
});
