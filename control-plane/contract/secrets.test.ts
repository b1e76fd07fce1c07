/** The contract's §4, §9.3 and §12.2: what is said of a secret that can't be saved. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile, manager, managerWith, refused, rows } from '../../test/harness/contract-rows.ts';
import { testDatabase } from '../../test/harness/database.ts';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../../test/harness/documents.ts';
import { refusalOf, toolsFor } from '../../test/harness/tools.ts';
import { secretOf } from '../load.ts';
import { findSecret } from '../store/secrets.ts';

const given = [variable('a', '1'), variable('b', '2')];
const elsewhere = { identifier: 'other', manager: 'account.keys' };
const keys = [
  aTemplate({ identifier: 'keys' }),
  aConnector({ identifier: 'keys', templateRef: 'account.keys' }),
];

rows('§12.2', {
  'the type is changed': {
    there: [aText('s', 'v')],
    asked: aSecret({
      type: 'SecretFile',
      manager: 'harnessSecretManager',
      valueType: 'Inline',
      content: 'v',
    }),
    message: 'Invalid request: Cannot change secret type after creation.',
  },
  'the type is changed, before anything is said of the value': {
    there: [...manager, aSecret({ inputs: given })],
    asked: aSecret({ type: 'SecretFile', manager: 'account.nothing' }),
    message: 'Invalid request: Cannot change secret type after creation.',
  },
  'the manager is changed': {
    there: [...manager, ...keys, aSecret({ inputs: given })],
    asked: aSecret({ manager: 'account.keys' }),
    message: 'Invalid request: Cannot change secret manager after creation.',
  },
  'the manager is changed to one that is not there': {
    there: [...manager, aSecret({ inputs: given })],
    asked: aSecret({ manager: 'account.nothing', value: 'no JSON' }),
    message: 'Invalid request: Cannot change secret manager after creation.',
  },
  'the manager is changed to the built-in one': {
    there: [...manager, aSecret({ inputs: given })],
    asked: aText('s', 'v'),
    message: 'Invalid request: Cannot change secret manager after creation.',
  },
  'the manager is not in the account': {
    asked: aSecret({ manager: 'account.nothing' }),
    message: 'No such secret manager found with identifier nothing in this scope.',
  },
  'the manager is not in the organisation': {
    asked: aSecret({ scope: 'org/pay/demo', manager: 'org.nothing' }),
    message: 'No such secret manager found with identifier nothing in org: pay',
  },
  'the manager is not in the project, and is not looked for above it': {
    there: manager,
    asked: aSecret({ scope: 'org/pay/demo', manager: 'conn', inputs: given }),
    message: 'No such secret manager found with identifier conn in org: pay and project: demo',
  },
  'the manager is not there, before anything is said of the value': {
    asked: aSecret({ manager: 'account.nothing', valueType: 'Inline', value: 'v' }),
    message: 'No such secret manager found with identifier nothing in this scope.',
  },
  'a value for a read-only manager': {
    there: manager,
    asked: aSecret({ valueType: 'Inline', value: 'v' }),
    message: 'Cannot create an Inline secret in read only secret manager',
  },
  'a file for a read-only manager': {
    there: manager,
    asked: aSecret({ type: 'SecretFile', valueType: 'Inline', content: 'v' }),
    message: 'Cannot create an Inline secret in read only secret manager',
  },
  'the value is not JSON': {
    there: manager,
    asked: aSecret({ value: '{"a' }),
    message: 'Invalid request: Invalid JSON has been passed while creating the secret',
  },
  'the value is empty although inputs are needed': {
    there: manager,
    asked: aSecret({ value: '' }),
    message: 'Invalid request: There are missing environment variables: a, b',
  },
  'a name is no text': {
    there: manager,
    asked: aSecret({ value: '{"environmentVariables":[{"name":5,"value":"x"}]}' }),
    message: 'Invalid request: "name" should be a string',
  },
  'names stand twice': {
    there: manager,
    asked: aSecret({ inputs: [...given, ...given] }),
    message: 'Invalid request: There are duplicate environment variables in the secret : a, b',
  },
  'names stand twice, before it is said that another is missing': {
    there: manager,
    asked: aSecret({ inputs: [variable('a', '1'), variable('a', '<+input>'), variable('z', '1')] }),
    message: 'Invalid request: There are duplicate environment variables in the secret : a',
  },
  'needed names are missing': {
    there: manager,
    asked: aSecret({ inputs: [] }),
    message:
      'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: a, b',
  },
  'a needed name is missing, before it is said that others are not needed': {
    there: manager,
    asked: aSecret({ inputs: [variable('a', '1'), variable('b', '<+input>'), variable('z', '1')] }),
    message:
      'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: b',
  },
  'names that the connector does not have': {
    there: manager,
    asked: aSecret({ inputs: [...given, variable('y', '1'), variable('z', '<+input>')] }),
    message: 'Invalid request: Unnecessary environment variables provided in the secret: [y, z]',
  },
  'names for a connector that has none': {
    there: keys,
    asked: aSecret({ manager: 'account.keys', inputs: given }),
    message: 'Invalid request: Unnecessary environment variables provided in the secret: [a, b]',
  },
  'a name that the template has fixed': {
    there: managerWith([variable('url', 'https://store.test')]),
    asked: aSecret({ inputs: [variable('url', 'https://evil.test')] }),
    message: 'Invalid request: Unnecessary environment variables provided in the secret: [url]',
  },
  'a reference': {
    there: manager,
    asked: aSecret({ valueType: 'Reference', value: 'x' }),
    message: 'Invalid request: Validating referenced secrets for Custom Secret Manager is not supported.',
  },
  'a reference of another type': {
    there: manager,
    asked: aSecret({ type: 'SecretFile', valueType: 'Reference', value: 'x' }),
    message: 'Invalid request: Validating referenced secrets is only supported for type Secret Text',
  },
  'values are checked on update as on create': {
    there: [...manager, aSecret({ inputs: given })],
    asked: aSecret({ inputs: [variable('a', '1')] }),
    message:
      'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: b',
  },
});

const script = 'secret="<+secrets.getValue("account.other")>"';
const other = aSecret(elsewhere);
const byInput = [
  aTemplate({
    inputs: [variable('key', '<+input>')],
    script: 'secret="<+secrets.getValue(<+spec.environmentVariables.key>)>"',
  }),
  aConnector({ ignoreTestConnection: true }),
];
const inElsewhere =
  'Secret [other] specified in template is stored in secret manager [keys]. Secrets used in the template ' +
  'should be stored in [Legate built-in secret manager]';
const cyclic = 'Detected cyclic dependency in credentials of secret manager- [conn]';

rows('§9.3', {
  'a connector whose script uses a secret that lives elsewhere': {
    there: [...keys, other, aTemplate({ script })],
    asked: aConnector(),
    message: inElsewhere,
  },
  'a connector whose own input names a secret that lives elsewhere': {
    there: [...keys, other, aTemplate({ inputs: [variable('a', '<+input>')] })],
    asked: aConnector({ inputs: [variable('a', '<+secrets.getValue("account.other")>')] }),
    message: inElsewhere,
  },
  'a secret whose input names a secret that lives elsewhere': {
    there: [...keys, other, ...byInput],
    asked: aSecret({ inputs: [variable('key', 'account.other')] }),
    message: inElsewhere,
  },
  'a secret of a connector whose script uses what was put elsewhere since then': {
    there: [...keys, aTemplate({ script }), aConnector(), other],
    asked: aSecret(),
    message: inElsewhere,
  },
  'a connector whose script uses a secret of its own': {
    there: [
      aTemplate(),
      aTemplate({ versionLabel: '2', script }),
      aConnector(),
      aSecret({ identifier: 'other' }),
    ],
    asked: aConnector({ versionLabel: '2' }),
    message: cyclic,
  },
  'a secret that the script of its own manager uses': {
    there: [aTemplate({ script }), aConnector()],
    asked: aSecret({ identifier: 'other' }),
    message: cyclic,
  },
  'a secret whose input names a secret of the same manager': {
    there: [
      ...byInput,
      aText('key', 'v'),
      aSecret({ identifier: 'other', inputs: [variable('key', 'account.key')] }),
    ],
    asked: aSecret({ inputs: [variable('key', 'account.other')] }),
    message: cyclic,
  },
  'a connector that would wait for itself, by way of another': {
    there: [
      aTemplate({ script }),
      aTemplate({ identifier: 'keys', script: 'secret="<+secrets.getValue("account.mine")>"' }),
      aConnector({ allowSecretsOfOtherManagers: true }),
      aSecret({ identifier: 'mine' }),
      aConnector({ identifier: 'keys', templateRef: 'account.keys', allowSecretsOfOtherManagers: true }),
    ],
    asked: other,
    message: cyclic,
  },
});

test('§9.3: a secret that a script uses need not be there when the connector is saved', async () => {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  assert.equal((await tools.apply(yamlOf(aTemplate({ script }), aConnector(), aSecret()))).length, 3);
});

test('§12.2: an identifier that the other API has taken', async () => {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  await tools.apply(yamlOf(aText('s', 'v')));
  await store.database.updateTable('secrets').set({ generation: 'FirstGen' }).execute();
  const [first] = (await refused(tools, aText('s', 'v'))).split('\n');
  assert.equal(first, 'Invalid request: Secret with identifier s already exists in this scope');
});

test('§12.2: anything unexpected, with its cause for the log', async () => {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  const fault = new Error('the disk is full');
  tools.encryption.put = () => Promise.reject(fault);
  const error = await refusalOf(tools.apply(yamlOf(aText('s', 'v'))));
  assert.equal(error.message, 'Invalid request: x.yaml:1: Secret Creation Failed');
  assert.equal(error.cause, fault);
  assert.equal(await findSecret(store.database, { scope: 'account', identifier: 's' }), undefined);
});

test('§8: a stored value that cannot be read any more', async () => {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  await tools.apply(yamlOf(...manager, aSecret({ inputs: given })));
  const stored = await findSecret(store.database, { scope: 'account', identifier: 's' });
  assert.ok(stored);
  const [document] = Object.values(aSecret({ value: '{"hunter2' }));
  assert.throws(
    () => secretOf({ ...stored, document }),
    /^RequestError: Invalid request: Input values passed can not be converted to TemplateInput map. Parsing error : Invalid JSON has been passed while creating the secret$/,
  );
});
