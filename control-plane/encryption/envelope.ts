/**
 * Envelope encryption: each value has a data key of its own, and that is wrapped by a key of the ring, so that changing
 * the ring's key leaves the values as they are. AES-256-GCM twice.
 *
 * What a row belongs to is authenticated on both layers, and the wrapping key's id with the wrapped key: a row, a
 * wrapped key or a ciphertext that is moved elsewhere does not open. The ciphertext does not name the wrapping key, as
 * it would have to be written anew with every rotation; its data key binds it to the one wrapped key that holds it.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { RequestError } from '../domain/errors.ts';
import { keyBytes, type RingKey } from './key-ring.ts';

export interface WrappedKey {
  readonly keyId: string;
  /** Base64 of nonce, encrypted data key and tag. */
  readonly wrappedKey: string;
}

export interface Envelope extends WrappedKey {
  /** Base64 of nonce, encrypted value and tag. */
  readonly ciphertext: string;
}

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

// The owner goes last, so that nothing it may hold can be taken for another part.
const keyContext = (owner: string, keyId: string) => `legate data key 1\n${keyId}\n${owner}`;
const valueContext = (owner: string) => `legate value 1\n${owner}`;

/** How long the ciphertext of so many bytes is, in characters. */
export const ciphertextLength = (bytes: number) => Math.ceil((nonceBytes + bytes + tagBytes) / 3) * 4;

/** Encrypts a value under a new data key. */
export function sealValue(key: RingKey, owner: string, value: Uint8Array): Envelope {
  const dataKey = randomBytes(keyBytes);
  const ciphertext = encrypt(dataKey, valueContext(owner), value);
  return { ...wrap(key, owner, dataKey), ciphertext };
}

/** Decrypts with the key of the envelope's key id. Throws `ENCRYPT_DECRYPT_ERROR`. */
export function openValue(key: RingKey, owner: string, envelope: Envelope): Uint8Array {
  const dataKey = unwrap(key, owner, envelope);
  return decrypt(dataKey, valueContext(owner), envelope.ciphertext) ?? refuse(owner);
}

/** The same data key under another key. Throws `ENCRYPT_DECRYPT_ERROR`. */
export function rewrapKey(from: RingKey, to: RingKey, owner: string, wrapped: WrappedKey): WrappedKey {
  return wrap(to, owner, unwrap(from, owner, wrapped));
}

function wrap(key: RingKey, owner: string, dataKey: Uint8Array): WrappedKey {
  return { keyId: key.id, wrappedKey: encrypt(key.key, keyContext(owner, key.id), dataKey) };
}

function unwrap(key: RingKey, owner: string, { wrappedKey }: WrappedKey): Uint8Array {
  const dataKey = decrypt(key.key, keyContext(owner, key.id), wrappedKey);
  return dataKey?.length === keyBytes ? dataKey : refuse(owner);
}

function refuse(owner: string): never {
  throw new RequestError(
    'ENCRYPT_DECRYPT_ERROR',
    `The value of ${owner} cannot be decrypted: its row was changed outside of Legate, or is another's. ` +
      'Set the value again, or restore the store from a backup',
  );
}

function encrypt(key: KeyObject | Uint8Array, context: string, plaintext: Uint8Array): string {
  const nonce = randomBytes(nonceBytes);
  const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes }).setAAD(
    Buffer.from(context),
  );
  return Buffer.concat([nonce, sealing.update(plaintext), sealing.final(), sealing.getAuthTag()]).toString(
    'base64',
  );
}

function decrypt(key: KeyObject | Uint8Array, context: string, text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < nonceBytes + tagBytes) return undefined;
  const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  opening.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-tagBytes));
  const start = opening.update(bytes.subarray(nonceBytes, -tagBytes));
  try {
    return Buffer.concat([start, opening.final()]);
  } catch {
    return undefined;
  }
}
