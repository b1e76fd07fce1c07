import assert from 'node:assert/strict';
import test from 'node:test';
import {
  aConnector,
  aSecret,
  aTemplate,
  aText,
  connectorYaml,
  secretYaml,
  templateYaml,
  variable,
  yamlOf,
} from '../test/harness/documents.ts';
import { plansOf } from '../test/harness/plans.ts';
import { refusalOf } from '../test/harness/tools.ts';
import { findSecret } from './store/secrets.ts';

const db = 'account.db_password';
const http = 'account.kv_http';

async function example(connector = connectorYaml) {
  const world = await plansOf();
  await world.tools.apply([templateYaml, connector, secretYaml].join('---\n'));
  return world;
}

test('a plan for a secret holds all that a delegate needs, inputs in the order of the program', async () => {
  await using world = await example(
    connectorYaml.replace('timeout: 20', 'timeout: 90\n    workingDirectory: /srv'),
  );
  const { program, share, ...plan } = await world.plan(db);
  assert.match(String(share?.version), /^[\w-]{22}\/1\/sha256:[0-9a-f]{64}$/);
  assert.equal(share?.ttlMs, 0);
  assert.deepEqual(plan, {
    subject: { secret: db, connector: http, template: 'account.http_kv_store@1.0' },
    owner: 'account',
    inputs: [
      { label: '<+spec.environmentVariables.mount>', value: 'kv', secret: false },
      { label: '<+spec.environmentVariables.path>', value: 'demo/db', secret: false },
      { label: '<+spec.environmentVariables.key>', value: 'password', secret: false },
    ],
    workingDirectory: '/srv',
    selectors: ['vault-net', 'eu'],
    timeoutMs: 90_000,
  });
  assert.deepEqual(Object.keys(program), ['text', 'digest']);
  assert.match(program.text, /secret=/);
  assert.doesNotMatch(program.text, /demo\/db|<\+/);
});

test("a connection test takes the connector's own inputs and names no secret", async () => {
  await using world = await example();
  const plan = await world.testPlan(http);
  assert.deepEqual(
    plan.inputs.map(({ value }) => value),
    ['kv', 'demo/test', 'password'],
  );
  assert.equal(plan.subject.secret, '');
});

test('the version that the connector names is run, not the latest', async () => {
  await using world = await example();
  await world.tools.apply(
    templateYaml.replace('versionLabel: 1.0', 'versionLabel: 2').replace('secret=', 'new=x; secret='),
  );
  const { program, subject } = await world.plan(db);
  assert.doesNotMatch(program.text, /new=x/);
  assert.equal(subject.template, 'account.http_kv_store@1.0');
});

test('the program is the same whatever the inputs are', async () => {
  await using world = await example();
  const before = await world.plan(db);
  await world.tools.apply(secretYaml.replace('demo/db', 'other $(id) \\"'));
  const after = await world.plan(db);
  assert.deepEqual(after.program, before.program);
  assert.notDeepEqual(after.inputs, before.inputs);
});

test("the owner is the connector's scope, whoever the secret belongs to", async () => {
  await using world = await plansOf(
    aTemplate(),
    aConnector({ scope: 'org/pay', templateRef: 'account.tpl' }),
    aSecret({ scope: 'org/pay/demo', manager: 'org.conn' }),
  );
  assert.equal((await world.plan('org/pay/demo/s')).owner, 'org/pay');
});

test('a secret of the built-in manager has no plan: its value is not shown', async () => {
  await using world = await plansOf(aText('s', 'hunter2'));
  assert.equal(
    (await refusalOf(world.plan())).message,
    'Invalid request: account.s is kept in the built-in secret manager; its value is for scripts, and is not shown',
  );
});

test('selectors and the working directory are evaluated, trimmed, and must be something', async () => {
  const inputs = [variable('zone', '<+input>'), variable('none', '')];
  const zone = '<+spec.environmentVariables.zone>';
  const connector = (more: object) =>
    aConnector({ inputs: [variable('zone', ' eu ', { useAsDefault: true })], ...more });
  await using world = await plansOf(
    aText('token', 'hunter2'),
    aTemplate({ inputs, script: 'secret=x' }),
    connector({ delegateSelectors: [zone, `net-${zone}`], workingDirectory: '/srv/<+spec.shell>' }),
    aSecret({ value: '' }),
  );
  const plan = await world.plan();
  assert.deepEqual([plan.selectors, plan.workingDirectory], [['eu', 'net- eu'], '/srv/Bash']);
  await world.tools.apply(yamlOf(connector({ delegateSelectors: ['<+spec.environmentVariables.none>'] })));
  assert.equal((await refusalOf(world.plan())).message, 'a delegate selector evaluates to nothing');
  const token = variable('zone', '<+secrets.getValue("account.token")>', { useAsDefault: true });
  await world.tools.apply(yamlOf(aConnector({ inputs: [token], delegateSelectors: [zone] })));
  assert.equal(
    (await refusalOf(world.plan())).message,
    "Invalid request: a delegate selector must not hold a secret's value",
  );
});

