import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { publicKeyOf } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { HostError } from './connection.ts';
import { readPrivateKey } from './private-key.ts';

const passphrase = 'open sesame';

/** Makes a key with ssh-keygen, in the format that is asked for. */
function keygen(type: string, format: string | undefined, locked: boolean) {
  const folder = temporaryFolder();
  const path = folder.file('key');
  const [kind = '', bits] = type.split(' ');
  const more = [...(bits ? ['-b', bits] : []), ...(format ? ['-m', format] : [])];
  // Few rounds: ssh2 derives the key in JavaScript.
  execFileSync('ssh-keygen', [
    '-q',
    '-t',
    kind,
    ...more,
    '-a',
    '4',
    '-N',
    locked ? passphrase : '',
    '-f',
    path,
  ]);
  const made = { text: readFileSync(path, 'utf8'), publicKey: publicKeyOf(`${path}.pub`) };
  folder[Symbol.dispose]();
  return made;
}

function errorOf(text: string, given?: string): string {
  try {
    readPrivateKey(text, given, 'the key');
  } catch (error) {
    assert.ok(error instanceof HostError);
    assert.equal(error.reason, 'host-authentication-failed');
    for (const line of text.split('\n'))
      if (line.length > 20 && !line.startsWith('-----')) assert.ok(!error.message.includes(line));
    assert.ok(!error.message.includes(passphrase));
    return error.message;
  }
  return 'no error';
}

const needed = 'the key is locked, and there is no passphrase with it';

describe('a key is read', () => {
  const types = ['ed25519', 'ecdsa 256', 'ecdsa 384', 'ecdsa 521', 'rsa 2048'];
  const formats = [undefined, 'PEM', 'PKCS8'];
  for (const type of types) {
    for (const format of formats) {
      // ssh-keygen writes ed25519 in its own format only.
      if (type === 'ed25519' && format !== undefined) continue;
      test(`${type} in ${format ?? "OpenSSH's format"}, locked and not`, () => {
        for (const locked of [false, true]) {
          const { text, publicKey } = keygen(type, format, locked);
          const key = readPrivateKey(text, locked ? passphrase : undefined, 'the key');
          assert.equal(`${key.type} ${key.publicKey.toString('base64')}`, publicKey);
          // What a file or a form does to line ends is no harm.
          readPrivateKey(
            `\n${text.replaceAll('\n', '\r\n').trim()}`,
            locked ? passphrase : undefined,
            'the key',
          );
          if (!locked) continue;
          assert.equal(errorOf(text), needed);
          assert.match(errorOf(text, 'wrong'), /^the key is locked with another passphrase/);
        }
      });
    }
  }

  test('ed25519 in PKCS#8', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const plain = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const locked = privateKey
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase })
      .toString();
    const { publicKey } = readPrivateKey(plain, undefined, 'the key');
    assert.deepEqual(readPrivateKey(locked, passphrase, 'the key').publicKey, publicKey);
  });
});

test('signatures are those of the key', () => {
  const { text } = keygen('ecdsa 256', 'PEM', false);
  const { sign } = readPrivateKey(text, undefined, 'the key');
  assert.notDeepEqual(sign(Buffer.from('a'), 'sha512'), sign(Buffer.from('b'), 'sha512'));
  assert.equal(createPrivateKey(text).asymmetricKeyType, 'ec');
});

test('what is no key that can be used is told from one, and nothing of it is shown', () => {
  const { text, publicKey } = keygen('ed25519', undefined, false);
  const lines = text.split('\n');
  const { privateKey: dsa } = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 });
  const { privateKey: curve } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const cases: [text: string, message: RegExp][] = [
    [publicKey, /is a public key; the private one is needed$/],
    ['', /is not a private key in a format that is known/],
    ['a password', /is not a private key in a format that is known/],
    [lines.slice(1).join('\n'), /is not a private key in a format that is known/],
    [[...lines.slice(0, 3), ...lines.slice(4)].join('\n'), /is damaged, or not supported$/],
    ['-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----', /is damaged, or not supported$/],
    ['PuTTY-User-Key-File-3: ssh-ed25519\n', /puttygen/],
    [dsa.export({ format: 'pem', type: 'pkcs8' }).toString(), /is of a type that is not supported/],
    [curve.export({ format: 'pem', type: 'sec1' }).toString(), /is of a type that is not supported/],
  ];
  for (const [wrong, message] of cases) assert.match(errorOf(wrong), message);
});

test('a passphrase that is not needed does no harm', () => {
  for (const format of [undefined, 'PEM']) {
    const { text } = keygen('rsa 2048', format, false);
    assert.equal(readPrivateKey(text, passphrase, 'the key').type, 'ssh-rsa');
  }
});
