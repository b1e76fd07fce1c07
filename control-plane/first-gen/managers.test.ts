import assert from 'node:assert/strict';
import { eachDialect } from '../../test/harness/database.ts';
import { connectorYaml, templateYaml as kvYaml } from '../../test/harness/documents.ts';
import {
  failingWith,
  managerInput,
  refused,
  signal,
  stranger,
  templateYaml,
  variables,
  viewer,
  type World,
  world,
} from '../../test/harness/first-gen.ts';
import { delivering, failing, someCaller } from '../../test/harness/tools.ts';
import { findConnectorByUuid, updateConnector } from '../store/connectors.ts';
import { findSetting, saveSetting } from '../store/settings.ts';
import type { CreateSecretManagerInput, SecretManagerType } from './model.ts';
import { ScriptRunError } from './script-run.ts';

const page = { limit: 100, offset: 0 };
const everything = () => true;

const find = ({ operations, admin }: World, id: string) => operations.findSecretManager(admin, id);
const create = ({ operations, admin }: World, input: Partial<CreateSecretManagerInput>) =>
  operations.createSecretManager(admin, { secretManagerType: 'CUSTOM', ...input }, signal);

eachDialect('a manager reads back as it was given', async store => {
  const legate = await world(store);
  const id = await legate.createManager({ delegateSelectors: [' eu', null, 'eu'], commandPath: '' });
  assert.deepEqual(await find(legate, ` ${id} `), {
    id,
    name: 'DocExampleSecretManager',
    type: 'CUSTOM',
    config: {
      templateId: legate.templateId,
      delegateSelectors: ['eu'],
      testVariables: variables,
      executeOnDelegate: true,
      isConnectorTemplatized: false,
      host: undefined,
      commandPath: '/tmp',
      connectorId: undefined,
      isDefault: false,
    },
    usageScope: [],
  });
  assert.equal(
    (await legate.operations.findSecretManagerByName(legate.admin, 'DocExampleSecretManager ')).id,
    id,
  );
  assert.equal(legate.runs, 1);
});

eachDialect('a manager is refused with the text of the first check that it fails', async store => {
  const legate = await world(store);
  const { templateId } = legate;
  const ssh = await legate.createSsh('login');
  const text = await legate.createText({ name: 'no login', value: 'v' });
  const remote = { executeOnDelegate: false, host: '10.0.0.17', connectorId: ssh };
  const badName =
    'Invalid argument(s): Name cannot be empty and can only have alphanumeric, hyphen, single inverted comma, space ' +
    'and exclamation mark characters.';
  const rows: [input: Parameters<World['createManager']>[0], text: string][] = [
    [{ templateId: 'nowhere' }, 'Base template for template with id nowhere does not exist'],
    [{ templateId: null }, 'Base template for template with id null does not exist'],
    [{ templateId: 'step' }, 'Base template for template with id step is not a Shell Script Template'],
    [{ ...remote, connectorId: 'nothing' }, 'Invalid argument(s): Connector with id nothing was not found'],
    [{ ...remote, connectorId: text }, `Invalid argument(s): Connector with id ${text} was not found`],
    [
      { ...remote, templateId: 'power' },
      'Invalid argument(s): Bash Script can only be used with SSH Connector and Powershell Script can only be used with WinRM Connector',
    ],
    [
      { ...remote, isConnectorTemplatized: true },
      'Invalid argument(s): There is no connector supplied as a variable although the connector was templatized',
    ],
    [
      { isDefault: true, name: '' },
      'Invalid argument(s): Custom secret manager cannot be set as default secret manager',
    ],
    [{ name: null }, badName],
    [{ name: 'a.b' }, badName],
    [{ name: ' ' }, badName],
    [
      { commandPath: '  ' },
      'Invalid argument(s): Command path for the custom secret manager cannot be empty',
    ],
    [
      { ...remote, host: null },
      'Invalid argument(s): Target host cannot be empty when the secret has to be retrieved from another system.',
    ],
    [
      { testVariables: [{ name: 'engineName', value: '' }] },
      'Invalid argument(s): The values for the variables key, path have not been provided as part of test parameters',
    ],
    [
      { testVariables: [...variables, { name: 'key', value: 'again' }] },
      'Invalid argument(s): testVariables must have each name once (more than once: key)',
    ],
    [
      { delegateSelectors: [' '] },
      'Invalid argument(s): delegateSelectors must not hold an empty text: it would not mean "any delegate"',
    ],
    [
      { ...remote, host: '-oProxyCommand=x' },
      'Invalid argument(s): host must be a host name or address, without blanks or a leading "-"',
    ],
  ];
  for (const [input, expected] of rows) {
    assert.equal(await refused(legate.createManager(input)), expected, JSON.stringify(input));
  }
  assert.equal(legate.runs, 0);
  assert.equal(
    await refused(create(legate, {})),
    'Invalid request: Custom Secret Manager config is not provided',
  );
  const others: SecretManagerType[] = [
    'AWS_KMS',
    'AWS_SECRET_MANAGER',
    'HASHICORP_VAULT',
    'AZURE_KEY_VAULT',
    'GOOGLE_KMS',
  ];
  for (const secretManagerType of others) {
    const request = { secretManagerType, customSecretManagerInput: managerInput(templateId) };
    assert.equal(
      await refused(create(legate, request)),
      'Invalid request: Secret manager type is not supported',
    );
  }
  const { total } = await legate.operations.listSecretManagers(legate.admin, everything, page);
  assert.equal(total, 1);
});