test('what runs on a target host has the host, and the credentials that logging in takes, in its plan', async () => {
  const sshKey = (identifier: string, spec: object, port?: number) => ({
    secret: {
      identifier,
      name: identifier,
      type: 'SSHKey',
      spec: { ...(port ? { port } : {}), auth: { type: 'SSH', spec } },
    },
  });
  const text = (identifier: string, value: string) => ({
    secret: { identifier, name: identifier, type: 'SecretText', spec: { valueType: 'Inline', value } },
  });
  const keySpec = { userName: 'deploy', key: 'account.pem', encryptedPassphrase: 'account.pp' };
  const fingerprint = `SHA256:${'A'.repeat(43)}`;
  await using world = await plansOf(
    text('pem', '-----BEGIN KEY-----\nx\n'),
    text('pp', 'opensesame'),
    text('pw', 'hunter2'),
    sshKey('key', { credentialType: 'KeyReference', spec: keySpec }, 2222),
    sshKey('password', { credentialType: 'Password', spec: { userName: 'jump', password: 'account.pw' } }),
    aTemplate(),
    aConnector({
      onDelegate: false,
      host: 'db.exämple',
      connectorRef: 'account.key',
      workingDirectory: '/srv/$NAME',
      hostKeys: [fingerprint],
      jumpHosts: [
        { host: 'bastion', connectorRef: 'account.password' },
        { host: '[::1]', delegateCredential: { name: 'own', userName: 'me', port: 23 } },
      ],
    }),
    aSecret(),
  );
  const { target, workingDirectory } = await world.plan();
  const idOf = async (identifier: string) =>
    (await findSecret(world.database, { scope: 'account', identifier }))?.uuid;
  assert.equal(workingDirectory, '/srv/$NAME');
  assert.deepEqual(target, {
    host: 'db.xn--exmple-cua',
    port: 2_222,
    user: 'deploy',
    credential: {
      kind: 'open',
      opened: { kind: 'key', privateKey: '-----BEGIN KEY-----\nx\n', passphrase: 'opensesame' },
      id: await idOf('key'),
    },
    hostKeys: [fingerprint],
    legacyAlgorithms: false,
    jumps: [
      {
        host: 'bastion',
        port: 22,
        user: 'jump',
        credential: {
          kind: 'open',
          opened: { kind: 'password', password: 'hunter2' },
          id: await idOf('password'),
        },
        hostKeys: [],
      },
      {
        host: '::1',
        port: 23,
        user: 'me',
        credential: { kind: 'delegate', name: 'own' },
        hostKeys: [],
      },
    ],
  });
});

test('a login that takes Kerberos is refused by name', async () => {
  const auth = { type: 'Kerberos', spec: { principal: 'p', realm: 'R' } };
  await using world = await plansOf(
    { secret: { identifier: 'krb', name: 'krb', type: 'SSHKey', spec: { auth } } },
    aTemplate(),
    aConnector({ onDelegate: false, host: 'h', connectorRef: 'account.krb', workingDirectory: '/tmp' }),
    aSecret(),
  );
  assert.match(
    (await refusalOf(world.plan())).message,
    /account\.krb: logging in with Kerberos is not supported/,
  );
});

test('a connector that changed since may leave a secret without an input, which is said and not guessed', async () => {
  await using world = await example();
  await world.tools.apply(connectorYaml.replace(', useAsDefault: true', ''));
  assert.equal(
    (await refusalOf(world.plan(db))).message,
    'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: mount',
  );
});

test('a stored document that this version cannot read is told to be applied again, and can be', async () => {
  await using world = await example();
  const spoil = (table: 'connectors' | 'secrets') =>
    world.database.updateTable(table).set({ document: '{"identifier":"x"}' }).execute();
  await spoil('connectors');
  assert.match(
    (await refusalOf(world.plan(db))).message,
    /^Invalid request: the stored connector account\.kv_http is not valid in this version; apply it again:\nconnector\.name is required/,
  );
  await world.tools.apply(connectorYaml);
  await spoil('secrets');
  assert.match(
    (await refusalOf(world.plan(db))).message,
    /^Invalid request: the stored secret account\.db_password is not valid/,
  );
  await world.tools.apply(secretYaml);
  assert.equal((await world.plan(db)).subject.secret, db);
});

test('inputs that are small each but too large for one frame are refused before a delegate is asked', async () => {
  const names = Array.from({ length: 16 }, (_, n) => `v${n}`);
  const secret = (length: number) =>
    aSecret({ inputs: names.map(name => variable(name, '"'.repeat(length))) });
  await using world = await plansOf(
    aTemplate({ inputs: names.map(name => variable(name, '<+input>')) }),
    aConnector(),
    secret(30_000),
  );
  assert.equal((await world.plan()).inputs.length, 16);
  // A quote takes two bytes in a frame.
  await world.tools.apply(yamlOf(secret(33_000)));
  assert.equal(
    (await refusalOf(world.plan())).message,
    'Invalid request: account.s: script and inputs together are more than a task can carry',
  );
});

test('a program that no task could carry is refused when it is saved', async () => {
  await using world = await plansOf();
  const error = await refusalOf(
    world.tools.apply(yamlOf(aTemplate({ script: `secret=x # ${'x'.repeat(262_144)}` }))),
  );
  assert.match(
    error.message,
    /template\.spec\.source\.spec\.script: the compiled program has more than 262144/,
  );
});
