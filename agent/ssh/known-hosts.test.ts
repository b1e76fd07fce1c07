import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { makeKey, publicKeyOf } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { HostError } from './connection.ts';
import { keysFor, knownHostsFile, parseKnownHosts } from './known-hosts.ts';

const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIO0ij1';

/** The lines of a file that are about a host. */
function linesFor(text: string, host: string, port = 22): number[] {
  return keysFor(parseKnownHosts(text), host, port).map(({ line }) => line);
}

describe('a line is about a host', () => {
  const cases: [hosts: string, host: string, port: number, about: boolean][] = [
    ['db.example', 'db.example', 22, true],
    ['db.example', 'DB.Example', 22, true],
    ['DB.example', 'db.example', 22, true],
    ['db.example', 'db.example.', 22, true],
    ['db.example', 'xdb.example', 22, false],
    ['db.example', 'dbxexample', 22, false],
    ['a,db.example,10.0.0.1', 'db.example', 22, true],
    ['a,db.example,10.0.0.1', '10.0.0.1', 22, true],
    ['*.example', 'db.example', 22, true],
    ['*.example', 'example', 22, false],
    ['db?.example', 'db1.example', 22, true],
    ['db?.example', 'db12.example', 22, false],
    ['*.example,!db.example', 'db.example', 22, false],
    ['!db.example,*.example', 'db.example', 22, false],
    ['*.example,!db.example', 'web.example', 22, true],
    ['!db.example', 'web.example', 22, false],
    ['[db.example]:2222', 'db.example', 2222, true],
    ['[db.example]:2222', 'db.example', 22, false],
    ['[db.example]:2222', 'db.example', 2223, false],
    ['[*.example]:2222', 'db.example', 2222, true],
    ['[::1]:2222', '::1', 2222, true],
    ['::1', '::1', 22, true],
    // As OpenSSH does: a key without a port is that of the host, at whatever port.
    ['db.example', 'db.example', 2222, true],
    ['*', 'anything', 22, true],
  ];
  for (const [hosts, host, port, about] of cases) {
    test(`${hosts} ${about ? 'is' : 'is not'} about ${host} port ${port}`, () => {
      assert.deepEqual(linesFor(`${hosts} ssh-ed25519 ${key}\n`, host, port), about ? [1] : []);
    });
  }
});

test('a line for the port counts, and then none without a port', () => {
  const text = `db ssh-ed25519 ${key}\n[db]:2222 ssh-ed25519 ${key}2\n`;
  assert.deepEqual(linesFor(text, 'db', 2222), [2]);
  assert.deepEqual(linesFor(text, 'db'), [1]);
});

test('a revoked key of the port does not hide the keys of the host', () => {
  const text = `@revoked [db]:2222 ssh-ed25519 ${key}\ndb ssh-ed25519 ${key}2\n`;
  assert.deepEqual(linesFor(text, 'db', 2222), [1, 2]);
});

test('comments, empty lines, unknown markers and what is no key are passed over', () => {
  const lines = [
    '# db ssh-ed25519 AAAA',
    '',
    '   ',
    'db',
    'db ssh-ed25519',
    `@other db ssh-ed25519 ${key}`,
    'db ssh-ed25519 ???',
    `  db   ssh-ed25519\t${key}   a comment with # in it`,
    `@cert-authority *.example ssh-rsa ${key}`,
    `@revoked * ssh-ed25519 ${key}\r`,
    // SSH 1, which nobody speaks any more.
    'db 1024 35 1234567890',
  ];
  const found = parseKnownHosts(lines.join('\n')).map(({ line, marker, type }) => [line, marker, type]);
  assert.deepEqual(found, [
    [8, undefined, 'ssh-ed25519'],
    [9, 'cert-authority', 'ssh-rsa'],
    [10, 'revoked', 'ssh-ed25519'],
  ]);
});

test('names that ssh-keygen has hashed are found, with ports and without', () => {
  using folder = temporaryFolder();
  makeKey(folder.file('key'), 'ed25519');
  const publicKey = publicKeyOf(folder.file('key.pub'));
  const file = folder.file('known');
  writeFileSync(file, `db.example,10.0.0.1 ${publicKey}\n[db.example]:2222 ${publicKey}\n`);
  execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
  const text = readFileSync(file, 'utf8');
  assert.ok(!text.includes('db.example'));
  assert.deepEqual(linesFor(text, 'db.example', 2222).length, 1);
  assert.deepEqual(linesFor(text, 'DB.example').length, 1);
  assert.deepEqual(linesFor(text, '10.0.0.1').length, 1);
  assert.deepEqual(linesFor(text, 'web.example'), []);
  assert.deepEqual(linesFor('|2|x|y ssh-rsa AAAA\n||| ssh-rsa AAAA\n|1 ssh-rsa AAAA', 'db'), []);
});

test('a file is read again when it has changed, been replaced or gone', () => {
  using folder = temporaryFolder();
  const path = folder.file('known');
  const file = knownHostsFile(path);
  const lines = () => file.keysFor('db', 22).map(({ line }) => line);
  assert.deepEqual(lines(), [], 'there is no file yet');
  writeFileSync(path, `db ssh-ed25519 ${key}\n`);
  assert.deepEqual(lines(), [1]);
  writeFileSync(folder.file('new'), `xx ssh-ed25519 ${key}\n`);
  renameSync(folder.file('new'), path);
  assert.deepEqual(lines(), [], 'of the same length, but another one');
  rmSync(path);
  assert.deepEqual(lines(), []);
});

test('a file that cannot be read is an error, not an empty file', () => {
  using folder = temporaryFolder();
  assert.throws(
    () => knownHostsFile(folder.path).keysFor('db', 22),
    (error: unknown) =>
      error instanceof HostError && error.reason === 'internal' && /EISDIR/.test(error.message),
  );
});
