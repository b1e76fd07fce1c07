/**
 * Sealing: what may only be read by whom it is meant for travels as a JWE (RFC 7516, compact form,
 * ECDH-ES on X25519 with A256GCM). The protected header binds each piece to its place, so that a chunk
 * that is dropped, repeated, reordered, cut off or moved from another task or attempt is noticed.
 */
import { CompactEncrypt, type CryptoKey, compactDecrypt, exportJWK, generateKeyPair, importJWK } from 'jose';
import { limits } from './limits.ts';
import type { PublicKey, TaskIdentity } from './messages.ts';

/** A sealed piece that can't be opened, or isn't the one expected at this place. Holds no content. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/** A key pair whose private half never leaves the process that made it. */
export interface SealingKeys {
  readonly publicKey: PublicKey;
  readonly privateKey: CryptoKey;
}

/** One sealed piece of a value, as in the `value` message. */
export interface SealedChunk {
  readonly seq: number;
  readonly final: boolean;
  readonly sealed: string;
}

const algorithm = 'ECDH-ES';
const encryption = 'A256GCM';

/** Makes a key pair: one per requester and fetch, or one per agent process. */
export async function generateSealingKeys(): Promise<SealingKeys> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { crv: 'X25519' });
  const { x = '' } = await exportJWK(publicKey);
  return { publicKey: { kty: 'OKP', crv: 'X25519', x }, privateKey };
}

/**
 * Seals a value chunk by chunk, at most `limits.chunk` bytes each, the last one marked as final. An empty
 * value is one empty final chunk.
 */
export async function* sealValue(
  value: Uint8Array,
  recipient: PublicKey,
  identity: TaskIdentity,
): AsyncGenerator<SealedChunk> {
  const key = await importPublicKey(recipient);
  let seq = 0;
  let offset = 0;
  do {
    const bytes = value.subarray(offset, offset + limits.chunk);
    offset += bytes.length;
    const final = offset >= value.length;
    yield {
      seq,
      final,
      sealed: await seal(bytes, key, { typ: 'legate-value', ...place(identity), seq, final }),
    };
    seq += 1;
  } while (offset < value.length);
}

/** Opens the chunks of one value, one after the other. After a `SealError` it opens nothing more. */
export interface ValueOpener {
  /** Opens the next chunk. Throws a `SealError` when it is not the next one of this task and attempt. */
  open(chunk: SealedChunk): Promise<Uint8Array>;
  /** Throws a `SealError` unless the final chunk has been opened. */
  finish(): void;
}

export function openValue(keys: SealingKeys, identity: TaskIdentity): ValueOpener {
  // Undefined while a chunk is being opened, and for ever when that failed: a chunk that is handed in twice at
  // once is not opened twice, and a value with a damaged piece never becomes complete.
  let next: number | undefined = 0;
  let length = 0;
  let final = false;
  return {
    async open(chunk) {
      if (final) throw new SealError('a value chunk came after the final one');
      const seq = next;
      if (seq === undefined) throw new SealError('the value chunk before this one was not opened');
      next = undefined;
      const expected = { typ: 'legate-value', ...place(identity), seq, final: chunk.final };
      const bytes = await open(chunk.sealed, keys, expected, `value chunk ${seq}`);
      length += bytes.length;
      // Whoever collects the pieces relies on this: without it a value could go on for ever.
      if (length > limits.value) throw new SealError(`the value is larger than ${limits.value} bytes`);
      next = seq + 1;
      final = chunk.final;
      return bytes;
    },
    finish() {
      if (!final) throw new SealError('the value was cut off: its final chunk is missing');
    },
  };
}

/** Seals input number `index` of a task to the agent that shall run it. */
export async function sealInput(
  value: string,
  agentKey: PublicKey,
  identity: TaskIdentity,
  index: number,
): Promise<string> {
  const header = { typ: 'legate-input', ...place(identity), index };
  return seal(new TextEncoder().encode(value), await importPublicKey(agentKey), header);
}

