import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeKey } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { HostError, type LoginCredential } from './connection.ts';
import { digestOf, type LocalCredentials, openLogin, stampOf } from './credentials.ts';

const nothing = { keys: undefined, agent: undefined };

function errorOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof HostError);
    assert.equal(error.reason, 'host-authentication-failed');
    return error.message;
  }
  return 'no error';
}

test("a delegate's key is found by its name, with its certificate", () => {
  using folder = temporaryFolder();
  makeKey(folder.file('deploy'), 'ed25519');
  makeKey(folder.file('ca'), 'ed25519');
  const local = { keys: folder.path, agent: undefined };
  const plain = openLogin({ kind: 'delegate', name: 'deploy' }, local);
  assert.ok(plain.kind === 'key' && plain.certificate === undefined);
  writeFileSync(folder.file('deploy-cert.pub'), 'ssh-ed25519-cert-v01@openssh.com AAAA comment\n');
  const certified = openLogin({ kind: 'delegate', name: 'deploy' }, local);
  assert.ok(certified.kind === 'key');
  assert.equal(certified.certificate, 'ssh-ed25519-cert-v01@openssh.com AAAA');
  const byPath = openLogin({ kind: 'keyPath', path: folder.file('deploy') }, nothing);
  assert.ok(byPath.kind === 'key' && byPath.certificate === certified.certificate);
});

test('a certificate may come by itself or below its key', () => {
  using folder = temporaryFolder();
  makeKey(folder.file('key'), 'ed25519');
  const login = (credential: LoginCredential) => openLogin(credential, nothing);
  const privateKey =
    '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHKj+sVa9WcD/q2DJUJaf43Kptc8xYuUQA4bOFj9vC8T\n-----END PRIVATE KEY-----\n';
  const certificate = 'ssh-ed25519-cert-v01@openssh.com AAAA';
  for (const credential of [
    { privateKey, certificate: `${certificate} me\n` },
    { privateKey: `${privateKey}${certificate} me\n` },
  ]) {
    const found = login({ kind: 'key', ...credential });
    assert.ok(found.kind === 'key');
    assert.equal(found.certificate, certificate);
  }
});

test('a key that others can read is refused, and the fix is said', () => {
  using folder = temporaryFolder();
  const path = folder.file('key');
  makeKey(path, 'ed25519');
  for (const mode of [0o644, 0o640, 0o604, 0o666]) {
    chmodSync(path, mode);
    const message = errorOf(() => openLogin({ kind: 'keyPath', path }, nothing));
    assert.equal(
      message,
      `the delegate's key ${path} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${path}`,
    );
  }
  chmodSync(path, 0o400);
  assert.equal(openLogin({ kind: 'keyPath', path }, nothing).kind, 'key');
});

test('a name is no path, and a credential that is not there is named', () => {
  using folder = temporaryFolder();
  const local = { keys: folder.path, agent: undefined };
  const named = (name: string, where: LocalCredentials = local) =>
    errorOf(() => openLogin({ kind: 'delegate', name }, where));
  for (const name of ['../key', '/etc/shadow', '.', '..', '.key', '', 'a/b', 'a\0']) {
    assert.equal(named(name), 'the name of a credential of the delegate is none');
  }
  assert.equal(named('gone'), `the delegate cannot read the key ${folder.file('gone')} (ENOENT)`);
  assert.equal(named('x', nothing), 'the delegate has no key "x", as LEGATE_SSH_KEYS is not set');
  const relative = errorOf(() => openLogin({ kind: 'keyPath', path: 'key' }, nothing));
  assert.equal(relative, 'the key path of the target must be an absolute one');
});

test('the ssh-agent has a name of its own', () => {
  const login = openLogin({ kind: 'delegate', name: 'agent' }, { keys: '/nonexistent', agent: '/run/agent' });
  assert.deepEqual(login, { kind: 'agent', socket: '/run/agent' });
  assert.match(
    errorOf(() => openLogin({ kind: 'delegate', name: 'agent' }, nothing)),
    /set LEGATE_SSH_AGENT/,
  );
});

test('a file that is no key is not shown', () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('secret'), 'hunter2\n', { mode: 0o600 });
  const message = errorOf(() => openLogin({ kind: 'keyPath', path: folder.file('secret') }, nothing));
  assert.ok(message.includes(folder.file('secret')) && !message.includes('hunter2'));
  writeFileSync(folder.file('large'), 'x'.repeat(65_537), { mode: 0o600 });
  assert.match(
    errorOf(() => openLogin({ kind: 'keyPath', path: folder.file('large') }, nothing)),
    /too large/,
  );
});

test('credentials are told apart by digests that hold nothing of them', () => {
  const digest = digestOf({ kind: 'password', password: 'hunter2' });
  assert.equal(digest, digestOf({ password: 'hunter2', kind: 'password' }));
  assert.notEqual(digest, digestOf({ kind: 'password', password: 'hunter3' }));
  assert.ok(!digest.includes('hunter2'));
});

test('a key that was replaced, or got a certificate, is another one', () => {
  using folder = temporaryFolder();
  const path = folder.file('key');
  const credential: LoginCredential = { kind: 'keyPath', path };
  writeFileSync(path, 'a');
  const first = stampOf(credential, nothing);
  assert.equal(stampOf(credential, nothing), first);
  writeFileSync(`${path}-cert.pub`, 'c');
  const second = stampOf(credential, nothing);
  assert.notEqual(second, first);
  writeFileSync(path, 'bb');
  assert.notEqual(stampOf(credential, nothing), second);
  rmSync(path);
  assert.equal(
    errorOf(() => stampOf(credential, nothing)),
    `the delegate has no file ${path}`,
  );
});

test('a path that is no key file keeps nobody waiting', () => {
  using folder = temporaryFolder();
  execFileSync('mkfifo', ['-m', '600', folder.file('pipe')]);
  const login = (path: string) => errorOf(() => openLogin({ kind: 'keyPath', path }, nothing));
  assert.match(login(folder.file('pipe')), /is no file, or too large for a key$/);
  // It says that it is empty, and has hardly an end.
  assert.match(login('/proc/self/pagemap'), /is no file, or too large for a key$|^the delegate cannot read/);
  for (const name of ['a'.repeat(300), 'a\0b'])
    assert.match(
      errorOf(() => stampOf({ kind: 'keyPath', path: folder.file(name) }, nothing)),
      /^the delegate cannot read the key /,
    );
});
