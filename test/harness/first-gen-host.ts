/**
 * The original's request for a script on a target host, as it is: the host is 10.0.0.17, so this runs in a network
 * of its own, which `graphql-host.test.ts` makes. Says what came of it, as a line of JSON.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstGenIdentifier } from '../../control-plane/first-gen/identifier.ts';
import { openDatabase } from '../../control-plane/store/database.ts';
import { get, graphqlClient } from './graphql-client.ts';
import { startSshd } from './sshd.ts';
import { startWorld } from './world.ts';

const address = '10.0.0.17';
/** The directory of the request. Who may make networks may make it, too. */
const directory = '/xxxx/xxxxxxx';

const given = (name: string) =>
  readFileSync(new URL(`../fixtures/first-gen-requests/${name}.txt`, import.meta.url), 'utf8');

const made = ['/xxxx', directory].filter(path => !existsSync(path));
for (const path of made) mkdirSync(path);
try {
  console.log(JSON.stringify(await journey()));
} finally {
  for (const path of made.toReversed()) rmdirSync(path);
}

async function journey() {
  await using host = await startSshd({ config: [`ListenAddress ${address}`] });
  await using world = await startWorld();
  const knownHosts = join(world.folder, 'known_hosts');
  writeFileSync(knownHosts, host.hostKeys.map(key => `[${address}]:${host.port} ${key}\n`).join(''));
  await world.connectedAgent({ args: ['--known-hosts', knownHosts] });
  const client = graphqlClient(`${world.url}/api/graphql`, world.apiKey);

  const script = `echo "\${engineName}/\${path}/\${key} in $PWD" >>'${host.file('home')}/runs'
    secret="got \${path}"`;
  const names = ['key', 'engineName', 'path'];
  await world.apply(
    JSON.stringify({
      template: {
        name: 'on a host',
        identifier: 'on_a_host',
        versionLabel: '1',
        type: 'SecretManager',
        spec: {
          shell: 'Bash',
          expressionSyntax: 'FirstGen',
          onDelegate: false,
          source: { type: 'Inline', spec: { script } },
          environmentVariables: names.map(name => ({ name, type: 'String', value: '<+input>' })),
        },
      },
    }),
  );
  const create = 'mutation($i: CreateSecretInput!) { createSecret(input: $i) { secret { id } } }';
  const { data, errors } = await client.upload(
    create,
    { i: { secretType: 'ENCRYPTED_FILE', encryptedFile: { name: 'host key', scopedToAccount: true } } },
    Buffer.from(host.privateKey),
  );
  assert.deepEqual(errors, []);
  const sshAuthenticationMethod = {
    sshCredentialType: 'SSH_KEY',
    inlineSSHKey: { sshKeySecretFileId: get(data, 'createSecret.secret.id') },
  };
  const sshAuthentication = { userName: host.user, port: host.port, sshAuthenticationMethod };
  const sshCredential = { name: 'host login', authenticationScheme: 'SSH', sshAuthentication };
  const ssh = await client.data(create, { i: { secretType: 'SSH_CREDENTIAL', sshCredential } });
  const database = openDatabase(join(world.folder, 'data', 'legate.db'));
  const templates = database.updateTable('templates').set({ uuid: 'x'.repeat(20) });
  await templates.where('identifier', '=', 'on_a_host').execute();
  const secrets = database.updateTable('secrets').set({ uuid: 'x'.repeat(10) });
  await secrets.where('uuid', '=', String(get(ssh, 'createSecret.secret.id'))).execute();
  await database.destroy();

  const created = await client.post(given('create.graphql'), JSON.parse(given('create-on-host.json')));
  const secretManagerId = get(JSON.parse(created), 'data.createSecretManager.secretManager.id');
  const parameters = names.map(name => ({ name, value: `the ${name}` }));
  const encryptedText = { name: 'from a host', secretManagerId, parameters };
  const secret = await client.post(create, { i: { secretType: 'ENCRYPTED_TEXT', encryptedText } });
  const id = String(get(JSON.parse(secret), 'data.createSecret.secret.id'));
  const fetched = await client.post('mutation($s: String!) { legate { fetch(secret: $s) { value } } }', {
    s: `account.${firstGenIdentifier(id)}`,
  });
  const runs = join(host.file('home'), 'runs');
  return {
    created,
    fetched,
    runs: existsSync(runs) ? readFileSync(runs, 'utf8') : '',
    hasLoggedIn: /Accepted publickey/.test(host.log()),
  };
}