eachDialect('names may hold what the rule names, and an underscore', async store => {
  const legate = await world(store);
  const id = await legate.createManager({ name: "It's a-manager_1 !" });
  assert.equal((await find(legate, id)).name, "It's a-manager_1 !");
});

eachDialect('what has no value when the script has run is not saved', async store => {
  const legate = await world(store);
  const account = await findSetting(store.database, 'account_id');
  legate.play(failingWith({ reason: 'empty-value' }));
  assert.equal(
    await refused(legate.createManager()),
    `The custom shell script returned an empty or null value - accountId: ${account}, secret: DocExampleSecretManager`,
  );
  legate.play(failing);
  await assert.rejects(legate.createManager(), (error: unknown) => {
    assert.ok(error instanceof ScriptRunError);
    assert.deepEqual(error.problems, [
      "Failed to read 'DocExampleSecretManager' from shell script after 3 retries",
      'Could not retrieve secret with the given parameters due to error in shell script.',
      'exit code 3',
      'error output: no such entry',
    ]);
    const { code, attempts, exitCode, stderrTail } = error.details;
    assert.deepEqual(
      { code, attempts, exitCode, stderrTail },
      { code: 'SCRIPT_EXIT_NONZERO', attempts: 1, exitCode: 3, stderrTail: 'no such entry\n' },
    );
    return true;
  });
  assert.equal((await legate.operations.listSecretManagers(legate.admin, everything, page)).total, 1);
});

eachDialect('the script is not run where the account has switched that off', async store => {
  const legate = await world(store);
  await saveSetting(store.database, 'testOnSave', 'false');
  legate.play(failing);
  await legate.createManager();
  assert.equal(legate.runs, 0);
});

eachDialect(
  'a taken name is noticed after the run, also when both were made at the same time',
  async store => {
    const legate = await world(store);
    const taken =
      'Invalid argument(s): Could not save the custom secrets manager with name "DocExampleSecretManager". ' +
      'There might be already a secret manager with this name.';
    const texts = await Promise.all([refused(legate.createManager()), refused(legate.createManager())]);
    assert.deepEqual(texts.sort(), [taken, 'it was not refused'].sort());
    assert.equal(await refused(legate.createManager()), taken);
    assert.equal(legate.runs, 3);
  },
);

eachDialect('an update leaves what is absent or null, and clears what is empty', async store => {
  const legate = await world(store);
  const id = await legate.createManager({ delegateSelectors: ['eu'], commandPath: '/srv' });
  const nothing = { name: null, templateId: null, delegateSelectors: null, testVariables: null };
  const before = await find(legate, id);
  await legate.updateManager(id, {
    ...nothing,
    commandPath: null,
    executeOnDelegate: null,
    usageScope: null,
  });
  await legate.updateManager(id, {});
  assert.deepEqual(await find(legate, id), before);
  await legate.updateManager(id, { name: 'Other', delegateSelectors: [], commandPath: '' });
  const after = await find(legate, id);
  assert.equal(after.name, 'Other');
  assert.deepEqual(after.config?.delegateSelectors, []);
  assert.equal(after.config?.commandPath, '/tmp');
  assert.equal(legate.runs, 4);
  const texts: [Parameters<World['updateManager']>[1], string][] = [
    [{ templateId: '' }, 'Base template for template with id  does not exist'],
    [
      { testVariables: [] },
      'Invalid argument(s): The values for the variables key, engineName, path have not been provided as part of test parameters',
    ],
  ];
  for (const [input, text] of texts) assert.equal(await refused(legate.updateManager(id, input)), text);
  assert.match(await refused(legate.updateManager(id, { name: '' })), /Name cannot be empty/);
  assert.deepEqual(await find(legate, id), after);
});

