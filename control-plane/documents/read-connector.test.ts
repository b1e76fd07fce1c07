import assert from 'node:assert/strict';
import test from 'node:test';
import { changed, connectorYaml } from '../../test/harness/documents.ts';
import { readConnector } from './read-connector.ts';
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
const given = { list: 'environmentVariables', type: 'String' };

test('a connector as users have it is read', () => {
  const { document: _, ...connector } = connectorWith('description', '');
  assert.deepEqual(connector, {
    scope: 'account',
    identifier: 'kv_http',
    generation: 'NG',
    name: 'KV over HTTP',
    template: { scope: 'account', identifier: 'http_kv_store', versionLabel: '1.0' },
    inputs: [
      { ...given, name: 'mount', value: { kind: 'fixed', text: 'kv' }, useAsDefault: true },
      { ...given, name: 'path', value: { kind: 'fixed', text: 'demo/test' }, useAsDefault: false },
    ],
    // Duplicates collapse, blanks around a selector mean nothing.
    selectors: ['vault-net', 'eu'],
    timeoutSeconds: 20,
    workingDirectory: undefined,
    target: { kind: 'delegate' },
    ignoreTest: false,
    allowOtherManagers: false,
    cacheTtlSeconds: 0,
    usageScope: [],
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

test('a value is not kept unless it says for how many seconds, up to a day', () => {
  assert.equal(connectorWith('spec.cacheTtlSeconds', undefined).cacheTtlSeconds, 0);
  assert.equal(connectorWith('spec.cacheTtlSeconds', '300').cacheTtlSeconds, 300);
  assert.equal(connectorWith('spec.cacheTtlSeconds', 86_400).cacheTtlSeconds, 86_400);
  for (const wrong of [-1, 86_401, 1.5, 'soon', true, '007'])
    assert.deepEqual(problemsWith('spec.cacheTtlSeconds', wrong), [
      'connector.spec.cacheTtlSeconds must be an integer from 0 to 86400',
    ]);
});

test('a timeout that is no integer from 1 to 3600 is refused', () => {
  for (const wrong of [0, 3_601, -1, 1.5, '1.5', '', '20s', '<+input>', null, true, [20], '1e1000'])
    assert.deepEqual(
      problemsWith('spec.timeout', wrong),
      ['connector.spec.timeout must be an integer from 1 to 3600'],
      JSON.stringify(wrong),
    );
});

const remote = {
  onDelegate: false,
  host: ' 10.0.0.17 ',
  connectorRef: 'account.jump',
  workingDirectory: '/tmp',
};
function readRemote(more: object) {
  let data = document();
  for (const [field, value] of Object.entries({ ...remote, ...more }))
    data = changed(data, `spec.${field}`, value);
  return readConnector(data);
}

test('a script runs on a target host where onDelegate is false, or follows from the rest', () => {
  const target = {
    kind: 'host',
    host: '10.0.0.17',
    credential: { scope: 'account', identifier: 'jump' },
  };
  for (const onDelegate of [false, 'false', undefined]) {
    const checked = readRemote({ onDelegate });
    assert.deepEqual(checked.ok && checked.value.target, target);
  }
  const local = readRemote({ onDelegate: true });
  assert.deepEqual(local.ok && local.value.target, { kind: 'delegate' });
});

test('a host is a name or an address, and nothing that a program could take for an option', () => {
  for (const host of ['-oProxyCommand=x', 'a b', 'a;b', '$(x)', 'a\nb']) {
    const checked = readRemote({ host });
    assert.deepEqual(checked.ok ? [] : checked.problems, [
      'connector.spec.host must be a host name or address, without blanks or a leading "-"',
    ]);
  }
  for (const host of ['h', 'h.example', '::1', '[fe80::1%eth0]', '<+spec.host>'])
    assert.ok(readRemote({ host }).ok);
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
    'connector.spec.template.templateRef: The org level templateRef cannot be used at account level. Ref: [org.x]',
  ]);
  assert.deepEqual(problemsWith('spec.template.templateRef', ''), [
    'connector.spec.template.templateRef: Empty identifier ref cannot be used for templateRef',
  ]);
});

test('references are read in the scope of the connector', () => {
  const data = changed(changed(document(), 'orgIdentifier', 'pay'), 'projectIdentifier', 'demo');
  for (const [reference, scope] of [
    ['x', 'org/pay/demo'],
    ['org.x', 'org/pay'],
    ['account.x', 'account'],
  ] as const) {
    const checked = readConnector(changed(data, 'spec.template.templateRef', reference));
    assert.deepEqual(checked.ok && checked.value.template, { scope, identifier: 'x', versionLabel: '1.0' });
  }
});

test('a refusal for nothing but references has their code, which decides how its text begins', () => {
  const code = (data: unknown) => {
    const checked = readConnector(data);
    return checked.ok ? 'none' : checked.code;
  };
  const wrong = changed(document(), 'spec.template.templateRef', 'x');
  assert.equal(code(wrong), 'INVALID_IDENTIFIER_REF');
  assert.equal(code(changed(wrong, 'type', 'Vault')), undefined);
});

test('selectors and the working directory may hold expressions, but no secret', () => {
  const path = '<+spec.environmentVariables.path>';
  assert.deepEqual(connectorWith('spec.delegateSelectors', [path]).selectors, [path]);
  assert.equal(connectorWith('spec.workingDirectory', `/srv/${path}`).workingDirectory, `/srv/${path}`);
  assert.deepEqual(problemsWith('spec.workingDirectory', '/srv/<+secrets.getValue("account.x")>'), [
    "connector.spec.workingDirectory must not hold a secret's value",
  ]);
  assert.deepEqual(problemsWith('spec.workingDirectory', '/home/$USER'), [
    'connector.spec.workingDirectory: variables ($NAME) work on a target host only',
  ]);
});

test('a usage scope is read, each entry once; what is wrong with one is told in the words of the original', () => {
  const entry = {
    application: { filterType: 'ALL' },
    environment: { filterType: 'PRODUCTION_ENVIRONMENTS' },
  };
  assert.deepEqual(connectorWith('spec.usageScope', { appEnvScopes: [entry, entry] }).usageScope, [entry]);
  assert.deepEqual(
    problemsWith('spec.usageScope', { appEnvScopes: [{ application: {}, environment: {} }] }),
    ['No appId or filterType provided in the app filter'],
  );
});

test('an input that is left open has no value, and an empty one has', () => {
  const connector = connectorWith(inputs, [
    { name: 'a', type: 'String', value: '<+input>', useAsDefault: true },
    { name: 'b', type: 'String', value: '', useAsDefault: 'true' },
  ]);
  assert.deepEqual(connector.inputs, [
    {
      ...given,
      name: 'a',
      value: { kind: 'runtime', source: '<+input>', defaultText: undefined, validator: undefined },
      useAsDefault: true,
    },
    { ...given, name: 'b', value: { kind: 'fixed', text: '' }, useAsDefault: true },
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
  for (const wrong of ['tmp', './x', `/a\0b`, `/${'x'.repeat(4_096)}`])
    assert.deepEqual(problemsWith('spec.workingDirectory', wrong), [
      'connector.spec.workingDirectory must be an absolute path of at most 4096 characters',
    ]);
});

test('another type of connector is refused', () => {
  assert.deepEqual(problemsWith('type', 'Vault'), [
    'connector.type must be CustomSecretManager; connectors of type Vault are not supported',
  ]);
});
