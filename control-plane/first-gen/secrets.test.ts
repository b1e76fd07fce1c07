import assert from 'node:assert/strict';
import { eachDialect, type TestDatabase } from '../../test/harness/database.ts';
import { connectorYaml, templateYaml as kvYaml } from '../../test/harness/documents.ts';
import {
  failingWith,
  refused,
  signal,
  stranger,
  variables,
  viewer,
  type World,
  world,
} from '../../test/harness/first-gen.ts';
import { delivering, failing } from '../../test/harness/tools.ts';
import { deleteSecret, findSecretByUuid, setSecretUses, updateSecret } from '../store/secrets.ts';
import { findSetting } from '../store/settings.ts';
import type {
  EncryptedFileInput,
  EncryptedTextInput,
  FirstGenSecretType,
  UpdateEncryptedText,
} from './model.ts';

const types = ['ENCRYPTED_TEXT', 'ENCRYPTED_FILE', 'WINRM_CREDENTIAL', 'SSH_CREDENTIAL'] as const;
const production = {
  appEnvScopes: [
    { application: { filterType: 'ALL' }, environment: { filterType: 'PRODUCTION_ENVIRONMENTS' } },
  ],
} as const;

const updateText = (
  { operations, admin }: World,
  secretId: string,
  encryptedText: UpdateEncryptedText,
  caller = admin,
) =>
  operations.updateFirstGenSecret(
    caller,
    { secretId, secretType: 'ENCRYPTED_TEXT', encryptedText },
    undefined,
    signal,
  );

const bytes = (text: string) => Buffer.from(text);

async function createFile(
  { operations, admin }: World,
  encryptedFile: EncryptedFileInput,
  file: Uint8Array | undefined = bytes('content'),
): Promise<string> {
  const request = { secretType: 'ENCRYPTED_FILE', encryptedFile } as const;
  return (await operations.createFirstGenSecret(admin, request, file, signal)).id;
}

const updateFile = (
  { operations, admin }: World,
  secretId: string,
  encryptedFile: EncryptedFileInput,
  file?: Uint8Array,
) =>
  operations.updateFirstGenSecret(
    admin,
    { secretId, secretType: 'ENCRYPTED_FILE', encryptedFile },
    file,
    signal,
  );

const keptValue = async ({ database }: TestDatabase, { tools }: World, id: string) => {
  const value = await tools.encryption.get(database, `secret/${id}`);
  return value && Buffer.from(value).toString();
};

eachDialect("a text without a manager tells the account's default one, and is deleted again", async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  const id = await legate.createText({ name: '__temp__1', value: 'test' });
  assert.deepEqual(await operations.findFirstGenSecret(admin, id, 'ENCRYPTED_TEXT'), {
    id,
    name: '__temp__1',
    usageScope: [],
    secretType: 'ENCRYPTED_TEXT',
    secretManagerId: 'harnessSecretManager',
    scopedToAccount: false,
    inheritScopesFromSM: false,
  });
  assert.equal(await keptValue(store, legate, id), 'test');
  assert.equal(
    (await operations.findSecretManager(admin, 'harnessSecretManager')).name,
    'Legate built-in secret manager',
  );
  await operations.deleteFirstGenSecret(admin, id, 'ENCRYPTED_TEXT');
  assert.equal(await keptValue(store, legate, id), undefined);
});

