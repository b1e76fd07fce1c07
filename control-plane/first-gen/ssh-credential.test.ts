import assert from 'node:assert/strict';
import { eachDialect } from '../../test/harness/database.ts';
import { refused, signal, type World, world } from '../../test/harness/first-gen.ts';
import { secretOf } from '../load.ts';
import { findSecretByUuid } from '../store/secrets.ts';
import type { SshCredentialInput, UpdateSshCredential } from './model.ts';

type Login = NonNullable<SshCredentialInput['sshAuthentication']>;
type Method = Login['sshAuthenticationMethod'];

const login = (sshAuthenticationMethod: Method, userName = 'me'): Login => ({
  userName,
  port: 2222,
  sshAuthenticationMethod,
});

async function create({ operations, admin }: World, input: Partial<SshCredentialInput>): Promise<string> {
  const sshCredential = { name: 'login', authenticationScheme: 'SSH', ...input } as const;
  const request = { secretType: 'SSH_CREDENTIAL', sshCredential } as const;
  return (await operations.createFirstGenSecret(admin, request, undefined, signal)).id;
}

const update = ({ operations, admin }: World, secretId: string, sshCredential: UpdateSshCredential) =>
  operations.updateFirstGenSecret(
    admin,
    { secretId, secretType: 'SSH_CREDENTIAL', sshCredential },
    undefined,
    signal,
  );

eachDialect('each way to log in reads back by the ids of its secrets', async store => {
  const legate = await world(store);
  const key = await legate.createText({ name: 'key', value: 'k' });
  const words = await legate.createText({ name: 'words', value: 'w' });
  const rows: [name: string, given: Method, shown: object][] = [
    [
      'by key',
      { sshCredentialType: 'SSH_KEY', inlineSSHKey: { sshKeySecretFileId: key, passphraseSecretId: words } },
      { type: 'SSH_KEY', sshKeySecretFileId: key, passphraseSecretId: words },
    ],
    [
      'by path',
      { sshCredentialType: 'SSH_KEY_FILE_PATH', sshKeyFile: { path: '/k', passphraseSecretId: words } },
      { type: 'SSH_KEY_FILE_PATH', path: '/k', passphraseSecretId: words },
    ],
    [
      'by password',
      { sshCredentialType: 'PASSWORD', serverPassword: { passwordSecretId: words } },
      { type: 'PASSWORD', passwordSecretId: words },
    ],
  ];
  for (const [name, given, method] of rows) {
    const id = await create(legate, { name, sshAuthentication: login(given) });
    assert.deepEqual(await legate.operations.findFirstGenSecret(legate.admin, id, 'SSH_CREDENTIAL'), {
      id,
      name,
      usageScope: [],
      secretType: 'SSH_CREDENTIAL',
      sshAuthentication: { userName: 'me', port: 2222, method },
    });
  }
  for (const id of [key, words])
    assert.match(
      await refused(legate.operations.deleteFirstGenSecret(legate.admin, id, 'ENCRYPTED_TEXT')),
      /still being used/,
    );
});

eachDialect('a credential is refused with the text of the first check that it fails', async store => {
  const legate = await world(store);
  const other = await legate.createSsh('other');
  const key = { sshCredentialType: 'SSH_KEY' } as const;
  const rows: [input: Partial<SshCredentialInput>, text: string][] = [
    [{}, 'Invalid request: No ssh authentication input provided for the SSH credential with auth scheme SSH'],
    [
      { sshAuthentication: login(key) },
      'Invalid request: No SSH key secret file id provided for the SSH credential type SSH_KEY',
    ],
    [
      { sshAuthentication: login({ sshCredentialType: 'SSH_KEY_FILE_PATH', sshKeyFile: { path: ' ' } }) },
      'Invalid request: No SSH key file path provided for the SSH credential type SSH_KEY_FILE_PATH',
    ],
    [
      { sshAuthentication: login({ sshCredentialType: 'PASSWORD' }) },
      'Invalid request: No SSH password secret id provided for the SSH credential type PASSWORD',
    ],
    [
      { sshAuthentication: login(key, ' ') },
      'Invalid request: The user name provided with the request cannot be blank',
    ],
    [
      { authenticationScheme: 'KERBEROS' },
      'Invalid request: No kerberos authentication provided for the SSH credential with auth scheme KERBEROS',
    ],
    [
      { authenticationScheme: 'KERBEROS', kerberosAuthentication: {} },
      'Invalid request: SSH credentials with the auth scheme KERBEROS are not supported; use SSH',
    ],
    [
      { sshAuthentication: login({ ...key, inlineSSHKey: { sshKeySecretFileId: 'nothing' } }) },
      'Invalid request: No secret exists with the id nothing',
    ],
    [
      { sshAuthentication: login({ ...key, inlineSSHKey: { sshKeySecretFileId: other } }) },
      `Invalid request: No secret exists with the id ${other}`,
    ],
    [{ name: ' ' }, 'Secret name cannot be empty'],
  ];
  for (const [input, text] of rows) assert.equal(await refused(create(legate, input)), text);
  const option = login({ sshCredentialType: 'SSH_KEY_FILE_PATH', sshKeyFile: { path: '/k' } }, '-oProxy');
  assert.match(await refused(create(legate, { sshAuthentication: option })), /userName must be a user name/);
  const noPort = { ...option, userName: 'me', port: 0 };
  assert.match(await refused(create(legate, { sshAuthentication: noPort })), /port must be from 1 to 65535/);
});

eachDialect('an update of a credential keeps what it does not name', async store => {
  const legate = await world(store);
  const id = await legate.createSsh('login');
  const ssh = async () => {
    const stored = await findSecretByUuid(store.database, id);
    assert.ok(stored);
    return secretOf(stored).ssh;
  };
  const before = await ssh();
  await update(legate, id, { name: 'renamed' });
  assert.deepEqual(await ssh(), before);
  const rows: [UpdateSshCredential, string][] = [
    [{ name: null }, 'Invalid request: Cannot set the ssh credential name as null'],
    [
      { sshAuthentication: login({ sshCredentialType: 'PASSWORD' }) },
      'Invalid request: The SSH authentication scheme is not provided with the update request',
    ],
    [
      { authenticationScheme: 'SSH' },
      'Invalid request: No ssh authentication input provided for the SSH credential with auth scheme SSH',
    ],
  ];
  for (const [input, text] of rows) assert.equal(await refused(update(legate, id, input)), text);
  const other = login({ sshCredentialType: 'SSH_KEY_FILE_PATH', sshKeyFile: { path: '/other' } }, 'you');
  await update(legate, id, { authenticationScheme: 'SSH', sshAuthentication: other });
  assert.deepEqual(await ssh(), {
    kind: 'KeyPath',
    userName: 'you',
    port: 2222,
    keyPath: '/other',
    passphrase: undefined,
  });
});

eachDialect('WinRM credentials are refused as what they are: not supported', async store => {
  const { operations, admin } = await world(store);
  const request = { secretType: 'WINRM_CREDENTIAL', winRMCredential: {} } as const;
  assert.match(
    await refused(operations.createFirstGenSecret(admin, request, undefined, signal)),
    /^Invalid request: WinRM credentials are not supported/,
  );
});
