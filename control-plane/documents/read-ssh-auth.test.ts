import assert from 'node:assert/strict';
import test from 'node:test';
import type { Scope } from '../domain/scope.ts';
import { readSshAuth, secretsOfCredential } from './read-ssh-auth.ts';

function read(auth: unknown, scope: Scope = 'account', port?: string) {
  const problems: string[] = [];
  const credential = readSshAuth(auth, port, scope, problems);
  return { credential, problems };
}
const ssh = (credentialType: string, spec: object) => ({ type: 'SSH', spec: { credentialType, spec } });
const at = (scope: Scope, identifier: string) => ({ scope, identifier });

test('a key is a file secret, and may have a passphrase and a certificate', () => {
  const spec = {
    userName: 'deploy',
    key: 'pem',
    encryptedPassphrase: 'account.pp',
    certificate: 'account.cert',
  };
  const { credential, problems } = read(ssh('KeyReference', spec), 'org/pay/demo', '2222');
  assert.deepEqual(problems, []);
  assert.deepEqual(credential, {
    kind: 'KeyReference',
    userName: 'deploy',
    port: 2_222,
    key: at('org/pay/demo', 'pem'),
    passphrase: at('account', 'pp'),
    certificate: at('account', 'cert'),
  });
  assert.deepEqual(secretsOfCredential(credential), [
    at('org/pay/demo', 'pem'),
    at('account', 'pp'),
    at('account', 'cert'),
  ]);
});

test('a key may lie on the delegate', () => {
  const { credential } = read(ssh('KeyPath', { userName: 'deploy', keyPath: '~/.ssh/id' }));
  assert.deepEqual(credential, {
    kind: 'KeyPath',
    userName: 'deploy',
    port: 22,
    keyPath: '~/.ssh/id',
    passphrase: undefined,
  });
  assert.deepEqual(secretsOfCredential(credential), []);
});

test('a password is a text secret', () => {
  const { credential } = read(ssh('Password', { userName: 'deploy', password: 'account.pw' }));
  assert.deepEqual(secretsOfCredential(credential), [at('account', 'pw')]);
});

test('Kerberos is read, and names no secret', () => {
  const { credential, problems } = read({ type: 'Kerberos', spec: { principal: 'p', realm: 'R' } });
  assert.deepEqual([credential, problems], [{ kind: 'Kerberos', principal: 'p', realm: 'R' }, []]);
  assert.deepEqual(secretsOfCredential(credential), []);
  assert.deepEqual(read({ type: 'Kerberos', spec: {} }).problems, [
    'secret.spec.auth.spec.principal is required',
    'secret.spec.auth.spec.realm is required',
  ]);
});

test('a user is nothing that a shell, an option parser or a log takes for something else', () => {
  for (const userName of ['-oX', 'a b', 'a;b', '$(x)', "a'b", 'a@b', 'a\nb', 'a\u0007']) {
    assert.deepEqual(
      read(ssh('Password', { userName, password: 'account.pw' })).problems,
      ['secret.spec.auth.spec.spec.userName must be a user name, without blanks, quotes or a leading "-"'],
      JSON.stringify(userName),
    );
  }
});

test('a reference of a credential sees what its own document sees', () => {
  const { problems } = read(ssh('Password', { userName: 'deploy', password: 'pw' }), 'org/pay');
  assert.deepEqual(problems, [
    'secret.spec.auth.spec.spec.password: The project level password cannot be used at org level. Ref: [pw]',
  ]);
});
