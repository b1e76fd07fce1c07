/** A key ring: text, one key per line. The first key encrypts; the others only decrypt what is older. */
import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

export interface RingKey {
  /** 16 hex digits derived from the key, which say nothing about it. */
  readonly id: string;
  /** A `KeyObject`, as that shows nothing of itself when something prints it. */
  readonly key: KeyObject;
}

export interface KeyRing {
  readonly primary: RingKey;
  /** All keys, the primary first. */
  readonly keys: readonly RingKey[];
  find(id: string): RingKey | undefined;
}

/** A key ring that can't be had: names the source, the rule and the fix, and never holds key material. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError';
}

export const keyBytes = 32;
const pattern = /^[A-Za-z0-9+/]{43}=$/;
const aKey = 'a key is 32 bytes in base64, as `openssl rand -base64 32` makes them';

/** Reads a key ring. `source` says in errors where the text is from. Throws a `KeyRingError`. */
export function parseKeyRing(text: string, source: string): KeyRing {
  const byId = new Map<string, RingKey>();
  for (const [index, line] of text.split('\n').entries()) {
    const key = keyOfLine(line);
    if (key === undefined) continue;
    if (key === 'malformed')
      throw new KeyRingError(`${source}, line ${index + 1}: ${aKey}; correct the line`);
    if (byId.has(key.id)) {
      throw new KeyRingError(`${source}, line ${index + 1}: a ring holds a key once; remove the line`);
    }
    byId.set(key.id, key);
  }
  const keys = [...byId.values()];
  const [primary] = keys;
  if (!primary) throw new KeyRingError(`${source} holds no key; put one into it: ${aKey}`);
  return { primary, keys, find: id => byId.get(id) };
}

/** A new random key, as a line for a ring. */
export function makeKey(): { readonly id: string; readonly line: string } {
  const bytes = randomBytes(keyBytes);
  return { id: idOf(bytes), line: bytes.toString('base64') };
}

/** The text with a line put before the first key. */
export function withFirstKey(text: string, line: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex(each => keyOfLine(each) !== undefined);
  lines.splice(first === -1 ? 0 : first, 0, line);
  return lines.join('\n');
}

/** The text without the lines of these keys; comments stay. */
export function withoutKeys(text: string, ids: ReadonlySet<string>): string {
  const stays = (line: string) => {
    const key = keyOfLine(line);
    return key === undefined || key === 'malformed' || !ids.has(key.id);
  };
  return text.split('\n').filter(stays).join('\n');
}

function keyOfLine(line: string): RingKey | 'malformed' | undefined {
  const text = line.replace(/#.*/, '').trim();
  if (text === '') return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Node's reader passes over what it does not understand: a key with a slip would be another key, silently.
  if (!pattern.test(text) || bytes.toString('base64') !== text) return 'malformed';
  return { id: idOf(bytes), key: createSecretKey(bytes) };
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('legate key id\n').update(key).digest('hex').slice(0, 16);
}