eachDialect('a manager moves to a host and back, and forgets the host then', async store => {
  const legate = await world(store);
  const ssh = await legate.createSsh('login');
  const id = await legate.createManager();
  await legate.updateManager(id, { executeOnDelegate: false, host: 'vault-1', connectorId: ssh });
  const remote = (await find(legate, id)).config;
  assert.deepEqual([remote?.host, remote?.connectorId, remote?.commandPath], ['vault-1', ssh, '/tmp']);
  assert.match(await refused(legate.updateManager(id, { host: '' })), /Target host cannot be empty/);
  assert.match(
    await refused(legate.updateManager(id, { connectorId: '' })),
    /Connector with id null was not found/,
  );
  assert.equal(
    await refused(legate.operations.deleteFirstGenSecret(legate.admin, ssh, 'SSH_CREDENTIAL')),
    'Can not delete secret because it is still being used. See setup usage(s) of the secret.',
  );
  await legate.updateManager(id, { executeOnDelegate: true });
  const local = (await find(legate, id)).config;
  assert.deepEqual([local?.host, local?.connectorId], [undefined, undefined]);
  await legate.operations.deleteFirstGenSecret(legate.admin, ssh, 'SSH_CREDENTIAL');
});

eachDialect('an update of what is not there, or is of another kind, has its own text', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  await legate.tools.apply([kvYaml, connectorYaml].join('---\n'));
  const id = await legate.createManager();
  const other = 'Invalid request: Secret manager with given id is not of type CUSTOM';
  const nodes = (await operations.listSecretManagers(admin, everything, page)).nodes;
  const fromDocument = nodes.find(({ name }) => name === 'KV over HTTP');
  assert.equal(fromDocument?.config, undefined);
  assert.equal(
    await refused(legate.updateManager('nothing', {})),
    'Resource not found: Could not find a custom secret manager with configId nothing',
  );
  assert.equal(await refused(legate.updateManager(fromDocument?.id ?? '', {})), other);
  assert.equal(await refused(legate.updateManager('harnessSecretManager', {})), other);
  const asVault = { secretManagerId: id, secretManagerType: 'HASHICORP_VAULT' } as const;
  assert.equal(await refused(operations.updateSecretManager(admin, asVault, signal)), other);
  const withoutInput = { secretManagerId: id, secretManagerType: 'CUSTOM' } as const;
  assert.equal(
    await refused(operations.updateSecretManager(admin, withoutInput, signal)),
    'Invalid request: Custom Secret Manager config is not provided',
  );
  const otherId = { ...withoutInput, customSecretManagerInput: { uuid: 'x' } };
  assert.match(
    await refused(operations.updateSecretManager(admin, otherId, signal)),
    /^Invalid request: uuid must be/,
  );
  assert.equal(await refused(find(legate, 'nothing')), 'Invalid request: Secret Manager does not exist');
  assert.equal(
    await refused(operations.findSecretManagerByName(admin, 'nothing')),
    'Invalid request: Secret Manager does not exist',
  );
});

eachDialect('an update that lost a race saves nothing', async store => {
  const legate = await world(store);
  const id = await legate.createManager();
  legate.play(async function* (request) {
    const row = await findConnectorByUuid(store.database, id);
    assert.ok(row && (await updateConnector(store.database, row, legate.time)));
    yield* delivering('value')(request);
  });
  assert.match(await refused(legate.updateManager(id, { name: 'Lost' })), /was changed by somebody else/);
  assert.equal((await find(legate, id)).name, 'DocExampleSecretManager');
});

eachDialect('a template that changes while its script runs is not pinned untried', async store => {
  const legate = await world(store);
  legate.play(async function* (request) {
    await legate.tools.apply(templateYaml('kv', '; true'), { accept: true });
    yield* delivering('value')(request);
  });
  assert.match(await refused(legate.createManager()), /^Invalid request: The template kv was changed/);
});

