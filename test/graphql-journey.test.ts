// A FirstGen account over the wire: the requests that its clients send, to a real control plane, delegate and store.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { firstGenIdentifier } from '../control-plane/first-gen/identifier.ts';
import { openDatabase } from '../control-plane/store/database.ts';
import { type GraphqlClient, get, graphqlClient } from './harness/graphql-client.ts';
import { startWorld, type World } from './harness/world.ts';

// Byte for byte, blanks at line ends included.
const given = (name: string) =>
  readFileSync(new URL(`fixtures/first-gen-requests/${name}.txt`, import.meta.url), 'utf8');

let world: World;
let client: GraphqlClient;
before(async () => {
  world = await startWorld();
  await world.connectedAgent();
  const delegates = '{ delegateList(limit: 1) { nodes { accountId } } }';
  const { delegateList } = await graphqlClient(`${world.url}/graphql`, world.apiKey).data(delegates);
  const [{ accountId }] = JSON.parse(JSON.stringify(get(delegateList, 'nodes')));
  client = graphqlClient(`${world.url}/api/graphql?accountId=${accountId}`, world.apiKey);
});
after(() => world[Symbol.asyncDispose]());

/** Applies a FirstGen template, and gives its id. */
async function template(identifier: string, script: string, names: readonly string[] = []): Promise<string> {
  const environmentVariables = names.map(name => ({ name, type: 'String', value: '<+input>' }));
  const spec = {
    shell: 'Bash',
    expressionSyntax: 'FirstGen',
    onDelegate: true,
    source: { type: 'Inline', spec: { script } },
    environmentVariables,
  };
  const document = { name: identifier, identifier, versionLabel: '1', type: 'SecretManager', spec };
  await world.apply(JSON.stringify({ template: document }));
  const listed = await client.data('query($r: String!) { legate { template(reference: $r) { uuid } } }', {
    r: `account.${identifier}`,
  });
  return String(get(listed, 'legate.template.uuid'));
}

const createManager = `mutation($i: CreateSecretManagerInput!) {
  createSecretManager(input: $i) { clientMutationId secretManager { id name } } }`;
const createSecret = `mutation($i: CreateSecretInput!) {
  createSecret(input: $i) { clientMutationId secret { id name secretType
    ... on EncryptedText { secretManagerId scopedToAccount } ... on EncryptedFile { secretManagerId } } } }`;
const updateSecret = `mutation($i: UpdateSecretInput!) { updateSecret(input: $i) { secret { id name } } }`;
const deleteSecret = `mutation($i: DeleteSecretInput!) { deleteSecret(input: $i) { clientMutationId } }`;
const deleteManager = `mutation($i: DeleteSecretManagerInput!) {
  deleteSecretManager(input: $i) { clientMutationId } }`;
const fetchValue = `mutation($s: String!, $a: String, $e: String) {
  legate { fetch(secret: $s, application: $a, environment: $e) { value delegate } } }`;

const manager = async (name: string, templateId: string, testVariables: object[] = []) => {
  const customSecretManagerInput = { name, templateId, executeOnDelegate: true, testVariables };
  const made = await client.data(createManager, {
    i: { secretManagerType: 'CUSTOM', customSecretManagerInput },
  });
  return String(get(made, 'createSecretManager.secretManager.id'));
};
const text = async (encryptedText: object) => {
  const made = await client.data(createSecret, { i: { secretType: 'ENCRYPTED_TEXT', encryptedText } });
  return String(get(made, 'createSecret.secret.id'));
};
const removeText = (secretId: string) => ({ i: { secretId, secretType: 'ENCRYPTED_TEXT' } });
const reference = (id: string) => `account.${firstGenIdentifier(id)}`;
const fetched = async (id: string, consumer: object = {}) =>
  get(await client.data(fetchValue, { s: reference(id), ...consumer }), 'legate.fetch.value');

