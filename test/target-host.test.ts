// Scripts on a target host, the whole way: YAML with an SSHKey, a real control plane and delegate, a real sshd.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { type Sshd, startSshd } from './harness/sshd.ts';
import { startWorld, type World } from './harness/world.ts';

const value = 'p4ss "quoted" \'single\' $HOME `id` \\back é 漢\nsecond line';
const script = 'secret="<+spec.environmentVariables.value>"; echo "reading in $PWD" >&2';

let world: World;
let host: Sshd;
before(async () => {
  [world, host] = await Promise.all([startWorld(), startSshd()]);
  await world.connectedAgent();
  await mkdir(host.file('work dir'));
  await world.apply(yamlOf([keyFile(), sshKey('deploy_key'), template]));
});
after(async () => {
  await Promise.all([world[Symbol.asyncDispose](), host[Symbol.asyncDispose]()]);
});

const yamlOf = (documents: readonly object[]) => documents.map(item => JSON.stringify(item)).join('\n---\n');

const keyFile = () => ({
  secret: {
    name: 'pem',
    identifier: 'pem',
    type: 'SecretFile',
    spec: { secretManagerIdentifier: 'harnessSecretManager', content: host.privateKey },
  },
});

const sshKey = (
  identifier: string,
  spec: object = { key: 'account.pem' },
  credentialType = 'KeyReference',
) => ({
  secret: {
    name: identifier,
    identifier,
    type: 'SSHKey',
    spec: {
      port: host.port,
      auth: { type: 'SSH', spec: { credentialType, spec: { userName: host.user, ...spec } } },
    },
  },
});

const template = {
  template: {
    name: 'on host',
    identifier: 'on_host',
    versionLabel: '1',
    type: 'SecretManager',
    spec: {
      shell: 'Bash',
      onDelegate: false,
      source: { type: 'Inline', spec: { script } },
      environmentVariables: [{ name: 'value', type: 'String', value: '<+input>' }],
    },
  },
};

function connector(identifier: string, spec: object = {}) {
  const given = [{ name: 'value', type: 'String', value: 'test value' }];
  return {
    connector: {
      name: identifier,
      identifier,
      type: 'CustomSecretManager',
      spec: {
        onDelegate: false,
        host: host.host,
        connectorRef: 'account.deploy_key',
        workingDirectory: host.file('work dir'),
        hostKeys: host.fingerprints,
        timeout: 30,
        template: {
          templateRef: 'account.on_host',
          versionLabel: '1',
          templateInputs: { environmentVariables: given },
        },
        ...spec,
      },
    },
  };
}

const secret = (identifier: string, manager: string) => ({
  secret: {
    name: identifier,
    identifier,
    type: 'SecretText',
    spec: {
      secretManagerIdentifier: `account.${manager}`,
      valueType: 'CustomSecretManagerValues',
      value: JSON.stringify({ environmentVariables: [{ name: 'value', type: 'String', value }] }),
    },
  },
});

test('a value comes from a host byte for byte, and neither it nor the key is anywhere else', async () => {
  await world.apply(yamlOf([connector('vault'), secret('db', 'vault')]));
  const fetched = await world.legate(['secret', 'get', 'account.db']);
  assert.equal(fetched.code, 0, fetched.err);
  assert.equal(fetched.out.toString(), value);
  const seen = `${world.output()}${host.log()}`;
  for (const hidden of [value, ...host.privateKey.split('\n').filter(line => line.length > 40)])
    assert.ok(!seen.includes(hidden));
});

test('saving such a connector runs its script there once, and refuses it where that fails', async () => {
  const save = (spec: object) =>
    world.legate(['apply', '-f', '-'], { input: yamlOf([connector('tried', spec)]) });
  const refused = await save({ workingDirectory: '/no/such/place' });
  assert.equal(refused.code, 1);
  assert.match(refused.err, /working-directory-missing/);
  const saved = await save({});
  assert.equal(saved.code, 0, saved.err);
});