eachDialect('a text is refused with the text of the first check that it fails', async store => {
  const legate = await world(store);
  const custom = await legate.createManager();
  await legate.createText({ name: 'taken', value: 'v' });
  legate.runs = 0;
  const one =
    'Invalid request: Exactly ONE out of secret value, secret reference or secret parameters is to be passed';
  const scopes =
    'Invalid scopes, please either select to inherit scopes from Secret Manager or provide your own scopes. You cannot do both.';
  const rows: [EncryptedTextInput, string][] = [
    [{ name: ' ' }, 'Invalid request: The name of the secret can not be blank'],
    [{ name: 's' }, one],
    [{ name: 's', value: ' ' }, one],
    [{ name: 's', value: 'v', secretReference: 'r' }, one],
    [{ name: 's', value: 'v', parameters: [] }, one],
    [{ name: 's', value: 'v', secretManagerId: 'nothing' }, 'Invalid request: Secret Manager does not exist'],
    [
      { name: 's', value: 'v', secretManagerId: custom },
      'Cannot create an inline secret with the selected secret manager',
    ],
    [
      { name: 's', secretReference: 'r', secretManagerId: custom },
      'Cannot create a referenced secret with the selected secret manager',
    ],
    [
      { name: 's', secretReference: 'r' },
      'Cannot create a referenced secret with the selected secret manager',
    ],
    [
      { name: 's', parameters: variables },
      'Cannot create a parameterized secret with the selected secret manager',
    ],
    ...'~!@#$%^&*\'"/?<>,;.'
      .split('')
      .map((character): [EncryptedTextInput, string] => [
        { name: `a${character}b`, value: 'v' },
        `Secret name should not have any of the following characters [~!@#$%^&*'"/?<>,;.]`,
      ]),
    [{ name: 's', value: 'v', inheritScopesFromSM: true, scopedToAccount: true }, scopes],
    [{ name: 's', value: 'v', inheritScopesFromSM: true, usageScope: production }, scopes],
    [
      { name: 'taken', value: 'v' },
      'A secret exists with the proposed secret name in your account. Please choose a different name',
    ],
    [
      { name: 's', parameters: [], secretManagerId: custom },
      'Invalid argument(s): The values for the variables key, engineName, path have not been provided as parameters of the secret',
    ],
  ];
  for (const [input, text] of rows)
    assert.equal(await refused(legate.createText(input)), text, JSON.stringify(input));
  assert.match(
    await refused(
      legate.createText({ name: 's', value: 'v', scopedToAccount: true, usageScope: production }),
    ),
    /^Invalid scopes/,
  );
  assert.equal(legate.runs, 0);
});

eachDialect('a secret whose name is taken while its script runs is told so', async store => {
  const legate = await world(store);
  const secretManagerId = await legate.createManager();
  legate.play(async function* (request) {
    await legate.createText({ name: 'one', value: 'v' });
    yield* delivering('value')(request);
  });
  assert.equal(
    await refused(legate.createText({ name: 'one', secretManagerId, parameters: variables })),
    'Secret with name one already exists',
  );
});

eachDialect('a request without the input of its type is refused', async store => {
  const { operations, admin } = await world(store);
  const names = ['encrypted text', 'encrypted file', 'winRM credential', 'ssh credential'];
  for (const [index, secretType] of types.entries()) {
    const text = (name: string) =>
      `Invalid request: No ${name} input provided with the request with secretType ${secretType}`;
    const name = names[index] ?? '';
    assert.equal(
      await refused(operations.createFirstGenSecret(admin, { secretType }, undefined, signal)),
      text(name),
    );
    const update = operations.updateFirstGenSecret(admin, { secretId: 'x', secretType }, undefined, signal);
    assert.equal(await refused(update), text(name === 'ssh credential' ? 'SSH credential' : name));
  }
});