/** Opens input number `index` of a task. Throws a `SealError` when it was sealed for anything else. */
export async function openInput(
  sealed: string,
  keys: SealingKeys,
  identity: TaskIdentity,
  index: number,
): Promise<string> {
  const header = { typ: 'legate-input', ...place(identity), index };
  const bytes = await open(sealed, keys, header, `input ${index}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SealError(`input ${index} is not UTF-8 text`);
  }
}

/** What a sealed credential opens to. */
export type HostCredential =
  | {
      readonly kind: 'key';
      /** PEM or OpenSSH format. */
      readonly privateKey: string;
      readonly passphrase?: string;
      /** An OpenSSH user certificate, as its file has it. */
      readonly certificate?: string;
    }
  | { readonly kind: 'keyPath'; readonly path: string; readonly passphrase?: string }
  | { readonly kind: 'password'; readonly password: string };

/** Seals the credential of the target (`index` 0) or of jump host number `index` to the agent. */
export async function sealCredential(
  credential: HostCredential,
  agentKey: PublicKey,
  identity: TaskIdentity,
  index: number,
): Promise<string> {
  const header = { typ: 'legate-credential', ...place(identity), index };
  const bytes = new TextEncoder().encode(JSON.stringify(credential));
  return seal(bytes, await importPublicKey(agentKey), header);
}

/** Opens it. Throws a `SealError` when it was sealed for anything else, or is no credential. */
export async function openCredential(
  sealed: string,
  keys: SealingKeys,
  identity: TaskIdentity,
  index: number,
): Promise<HostCredential> {
  const header = { typ: 'legate-credential', ...place(identity), index };
  const bytes = await open(sealed, keys, header, `credential ${index}`);
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // Said below, without what was sealed.
  }
  const credential = credentialOf(data);
  if (!credential) throw new SealError(`credential ${index} is none`);
  return credential;
}

function credentialOf(data: unknown): HostCredential | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(data));
  const text = (name: string) => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const [passphrase, certificate] = [text('passphrase'), text('certificate')];
  const locked = passphrase === undefined ? {} : { passphrase };
  const [privateKey, path, password] = [text('privateKey'), text('path'), text('password')];
  switch (fields.get('kind')) {
    case 'key':
      if (privateKey === undefined) return undefined;
      return { kind: 'key', privateKey, ...locked, ...(certificate === undefined ? {} : { certificate }) };
    case 'keyPath':
      return path === undefined ? undefined : { kind: 'keyPath', path, ...locked };
    case 'password':
      return password === undefined ? undefined : { kind: 'password', password };
    default:
      return undefined;
  }
}

type Place = Record<string, string | number | boolean>;

const place = ({ task, attempt }: TaskIdentity) => ({ task, attempt });

async function importPublicKey(jwk: PublicKey): Promise<CryptoKey> {
  const key = await importJWK({ ...jwk }, algorithm);
  if (key instanceof Uint8Array) throw new SealError('the key is not a public key');
  return key;
}

async function seal(bytes: Uint8Array, key: CryptoKey, header: Place): Promise<string> {
  try {
    return await new CompactEncrypt(bytes)
      .setProtectedHeader({ alg: algorithm, enc: encryption, ...header })
      .encrypt(key);
  } catch {
    // A point of low order has the right shape and yields no secret; the platform's own words don't say so.
    throw new SealError('nothing can be sealed to this public key');
  }
}

async function open(sealed: string, keys: SealingKeys, expected: Place, what: string): Promise<Uint8Array> {
  const opened = await compactDecrypt(sealed, keys.privateKey, {
    keyManagementAlgorithms: [algorithm],
    contentEncryptionAlgorithms: [encryption],
    // A compressed piece could unfold to far more than its length; and compression tells of the content.
    maxDecompressedLength: 0,
  }).catch(() => {
    throw new SealError(`${what} can't be opened: it was damaged, or sealed for another key`);
  });
  const header: Record<string, unknown> = { ...opened.protectedHeader };
  const wrong = Object.keys(expected).filter(field => header[field] !== expected[field]);
  if (wrong.length > 0) throw new SealError(`${what} belongs elsewhere: its ${wrong.join(', ')} differ`);
  return opened.plaintext;
}
