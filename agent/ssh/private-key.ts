/** A user's private key, whatever format it is written in. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import ssh2 from 'ssh2';
import { HostError } from './connection.ts';

export interface PrivateKey {
  /** As in `ssh-ed25519`. */
  readonly type: string;
  /** The public key as it travels. */
  readonly publicKey: Buffer;
  /** Signs; `hash` counts for RSA alone. ECDSA's signatures are DER. */
  readonly sign: (data: Buffer, hash: 'sha1' | 'sha256' | 'sha512') => Buffer;
}

/**
 * Reads a key: OpenSSH's format, PEM (PKCS#1, SEC1, PKCS#8) or PuTTY's version 2. Throws a `HostError` that names
 * `where` the key came from, and nothing of what stands there.
 */
export function readPrivateKey(text: string, passphrase: string | undefined, where: string): PrivateKey {
  const trimmed = `${text.replaceAll('\r\n', '\n').trim()}\n`;
  const refuse = (why: string): never => {
    throw new HostError('host-authentication-failed', `${where} ${why}`);
  };
  if (/^(ssh-|ecdsa-|sk-|-----BEGIN (RSA )?PUBLIC KEY|---- BEGIN SSH2 PUBLIC)/.test(trimmed))
    refuse('is a public key; the private one is needed');
  if (/^PuTTY-User-Key-File-3/.test(trimmed))
    refuse(
      "is in PuTTY's format of version 3, which is not supported; convert it: puttygen KEY -O private-openssh -o NEW",
    );
  if (!/^(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|PuTTY-User-Key-File-2)/.test(trimmed))
    refuse('is not a private key in a format that is known (OpenSSH, PEM)');
  const native = /^(-----BEGIN OPENSSH|PuTTY)/.test(trimmed);
  const key = native ? readOpenSsh(trimmed, passphrase, refuse) : readPem(trimmed, passphrase, refuse);
  return (
    ofKeyObject(key) ??
    refuse('is of a type that is not supported (ed25519, ECDSA on NIST curves and RSA are)')
  );
}

type Refuse = (why: string) => never;

const needed = 'is locked, and there is no passphrase with it';
const wrong = 'is locked with another passphrase than the one given';
const damaged = 'is damaged, or not supported';

function readOpenSsh(text: string, passphrase: string | undefined, refuse: Refuse): KeyObject {
  const parsed = ssh2.utils.parseKey(text, passphrase);
  // For this format it gives a list of one.
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error) {
    if (/no passphrase/i.test(key.message)) return refuse(needed);
    if (/passphrase|decrypt|integrity|mac mismatch/i.test(key.message) && passphrase !== undefined)
      return refuse(wrong);
    if (/unsupported.*type/i.test(key.message) && /sk-/.test(key.message))
      return refuse('is bound to a security key, which a delegate cannot use');
    return refuse(damaged);
  }
  const pem = pemOf(key);
  if (pem === undefined) return refuse(damaged);
  return createPrivateKey(pem);
}

function pemOf(key: unknown): string | undefined {
  if (typeof key !== 'object' || key === null || !('getPrivatePEM' in key)) return undefined;
  if (typeof key.getPrivatePEM !== 'function') return undefined;
  const pem: unknown = key.getPrivatePEM();
  return typeof pem === 'string' ? pem : undefined;
}

function readPem(text: string, passphrase: string | undefined, refuse: Refuse): KeyObject {
  const locked = /ENCRYPTED/.test(text);
  if (locked && passphrase === undefined) return refuse(needed);
  try {
    return createPrivateKey({
      key: text,
      format: 'pem',
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch {
    // OpenSSL's words for a wrong passphrase depend on the bytes that come out.
    return refuse(locked ? `${wrong}, or ${damaged.slice(3)}` : damaged);
  }
}

const curves: Readonly<Record<string, { name: string; hash: string; bytes: number }>> = {
  'P-256': { name: 'nistp256', hash: 'sha256', bytes: 32 },
  'P-384': { name: 'nistp384', hash: 'sha384', bytes: 48 },
  'P-521': { name: 'nistp521', hash: 'sha512', bytes: 66 },
};

function ofKeyObject(key: KeyObject): PrivateKey | undefined {
  const type = key.asymmetricKeyType;
  if (type !== 'ed25519' && type !== 'rsa' && type !== 'ec') return undefined;
  const { crv, x, y, e, n } = createPublicKey(key).export({ format: 'jwk' });
  if (type === 'ed25519') {
    return {
      type: 'ssh-ed25519',
      publicKey: Buffer.concat([string('ssh-ed25519'), string(decode(x))]),
      sign: data => sign(null, data, key),
    };
  }
  if (type === 'rsa') {
    return {
      type: 'ssh-rsa',
      publicKey: Buffer.concat([string('ssh-rsa'), integer(decode(e)), integer(decode(n))]),
      sign: (data, hash) => sign(hash, data, key),
    };
  }
  const curve = curves[crv ?? ''];
  if (!curve) return undefined;
  const point = Buffer.concat([Buffer.of(4), decode(x), decode(y)]);
  const name = `ecdsa-sha2-${curve.name}`;
  return {
    type: name,
    publicKey: Buffer.concat([string(name), string(curve.name), string(point)]),
    sign: data => sign(curve.hash, data, key),
  };
}

const decode = (text = '') => Buffer.from(text, 'base64url');

/** SSH's `string`: its length in four bytes, and its bytes. */
export function string(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** SSH's `mpint` of a positive number. */
export function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start += 1;
  const short = bytes.subarray(start);
  return string((short[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), short]) : short);
}