eachDialect('what is not there, or is of another type, is not found', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  const text = await legate.createText({ name: 'a text', value: 'v' });
  const file = await createFile(legate, { name: 'a file' });
  const ssh = await legate.createSsh('login');
  const nothing = 'Invalid request: No secret exists with given input.';
  const own: Record<string, FirstGenSecretType> = {
    [text]: 'ENCRYPTED_TEXT',
    [file]: 'ENCRYPTED_FILE',
    [ssh]: 'SSH_CREDENTIAL',
    nothing: 'ENCRYPTED_TEXT',
  };
  for (const id of [text, file, ssh, 'nothing']) {
    for (const type of types.filter(other => other !== own[id] || id === 'nothing')) {
      assert.equal(await refused(operations.findFirstGenSecret(admin, id, type)), nothing);
      assert.equal(
        await refused(operations.deleteFirstGenSecret(admin, id, type)),
        `Invalid request: No secret exists with the id ${id}`,
      );
    }
  }
  assert.equal(
    await refused(operations.findFirstGenSecretByName(admin, 'a text', 'ENCRYPTED_FILE')),
    nothing,
  );
  assert.equal((await operations.findFirstGenSecretByName(admin, 'a text', 'ENCRYPTED_TEXT')).id, text);
  assert.equal(
    await refused(operations.deleteFirstGenSecret(admin, ' ', 'ENCRYPTED_TEXT')),
    'Invalid request: The secretId cannot be null in the delete request',
  );
  const update = (secretId: string, secretType: FirstGenSecretType) =>
    refused(
      operations.updateFirstGenSecret(
        admin,
        {
          secretId,
          secretType,
          encryptedText: {},
          encryptedFile: { name: 'x' },
          sshCredential: {},
          winRMCredential: {},
        },
        undefined,
        signal,
      ),
    );
  const rows: [id: string, type: FirstGenSecretType, text: string][] = [
    ['nothing', 'ENCRYPTED_TEXT', 'Invalid request: No encrypted text exists with the id nothing'],
    [ssh, 'ENCRYPTED_TEXT', `Invalid request: No encrypted text exists with the id ${ssh}`],
    ['nothing', 'ENCRYPTED_FILE', 'Invalid request: No encrypted file exists with the id nothing'],
    ['nothing', 'SSH_CREDENTIAL', 'Invalid request: No ssh credential exists with the id nothing'],
    [text, 'SSH_CREDENTIAL', `Invalid request: No ssh credential exists with the id ${text}`],
    ['nothing', 'WINRM_CREDENTIAL', 'Invalid request: No winRM credential exists with the id nothing'],
    [text, 'ENCRYPTED_FILE', 'Cannot convert encrypted text to encrypted file.'],
    [file, 'ENCRYPTED_TEXT', 'Cannot convert encrypted file to encrypted text.'],
  ];
  for (const [id, type, expected] of rows) assert.equal(await update(id, type), expected);
});

eachDialect('a parameterised secret is saved when its script delivers, and not otherwise', async store => {
  const legate = await world(store);
  const secretManagerId = await legate.createManager();
  const input = { name: 'db', secretManagerId, parameters: variables, scopedToAccount: true };
  legate.play(failingWith({ reason: 'empty-value' }));
  assert.equal(
    await refused(legate.createText(input)),
    'Could not find any secret with the parameters [key, engineName, path] or the secret fetched was empty',
  );
  legate.play(failing);
  assert.match(
    await refused(legate.createText(input)),
    /^Failed to read 'db' from shell script after 3 retries\n/,
  );
  const seen: unknown[] = [];
  legate.play(request => {
    seen.push(request.plan.inputs.map(({ value }) => value));
    return delivering('value')(request);
  });
  const id = await legate.createText(input);
  await updateText(legate, id, {
    parameters: variables.map(({ name }) => ({ name, value: '<+literal> ${too}' })),
  });
  const literal = '<+literal> ${too}';
  assert.deepEqual(seen, [
    ['key-1', 'engineName-1', 'path-1'],
    [literal, literal, literal],
  ]);
  const found = await legate.operations.findFirstGenSecret(legate.admin, id, 'ENCRYPTED_TEXT');
  assert.ok('scopedToAccount' in found);
  assert.deepEqual([found.scopedToAccount, found.secretManagerId], [true, secretManagerId]);
  legate.play(failing);
  const before = await findSecretByUuid(store.database, id);
  assert.match(await refused(updateText(legate, id, { name: 'other' })), /^Failed to read 'other'/);
  assert.deepEqual(await findSecretByUuid(store.database, id), before);
});

eachDialect(
  'a manager that was made from a document checks parameters as it checks its secrets',
  async store => {
    const legate = await world(store);
    await legate.tools.apply([kvYaml, connectorYaml].join('---\n'));
    const manager = await legate.operations.findSecretManagerByName(legate.admin, 'KV over HTTP');
    const make = (names: string[]) =>
      legate.createText({
        name: 's',
        secretManagerId: manager.id,
        parameters: names.map(name => ({ name, value: 'v' })),
      });
    assert.equal(
      await refused(make(['path', 'other'])),
      'Invalid request: Unnecessary environment variables provided in the secret: [other]',
    );
    assert.equal(await refused(make([])), 'Invalid request: There are missing environment variables: path');
    await make(['path']);
  },
);