eachDialect('a manager with secrets is not deleted, one without is', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  const unknown = "Invalid request: Secret manager with given id doesn't exist";
  assert.equal(await refused(operations.deleteSecretManager(admin, 'nothing')), unknown);
  const id = await legate.createManager();
  const secret = await legate.createText({ secretManagerId: id, name: 's', parameters: variables });
  assert.equal(
    await refused(operations.deleteSecretManager(admin, id)),
    'Can not delete the custom secret manager configuration since there are secrets encrypted with this. ' +
      'Please delete your secrets and try again.',
  );
  await operations.deleteFirstGenSecret(admin, secret, 'ENCRYPTED_TEXT');
  await operations.deleteSecretManager(admin, id);
  assert.equal(await refused(operations.deleteSecretManager(admin, id)), unknown);
});

eachDialect('managers are listed with the newest first and the built-in one last, by pages', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  for (const [index, name] of ['first', 'second', 'third'].entries()) {
    legate.time = `2024-06-0${index + 1}T00:00:00.000Z`;
    await legate.createManager({ name });
  }
  const { nodes, total } = await operations.listSecretManagers(admin, everything, page);
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['third', 'second', 'first', 'Legate built-in secret manager'],
  );
  assert.equal(total, 4);
  const second = await operations.listSecretManagers(admin, ({ type }) => type === 'CUSTOM', {
    limit: 1,
    offset: 1,
  });
  assert.deepEqual([second.nodes.map(({ name }) => name), second.total], [['second'], 3]);
});

eachDialect(
  'whoever may not see managers finds none; whoever may not change them is told so',
  async store => {
    const legate = await world(store);
    const { operations, templateId } = legate;
    const id = await legate.createManager();
    const denied = 'User not authorized: ACCESS_DENIED';
    assert.equal(await refused(legate.createManager({ name: 'x' }, viewer)), denied);
    assert.equal(await refused(legate.updateManager(id, {}, viewer)), denied);
    assert.equal(await refused(operations.deleteSecretManager(viewer, id)), denied);
    for (const caller of [stranger, someCaller({ role: 'fetcher', scope: 'account' })]) {
      const same = async (ask: (id: string) => Promise<unknown>, text: (id: string) => string) => {
        for (const asked of [id, 'nothing', 'harnessSecretManager'])
          assert.equal(await refused(ask(asked)), text(asked));
      };
      await same(
        asked => operations.findSecretManager(caller, asked),
        () => 'Invalid request: Secret Manager does not exist',
      );
      await same(
        asked => legate.updateManager(asked, {}, caller),
        asked => `Resource not found: Could not find a custom secret manager with configId ${asked}`,
      );
      await same(
        asked => operations.deleteSecretManager(caller, asked),
        () => "Invalid request: Secret manager with given id doesn't exist",
      );
      const nothing = await operations.listSecretManagers(caller, everything, page);
      assert.deepEqual(nothing, { nodes: [], total: 0 });
      assert.equal(await refused(legate.createManager({ templateId }, caller)), denied);
    }
  },
);

eachDialect('the trail says what changed, and of test variables their fingerprints', async store => {
  const legate = await world(store);
  const { fingerprint } = legate.tools.audit;
  const id = await legate.createManager();
  await legate.updateManager(id, { name: 'Other' });
  await legate.operations.deleteSecretManager(legate.admin, id);
  const changes = (await legate.records()).filter(
    ({ type, action }) => type === 'change' && String(action).startsWith('connector.'),
  );
  assert.deepEqual(
    changes.map(({ action }) => action),
    ['connector.create', 'connector.update', 'connector.delete'],
  );
  const [created, updated, deleted] = changes;
  assert.deepEqual(updated?.details, { 'before.name': 'DocExampleSecretManager', 'after.name': 'Other' });
  assert.deepEqual(created?.actor, { id: 'key-1', name: 'somebody' });
  assert.equal(
    Object.entries(Object(created?.fingerprints)).find(([name]) => name === 'after.testVariables.key')?.[1],
    fingerprint('key-1'),
  );
  assert.match(JSON.stringify(deleted?.details), /"before.name":"Other"/);
  assert.doesNotMatch(JSON.stringify(await legate.records()), /engineName-1/);
});