test('the documents of the original run as they are, their scripts on the delegate', async () => {
  const names = ['key', 'engineName', 'path'];
  const script = (word: string) =>
    `echo "${word} \${engineName}/\${path}/\${key}" >>'${join(world.folder, 'runs')}'; secret=found`;
  await template('doc_create', script('create'), names);
  await template('doc_update', script('update'), names);
  const run = async (document: string, variables: string) =>
    client.post(given(document), JSON.parse(given(variables)));
  const changeId = async (table: 'templates' | 'connectors', uuid: string, identifier: string) => {
    await database.updateTable(table).set({ uuid }).where('identifier', '=', identifier).execute();
  };
  const database = openDatabase(join(world.folder, 'data', 'legate.db'));
  try {
    await changeId('templates', 'x'.repeat(22), 'doc_create');
    await changeId('templates', 'x'.repeat(21), 'doc_update');
    const created = await run('create.graphql', 'create-on-delegate.json');
    assert.match(created, /^\{"data":\{"createSecretManager":\{"secretManager":\{"id":"[^"]+"\}\}\}\}$/);
    const id = String(get(JSON.parse(created), 'data.createSecretManager.secretManager.id'));
    await changeId('connectors', 'x'.repeat(10), firstGenIdentifier(id));
  } finally {
    await database.destroy();
  }
  assert.equal(
    await run('update.graphql', 'update.json'),
    '{"data":{"updateSecretManager":{"secretManager":{"name":"DocExampleSecretManager_updated1","id":"xxxxxxxxxx"}}}}',
  );
  assert.equal(
    readFileSync(join(world.folder, 'runs'), 'utf8'),
    'create xxxx/xxxx/xxxx\nupdate xxxx/xxxx/xxxx\n',
  );
  const read = `query($id: String!) { secretManager(secretManagerId: $id) { id name
    config { ... on CustomSecretManagerConfig { templateId executeOnDelegate host commandPath delegateSelectors } }
    usageScope { appEnvScopes { application { filterType appId } environment { filterType envId } } } } }`;
  assert.deepEqual(get(await client.data(read, { id: 'xxxxxxxxxx' }), 'secretManager'), {
    id: 'xxxxxxxxxx',
    name: 'DocExampleSecretManager_updated1',
    config: {
      templateId: 'x'.repeat(21),
      executeOnDelegate: true,
      host: null,
      commandPath: '/tmp',
      delegateSelectors: [],
    },
    usageScope: {
      appEnvScopes: [
        {
          application: { filterType: 'ALL', appId: null },
          environment: { filterType: 'PRODUCTION_ENVIRONMENTS', envId: null },
        },
      ],
    },
  });
  assert.equal(
    await run('delete.graphql', 'delete.json'),
    '{"data":{"deleteSecretManager":{"clientMutationId":"xPxNsOusEaAsdQifDdGxx"}}}',
  );
  assert.deepEqual(await client.refusals(given('delete.graphql'), JSON.parse(given('delete.json'))), [
    "Invalid request: Secret manager with given id doesn't exist",
  ]);
});

test('a parameterised secret is made, fetched, changed, kept while it is used, and deleted', async () => {
  const hostile = `it's "a" $HOME \`id\` \\ * é 漢`;
  const templateId = await template('echo_path', `secret="value of \${path}"`, ['path']);
  const managerId = await manager('Echo', templateId, [{ name: 'path', value: 'test' }]);
  const parameters = [{ name: 'path', value: hostile }];
  const encryptedText = { name: 'echoed', secretManagerId: managerId, scopedToAccount: true, parameters };
  const made = await client.data(createSecret, {
    i: { clientMutationId: 'c1', secretType: 'ENCRYPTED_TEXT', encryptedText },
  });
  const id = String(get(made, 'createSecret.secret.id'));
  assert.deepEqual(made.createSecret, {
    clientMutationId: 'c1',
    secret: {
      id,
      name: 'echoed',
      secretType: 'ENCRYPTED_TEXT',
      secretManagerId: managerId,
      scopedToAccount: true,
    },
  });
  assert.equal(await fetched(id), `value of ${hostile}`);
  const changed = { name: 'echoed again', parameters: [{ name: 'path', value: 'b' }] };
  await client.data(updateSecret, {
    i: { secretId: id, secretType: 'ENCRYPTED_TEXT', encryptedText: changed },
  });
  assert.equal(await fetched(id), 'value of b');
  assert.deepEqual(await client.refusals(deleteManager, { i: { secretManagerId: managerId } }), [
    'Can not delete the custom secret manager configuration since there are secrets encrypted with this. ' +
      'Please delete your secrets and try again.',
  ]);
  await client.data(deleteSecret, removeText(id));
  await client.data(deleteManager, { i: { secretManagerId: managerId } });
  assert.deepEqual(await client.refusals(fetchValue, { s: reference(id) }), [
    `Invalid request: Secret with identifier ${firstGenIdentifier(id)} does not exist in this scope`,
  ]);
});

test('a manager whose script fails is not saved, and says why', async () => {
  const templateId = await template('broken', 'echo "no such entry" >&2; exit 3');
  const customSecretManagerInput = { name: 'Broken', templateId, executeOnDelegate: true };
  const [refusal] = await client.refusals(createManager, {
    i: { secretManagerType: 'CUSTOM', customSecretManagerInput },
  });
  assert.match(
    refusal ?? '',
    /^Failed to read 'Broken' from shell script after 3 retries;; Could not retrieve/,
  );
  assert.deepEqual(await client.refusals('{ secretManagerByName(name: "Broken") { id } }'), [
    'Invalid request: Secret Manager does not exist',
  ]);
});

test('a script gets what it logs in with from the built-in manager, by name, and nobody else does', async () => {
  const password = `p"'$(id)\${HOME} \\`;
  const login = await text({ name: 'store login', value: password, scopedToAccount: true });
  const file = `-----BEGIN-----\n'"$x\`\n-----END-----`;
  const encryptedFile = { name: 'store key', scopedToAccount: true };
  const { data, errors } = await client.upload(
    createSecret,
    { i: { secretType: 'ENCRYPTED_FILE', encryptedFile } },
    Buffer.from(file),
  );
  assert.deepEqual(errors, []);
  const key = String(get(data, 'createSecret.secret.id'));
  const templateId = await template(
    'with_login',
    `secret="\${prefix}:\${secrets.getValue("store login")}:\${secrets.getValue("store key")}"`,
    ['prefix'],
  );
  const managerId = await manager('With login', templateId, [{ name: 'prefix', value: 'test' }]);
  const id = await text({
    name: 'behind a login',
    secretManagerId: managerId,
    parameters: [{ name: 'prefix', value: 'p' }],
  });
  assert.equal(await fetched(id), `p:${password}:${file}`);
  assert.deepEqual(await client.refusals(deleteSecret, removeText(login)), [
    'Can not delete secret because it is still being used. See setup usage(s) of the secret.',
  ]);
  await client.data(updateSecret, {
    i: { secretId: login, secretType: 'ENCRYPTED_TEXT', encryptedText: { value: 'changed' } },
  });
  assert.equal(await fetched(id), `p:changed:${file}`);
  const everything = `query($t: String!, $f: String!) {
    secret(secretId: $t, secretType: ENCRYPTED_TEXT) { id name secretReference }
    file: secret(secretId: $f, secretType: ENCRYPTED_FILE) { id name secretReference }
    legate { secrets { nodes { name document } } } }`;
  assert.ok(!JSON.stringify(await client.data(everything, { t: login, f: key })).includes('changed'));
  assert.ok(!world.output().includes('BEGIN'));
});

test("the account's default manager is found with a secret that is made and deleted", async () => {
  const made = await client.data(createSecret, {
    i: { secretType: 'ENCRYPTED_TEXT', encryptedText: { name: '__temp__0123', value: 'test' } },
  });
  assert.equal(get(made, 'createSecret.secret.secretManagerId'), 'harnessSecretManager');
  const id = String(get(made, 'createSecret.secret.id'));
  await client.data(deleteSecret, removeText(id));
  const again = 'query($i: String!) { secret(secretId: $i, secretType: ENCRYPTED_TEXT) { id } }';
  assert.deepEqual(await client.refusals(again, { i: id }), [
    'Invalid request: No secret exists with given input.',
  ]);
});

test('a secret with a usage scope is fetched for that application and environment, and for no other', async () => {
  const environments = ['live', 'trial'].map(identifier => ({
    identifier,
    name: identifier,
    type: identifier === 'live' ? 'Production' : 'PreProduction',
  }));
  await world.apply(JSON.stringify({ application: { identifier: 'shop', name: 'Shop', environments } }));
  const managerId = await manager('Plain', await template('plain', 'secret=plain'));
  const usageScope = {
    appEnvScopes: [
      { application: { appId: 'shop' }, environment: { filterType: 'PRODUCTION_ENVIRONMENTS' } },
    ],
  };
  const id = await text({ name: 'of the shop', secretManagerId: managerId, parameters: [], usageScope });
  assert.equal(await fetched(id, { a: 'shop', e: 'live' }), 'plain');
  for (const consumer of [{}, { a: 'shop', e: 'trial' }]) {
    const [refusal] = await client.refusals(fetchValue, { s: reference(id), ...consumer });
    assert.match(refusal ?? '', /^User not authorized: .*usage scope/);
  }
});

test('a connection test sends the lines of the script while it runs, and no value', async () => {
  const go = join(world.folder, 'go');
  const token = 'canary-of-the-store';
  await text({ name: 'canary', value: token, scopedToAccount: true });
  const templateId = await template(
    'slow',
    `echo "asking with \${secrets.getValue("canary")}" >&2
     if [ -e '${world.folder}/wait' ]; then while [ ! -e '${go}' ]; do sleep 0.05; done; fi
     secret=canary-value
     echo "got $secret" >&2`,
  );
  const id = await manager('Slow', templateId);
  await writeFile(join(world.folder, 'wait'), '');
  const lines: string[] = [];
  const kinds: unknown[] = [];
  const subscription = `subscription($c: String!) { legateConnectionTest(connector: $c) {
    __typename ... on LegateLog { text } ... on LegateSucceeded { delegate } } }`;
  for await (const result of client.subscribe(subscription, { c: reference(id) })) {
    const event = get(result, 'data.legateConnectionTest');
    const kind = get(event, '__typename');
    if (kind !== 'LegateLog') {
      kinds.push(kind);
      continue;
    }
    lines.push(String(get(event, 'text')));
    // The script goes on only when its first line has been seen.
    if (lines.length === 1) await writeFile(go, '');
  }
  assert.deepEqual(kinds, ['LegateAccepted', 'LegateSucceeded']);
  assert.match(lines.join(''), /^asking with \*+\ngot \*+\n$/);
});

test('all of it is in the audit trail, unbroken, and holds no value', async () => {
  const verified = await world.legate(['audit', 'verify']);
  assert.equal(verified.code, 0, verified.err);
  const trail = await (await world.api('/audit?limit=500')).text();
  for (const action of ['connector.create', 'connector.update', 'connector.delete', 'connector.test'])
    assert.match(trail, new RegExp(`"action":"${action}"`));
  for (const action of ['secret.create', 'secret.update', 'secret.delete', 'secret.fetch'])
    assert.match(trail, new RegExp(`"action":"${action}"`));
  for (const value of ['canary-', 'BEGIN', 'value of', 'p:changed']) assert.ok(!trail.includes(value), value);
});

test('a test value that is a secret is shown nowhere: not read back, not in errors, logs or the audit trail', async () => {
  const secret = `t0ken "of" the & store's`;
  await text({ name: 'store token', value: secret, scopedToAccount: true });
  const shout = `printf '%s\\n' "plain: $given" "url: $url" >&2
    printf '%s' "$given" | base64 -w0 >&2; echo >&2
    echo "ghp_$(printf 'a%.0s' {1..36})" >&2`;
  const templateId = await template('masking', `given=\${token}; url=\${encoded}\n${shout}\nsecret=$given`, [
    'token',
    'encoded',
  ]);
  const testVariables = [
    { name: 'token', value: secret },
    { name: 'encoded', value: encodeURIComponent(secret) },
  ];
  const id = await manager('masks', templateId, testVariables);
  const read = `query($id: String!, $r: String!) {
    secretManager(secretManagerId: $id) {
      config { ... on CustomSecretManagerConfig { testVariables { name value } } }
    }
    legate { connector(reference: $r) { document } }
  }`;
  const shown = await client.data(read, { id, r: reference(id) });
  const mask = '*'.repeat(14);
  assert.deepEqual(get(shown, 'secretManager.config.testVariables'), [
    { name: 'token', value: mask },
    testVariables[1],
  ]);
  const native = await world.api(`/connectors/${encodeURIComponent(reference(id))}`);
  const audit = await world.api('/audit?limit=500');
  for (const seen of [JSON.stringify(shown), await native.text(), await audit.text()])
    assert.ok(!seen.includes(JSON.stringify(secret).slice(1, -1)), seen);

  const tested = await world.legate(['connector', 'test', reference(id)]);
  const failing = await template('masking_fails', `given=\${token}; url=\${encoded}\n${shout}\nexit 7`, [
    'token',
    'encoded',
  ]);
  const customSecretManagerInput = {
    name: 'fails',
    templateId: failing,
    executeOnDelegate: true,
    testVariables,
  };
  const answer = await client.post(createManager, {
    i: { secretManagerType: 'CUSTOM', customSecretManagerInput },
  });
  assert.match(answer, /SCRIPT_EXIT_NONZERO/);
  for (const seen of [answer, tested.err + tested.out.toString()]) {
    for (const form of ['plain', 'url']) assert.ok(seen.includes(`${form}: ${mask}`), seen);
    for (const left of [secret, Buffer.from(secret).toString('base64').slice(0, 24), 'ghp_aaaa'])
      assert.ok(!seen.includes(left), seen);
  }
  assert.ok(!world.output().includes(secret));
});