eachDialect('where each secret brings its own credential, a secret without one is refused', async store => {
  const legate = await world(store);
  const ssh = await legate.createSsh('login');
  const connector = { name: 'connectorId', value: ssh };
  const secretManagerId = await legate.createManager({
    executeOnDelegate: false,
    isConnectorTemplatized: true,
    host: 'vault-1',
    testVariables: [...variables, connector],
  });
  const make = (parameters: typeof variables) =>
    legate.createText({ name: 's', secretManagerId, parameters });
  assert.equal(
    await refused(make(variables)),
    'Invalid argument(s): There is no connector supplied as a variable although the connector was templatized',
  );
  assert.equal(
    await refused(make([...variables, { ...connector, value: 'nothing' }])),
    'Invalid argument(s): Connector with id nothing was not found',
  );
  await make([...variables, connector]);
});

eachDialect('an update of a text is refused with the text of the first check that it fails', async store => {
  const legate = await world(store);
  const secretManagerId = await legate.createManager();
  const inline = await legate.createText({ name: 'inline', value: 'v' });
  const custom = await legate.createText({ name: 'custom', secretManagerId, parameters: variables });
  const kind = 'Cannot change the type of secret';
  const blank = (field: string) =>
    `Invalid request: Cannot set the value of encrypted text ${field} as blank`;
  const rows: [id: string, input: UpdateEncryptedText, text: string][] = [
    [inline, { name: null }, blank('name')],
    [inline, { name: ' ' }, blank('name')],
    [inline, { value: ' ' }, blank('value')],
    [inline, { secretReference: '' }, blank('reference')],
    [
      inline,
      { value: 'v', secretReference: 'r' },
      'Invalid request: Cannot update both value and secret reference for the encrypted text secret',
    ],
    [inline, { secretReference: 'r' }, kind],
    [inline, { parameters: [] }, kind],
    [custom, { value: 'v' }, kind],
    [
      inline,
      { name: 'a.b' },
      `Secret name should not have any of the following characters [~!@#$%^&*'"/?<>,;.]`,
    ],
    [
      inline,
      { name: 'custom' },
      'A secret exists with the proposed secret name in your account. Please choose a different name',
    ],
    [
      inline,
      { inheritScopesFromSM: true, scopedToAccount: true },
      'Invalid scopes, please either select to inherit scopes from Secret Manager or provide your own scopes. You cannot do both.',
    ],
  ];
  for (const [id, input, text] of rows)
    assert.equal(await refused(updateText(legate, id, input)), text, JSON.stringify(input));
  assert.equal(await keptValue(store, legate, inline), 'v');
});

eachDialect('an update changes what it names, and keeps the rest', async store => {
  const legate = await world(store);
  const id = await legate.createText({ name: 'one', value: 'old', scopedToAccount: true });
  const renamed = await updateText(legate, id, { name: ' two ', scopedToAccount: null });
  assert.ok('scopedToAccount' in renamed);
  assert.deepEqual([renamed.name, renamed.scopedToAccount], ['two', true]);
  assert.equal(await keptValue(store, legate, id), 'old');
  await updateText(legate, id, { value: 'new', secretReference: null, parameters: null });
  assert.equal(await keptValue(store, legate, id), 'new');
});

eachDialect('a change that lost its record, or a race, saves nothing', async store => {
  const legate = await world(store);
  const { database } = store;
  const secretManagerId = await legate.createManager();
  const id = await legate.createText({ name: 's', secretManagerId, parameters: variables });
  const row = async () => {
    const found = await findSecretByUuid(database, id);
    assert.ok(found);
    return found;
  };
  legate.play(async function* (request) {
    assert.ok(await updateSecret(database, await row(), legate.time));
    yield* delivering('value')(request);
  });
  assert.match(await refused(updateText(legate, id, { name: 'lost' })), /was changed by somebody else/);
  assert.equal((await row()).name, 's');
  legate.play(async function* (request) {
    await deleteSecret(database, await row());
    yield* delivering('value')(request);
  });
  assert.equal(
    await refused(updateText(legate, id, { name: 'lost' })),
    `Resource not found: Could not find secret with id ${id} in account ${await findSetting(database, 'account_id')}`,
  );
});

