/** Values at rest: the built-in secret manager's, and the server's own keys. */
import { type Clock, systemClock } from '../../protocol/index.ts';
import { RequestError } from '../domain/errors.ts';
import type { Database } from '../store/database.ts';
import {
  countValuesByKey,
  deleteEncryptedValue,
  findEncryptedValue,
  listOwnersOfLength,
  saveEncryptedValue,
} from '../store/encrypted-values.ts';
import { prepareKeyRotation } from '../store/key-rotation.ts';
import { ciphertextLength, openValue, sealValue } from './envelope.ts';
import { type HeldKeys, holdKeys, reloadFor } from './held-keys.ts';
import { type KeySource, nameOf, readKeyRing } from './key-source.ts';
import { makeRing } from './make-ring.ts';
import { type RotateOptions, type RotationReport, resumeRotation, rotateKeys } from './rotate.ts';

/**
 * `owner` is what a value belongs to, as in `secret/UUID`; a value opens for its own owner only. The functions take the
 * store or a transaction. Errors are `RequestError`s of `ENCRYPT_DECRYPT_ERROR` that name the owner, never content.
 */
export interface Encryption {
  /** A key ring was made at this start: the moment to tell people to keep a copy. */
  readonly madeKeyRing: boolean;
  put(database: Database, owner: string, value: Uint8Array, now: string): Promise<void>;
  get(database: Database, owner: string): Promise<Uint8Array | undefined>;
  /** Owners of values of one of these lengths in bytes, and of some of nearly that length. */
  ownersOfLength(database: Database, bytes: readonly number[]): Promise<readonly string[]>;
  /** False when there was none. */
  remove(database: Database, owner: string): Promise<boolean>;
  /** Ids of keys that values are under and the ring does not hold: these values can't be read. */
  missingKeys(database: Database): Promise<readonly string[]>;
  /** Brings every value under a new key. Throws a `KeyRingError` when the ring can't be read or changed. */
  rotate(database: Database, options?: RotateOptions): Promise<RotationReport>;
  /** Goes on with a rotation that did not end; undefined when there is none. For every start of a server. */
  resumeRotation(database: Database, options?: RotateOptions): Promise<RotationReport | undefined>;
}

/** Reads the key ring, makes it at the first start. Throws a `KeyRingError`. The store must be migrated. */
export async function openEncryption(
  database: Database,
  source: KeySource,
  clock: Clock = systemClock,
): Promise<Encryption> {
  await prepareKeyRotation(database);
  const madeKeyRing = source.kind === 'file' && source.make && (await makeRing(database, source.path));
  const read = () => readKeyRing(source, clock);
  const keys = holdKeys(await read(), read);
  return {
    madeKeyRing,
    put: (within, owner, value, now) => put(keys, source, within, owner, value, now),
    get: (within, owner) => get(keys, source, within, owner),
    ownersOfLength: (within, bytes) => listOwnersOfLength(within, bytes.map(ciphertextLength)),
    remove: deleteEncryptedValue,
    async missingKeys(within) {
      const used = await countValuesByKey(within);
      return [...used.keys()].filter(id => !keys.ring.find(id));
    },
    rotate: (within, options) => rotateKeys(within, keys, source, options),
    resumeRotation: (within, options) => resumeRotation(within, keys, source, options),
  };
}

async function put(
  keys: HeldKeys,
  source: KeySource,
  database: Database,
  owner: string,
  value: Uint8Array,
  now: string,
): Promise<void> {
  const save = (key = keys.ring.primary) =>
    saveEncryptedValue(database, { owner, ...sealValue(key, owner, value) }, now);
  if (await save()) return;
  // Its key is retired: another process has rotated since this one read the ring.
  const { primary } = await reloadFor(keys, owner);
  if (await save(primary)) return;
  throw new RequestError(
    'ENCRYPT_DECRYPT_ERROR',
    `The value of ${owner} cannot be saved: a rotation has retired ${primary.id}, the first key of ` +
      `${nameOf(source)}. Put the newer key first, as the server that rotated has it`,
  );
}

async function get(
  keys: HeldKeys,
  source: KeySource,
  database: Database,
  owner: string,
): Promise<Uint8Array | undefined> {
  const row = await findEncryptedValue(database, owner);
  if (!row) return undefined;
  const key = keys.ring.find(row.keyId);
  if (key) return openValue(key, owner, row);
  const ring = await reloadFor(keys, owner);
  // Read once more as well: it may have got under a newer key, and its old one may be gone by now.
  const fresh = await findEncryptedValue(database, owner);
  if (!fresh) return undefined;
  const found = ring.find(fresh.keyId);
  if (found) return openValue(found, owner, fresh);
  throw new RequestError(
    'ENCRYPT_DECRYPT_ERROR',
    `The value of ${owner} cannot be decrypted: its key ${fresh.keyId} is not in ${nameOf(source)}. ` +
      'Put that key back from your copy of the ring, or set the value again',
  );
}