test('a connection test tells the whole story, step by step, and not the value', async () => {
  await world.apply(yamlOf([connector('story')]));
  const tested = await world.legate(['connector', 'test', 'account.story']);
  assert.equal(tested.code, 0, tested.err);
  const steps = [
    /connected to 127\.0\.0\.1:\d+/,
    new RegExp(`host key ssh-ed25519 ${host.fingerprints[0]?.replaceAll(/[+/]/g, '\\$&')}`),
    new RegExp(`authenticated as ${host.user} with publickey`),
    /working directory .*work dir/,
    /bash \d+\.\d+/,
    /reading in .*work dir/,
  ];
  let at = 0;
  for (const step of steps) {
    const found = tested.err.slice(at).search(step);
    assert.ok(found >= 0, `${step} is not in its place:\n${tested.err}`);
    at += found;
  }
  assert.ok(!`${tested.err}${tested.out.toString()}`.includes('test value'));
});

const failures: [what: string, spec: () => object, more: () => object[], expected: RegExp[]][] = [
  [
    'a key that nobody expects',
    () => ({ hostKeys: [] }),
    () => [],
    [/^host-key-unknown/m, /pin the fingerprint/, /SHA256:/],
  ],
  [
    'another key than the expected one',
    () => ({ hostKeys: [`SHA256:${'A'.repeat(43)}`] }),
    () => [],
    [/^host-key-mismatch/m, /SHA256:/],
  ],
  [
    'a login that the host refuses',
    () => ({ connectorRef: 'account.wrong' }),
    () => [
      {
        secret: {
          name: 'pw',
          identifier: 'pw',
          type: 'SecretText',
          spec: { valueType: 'Inline', value: 'hunter2' },
        },
      },
      sshKey('wrong', { password: 'account.pw' }, 'Password'),
    ],
    [/^host-authentication-failed/m],
  ],
  [
    'a name that does not resolve',
    () => ({ host: 'no-such-host.invalid' }),
    () => [],
    [/^host-unreachable/m, /no-such-host\.invalid/],
  ],
];

for (const [what, spec, more, expected] of failures)
  test(`${what} fails by its own name`, async () => {
    await world.apply(yamlOf([...more(), connector('failing', spec())]));
    const tested = await world.legate(['connector', 'test', 'account.failing']);
    assert.equal(tested.code, 1);
    for (const text of expected) assert.match(tested.err, text);
    assert.ok(!world.output().includes('hunter2'));
  });

test('by way of a jump host with a login of its own', async () => {
  await using bastion = await startSshd();
  const jumpPem = { ...keyFile().secret, identifier: 'jump_pem', name: 'jump_pem' };
  const jump = sshKey('jump_key', { key: 'account.jump_pem' });
  jump.secret.spec.port = bastion.port;
  await world.apply(
    yamlOf([
      { secret: { ...jumpPem, spec: { ...jumpPem.spec, content: bastion.privateKey } } },
      jump,
      connector('behind', {
        jumpHosts: [{ host: bastion.host, connectorRef: 'account.jump_key', hostKeys: bastion.fingerprints }],
      }),
      secret('behind_db', 'behind'),
    ]),
  );
  const fetched = await world.legate(['secret', 'get', 'account.behind_db']);
  assert.equal(fetched.code, 0, fetched.err);
  assert.equal(fetched.out.toString(), value);
  assert.match(bastion.log(), /Accepted publickey/);
});

test("a host's keys can be looked at before they are pinned", async () => {
  const scanned = await world.legate(['delegate', 'scan-host', `${host.host}:${host.port}`]);
  assert.equal(scanned.code, 0, scanned.err);
  assert.equal(scanned.out.toString(), host.knownHosts());
  assert.ok(scanned.err.includes(host.fingerprints[0] ?? 'none'));
  const nobody = await world.legate(['delegate', 'scan-host', 'no-such-host.invalid']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /^legate delegate scan-host: .*no-such-host\.invalid/);
});