eachDialect('a file keeps its bytes, and is refused where it has none', async store => {
  const legate = await world(store);
  const custom = await legate.createManager();
  const id = await createFile(legate, { name: 'a file' });
  assert.equal(await keptValue(store, legate, id), 'content');
  const none = 'Invalid request: No/Empty file uploaded.';
  const request = { secretType: 'ENCRYPTED_FILE', encryptedFile: { name: 'b' } } as const;
  const { operations, admin } = legate;
  assert.equal(await refused(operations.createFirstGenSecret(admin, request, undefined, signal)), none);
  assert.equal(await refused(createFile(legate, { name: 'b' }, bytes(''))), none);
  assert.equal(await refused(createFile(legate, { name: ' ' })), 'Secret name cannot be empty');
  assert.equal(
    await refused(createFile(legate, { name: 'b', secretManagerId: custom })),
    'Cannot create an encrypted file with the selected secret manager',
  );
  assert.match(
    await refused(createFile(legate, { name: 'b' }, Buffer.alloc(1_048_577))),
    /^Encrypted file is larger than/,
  );
  assert.equal(
    await refused(updateFile(legate, id, { name: 'a file', secretManagerId: custom })),
    'Cannot change secret manager while updating secret',
  );
  assert.equal(await refused(updateFile(legate, id, { name: 'b' }, bytes(''))), 'Encrypted file is empty');
  await updateFile(legate, id, { name: 'b', secretManagerId: 'harnessSecretManager' });
  assert.equal(await keptValue(store, legate, id), 'content');
  await updateFile(legate, id, { name: 'b' }, bytes('new'));
  assert.equal(await keptValue(store, legate, id), 'new');
});

eachDialect('a secret that something uses is not deleted', async store => {
  const legate = await world(store);
  const { operations, admin } = legate;
  const id = await legate.createText({ name: 'password', value: 'v' });
  const used = await findSecretByUuid(store.database, id);
  assert.ok(used);
  const user = { kind: 'connector', scope: 'account', identifier: 'somebody' } as const;
  await setSecretUses(store.database, user, [used]);
  assert.equal(
    await refused(operations.deleteFirstGenSecret(admin, id, 'ENCRYPTED_TEXT')),
    'Can not delete secret because it is still being used. See setup usage(s) of the secret.',
  );
  assert.equal(await keptValue(store, legate, id), 'v');
});

eachDialect('whoever may not see secrets finds none; whoever may not change them is told so', async store => {
  const legate = await world(store);
  const { operations } = legate;
  const id = await legate.createText({ name: 'one', value: 'v' });
  const denied = 'User not authorized: ACCESS_DENIED';
  assert.equal((await operations.findFirstGenSecret(viewer, id, 'ENCRYPTED_TEXT')).name, 'one');
  assert.equal(await refused(legate.createText({ name: 'two', value: 'v' }, viewer)), denied);
  assert.equal(await refused(updateText(legate, id, {}, viewer)), denied);
  assert.equal(await refused(operations.deleteFirstGenSecret(viewer, id, 'ENCRYPTED_TEXT')), denied);
  for (const asked of [id, 'nothing']) {
    const texts = await Promise.all([
      refused(operations.findFirstGenSecret(stranger, asked, 'ENCRYPTED_TEXT')),
      refused(updateText(legate, asked, {}, stranger)),
      refused(operations.deleteFirstGenSecret(stranger, asked, 'ENCRYPTED_TEXT')),
    ]);
    assert.deepEqual(texts, [
      'Invalid request: No secret exists with given input.',
      `Invalid request: No encrypted text exists with the id ${asked}`,
      `Invalid request: No secret exists with the id ${asked}`,
    ]);
  }
  for (const name of ['one', 'nothing'])
    assert.equal(
      await refused(operations.findFirstGenSecretByName(stranger, name, 'ENCRYPTED_TEXT')),
      'Invalid request: No secret exists with given input.',
    );
});

eachDialect('values and parameters are nowhere in the trail, their fingerprints are', async store => {
  const legate = await world(store);
  const secretManagerId = await legate.createManager();
  await legate.createText({ name: 'one', value: 'hidden-value' });
  await legate.createText({ name: 'two', secretManagerId, parameters: variables });
  const records = JSON.stringify(await legate.records());
  assert.doesNotMatch(records, /hidden-value|path-1/);
  for (const text of ['hidden-value', 'path-1'])
    assert.ok(records.includes(legate.tools.audit.fingerprint(text)));
});
