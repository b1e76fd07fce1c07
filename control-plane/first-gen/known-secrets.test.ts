import assert from 'node:assert/strict';
import { eachDialect } from '../../test/harness/database.ts';
import { signal, type World, world } from '../../test/harness/first-gen.ts';
import { connectorOf } from '../load.ts';
import { findConnectorByUuid } from '../store/connectors.ts';

const mask = '**************';
const known = 's3cret-of-the-store';
const given = (key: string, path = 'demo/db') => [
  { name: 'key', value: key },
  { name: 'engineName', value: 'kv' },
  { name: 'path', value: path },
];

async function shownOf({ operations, admin }: World, id: string) {
  const { config } = await operations.findSecretManager(admin, id);
  return config?.testVariables.map(({ value }) => value);
}

async function storedOf({ tools }: World, id: string) {
  const stored = await findConnectorByUuid(tools.database, id);
  assert.ok(stored);
  const { inputs, document } = connectorOf(stored);
  return { values: inputs.map(({ value }) => value.kind === 'fixed' && value.text), document };
}

eachDialect('a test value that a secret of the account has is masked; the script gets it', async store => {
  const legate = await world(store);
  await legate.createText({ name: 'token', value: known });
  const id = await legate.createManager({ testVariables: given(known) });
  assert.deepEqual(await shownOf(legate, id), [mask, 'kv', 'demo/db']);
  const listed = await legate.operations.listSecretManagers(legate.admin, () => true, {
    limit: 9,
    offset: 0,
  });
  const seen = [
    listed,
    await legate.operations.findSecretManagerByName(legate.admin, 'DocExampleSecretManager'),
  ];
  const stored = await storedOf(legate, id);
  assert.deepEqual(stored.values, [known, 'kv', 'demo/db']);
  assert.ok(!JSON.stringify([seen, stored.document, await legate.records()]).includes(known));
});

eachDialect('a value in the middle of others, or a short one, is not masked', async store => {
  const legate = await world(store);
  await legate.createText({ name: 'token', value: known });
  await legate.createText({ name: 'pin', value: 'kv' });
  const id = await legate.createManager({ testVariables: given(`${known}-2`) });
  assert.deepEqual(await shownOf(legate, id), [`${known}-2`, 'kv', 'demo/db']);
});

eachDialect('the content of a file counts without its last line end', async store => {
  const legate = await world(store);
  const input = { secretType: 'ENCRYPTED_FILE', encryptedFile: { name: 'file' } } as const;
  const pem = '-----BEGIN KEY-----\nMIIE\n-----END KEY-----';
  await legate.operations.createFirstGenSecret(legate.admin, input, Buffer.from(`${pem}\r\n`), signal);
  const id = await legate.createManager({ testVariables: given(pem) });
  assert.deepEqual(await shownOf(legate, id), [mask, 'kv', 'demo/db']);
});

eachDialect('what the template calls a secret is masked whatever it is', async store => {
  const legate = await world(store);
  await legate.tools.apply(`template:
  name: typed
  identifier: typed
  versionLabel: "1"
  type: SecretManager
  spec:
    shell: Bash
    expressionSyntax: FirstGen
    onDelegate: true
    source: { type: Inline, spec: { script: 'secret=\${token}' } }
    environmentVariables:
      - { name: token, type: Secret, value: <+input> }
`);
  const { nodes } = await legate.operations.listFirstGenTemplates(legate.admin, { limit: 9, offset: 0 });
  const templateId = nodes.find(({ name }) => name === 'typed')?.uuid;
  const testVariables = [{ name: 'token', value: 'nobody knows' }];
  const id = await legate.createManager({ templateId, testVariables });
  assert.deepEqual(await shownOf(legate, id), [mask]);
});

eachDialect(
  'whoever writes back what was read changes nothing; a new value is looked at anew',
  async store => {
    const legate = await world(store);
    const secretId = await legate.createText({ name: 'token', value: known });
    const id = await legate.createManager({ testVariables: given(known) });
    await legate.updateManager(id, { testVariables: given(mask, 'other') });
    assert.deepEqual((await storedOf(legate, id)).values, [known, 'kv', 'other']);
    assert.deepEqual(await shownOf(legate, id), [mask, 'kv', 'other']);

    // Somewhere the old value may count for a while.
    const encryptedText = { value: 'rotated' };
    await legate.operations.updateFirstGenSecret(
      legate.admin,
      { secretId, secretType: 'ENCRYPTED_TEXT', encryptedText },
      undefined,
      signal,
    );
    await legate.updateManager(id, { commandPath: '/var/tmp' });
    assert.deepEqual(await shownOf(legate, id), [mask, 'kv', 'other']);
    await legate.updateManager(id, { testVariables: given('plain') });
    assert.deepEqual(await shownOf(legate, id), ['plain', 'kv', 'demo/db']);
    await legate.updateManager(id, { testVariables: given(mask) });
    assert.deepEqual(
      (await storedOf(legate, id)).values,
      [mask, 'kv', 'demo/db'],
      'nothing was hidden by then',
    );
  },
);

eachDialect('a value that cannot be decrypted does not keep managers from being saved', async store => {
  const legate = await world(store);
  await legate.createText({ name: 'token', value: known });
  await store.database.updateTable('encrypted_values').set({ owner: 'secret/other' }).execute();
  await legate.createText({ name: 'second', value: known });
  await store.database.updateTable('encrypted_values').set({ wrapped_key: 'AAAA' }).execute();
  const id = await legate.createManager({ testVariables: given(known) });
  assert.deepEqual(await shownOf(legate, id), [known, 'kv', 'demo/db']);
});
