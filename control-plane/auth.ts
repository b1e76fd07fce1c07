/** API keys and delegate tokens: random, shown once, and kept as hashes only. */
import { createHash, randomBytes } from 'node:crypto';
import { RequestError } from './domain/errors.ts';
import {
  countApiKeys,
  findApiKey,
  findToken,
  type StoredToken,
  saveApiKey,
  saveToken,
} from './store/access.ts';
import type { Database } from './store/database.ts';

// The prefixes let scanners, and people, see what they found. 256 random bits need no slow hash.
const apiKeyPrefix = 'lgk_';
const tokenPrefix = 'lgd_';

const newId = () => randomBytes(12).toString('base64url');
const newCredential = (prefix: string) => prefix + randomBytes(32).toString('base64url');
const hashOf = (credential: string) => createHash('sha256').update(credential).digest('hex');

/**
 * Makes the administrator's key of a new installation. `keep` stores it where its owner finds it; that comes
 * first, so that a crash in between leaves no key that nobody has. False when there are keys already.
 */
export async function makeFirstApiKey(
  database: Database,
  now: string,
  keep: (key: string) => void,
): Promise<boolean> {
  if ((await countApiKeys(database)) > 0) return false;
  const key = newCredential(apiKeyPrefix);
  keep(key);
  await saveApiKey(database, { id: newId(), name: 'admin', hash: hashOf(key) }, now);
  return true;
}

/** The caller who holds this key. Throws a `RequestError` when nobody does. */
export async function authenticateCaller(
  database: Database,
  key: string | undefined,
): Promise<{ name: string }> {
  const caller = key ? await findApiKey(database, hashOf(key)) : undefined;
  if (!caller) throw new RequestError('USER_NOT_AUTHORIZED', '');
  return caller;
}

/** Makes a delegate token. It can't be had again. Throws a `RequestError` when the name is taken or malformed. */
export async function makeDelegateToken(
  database: Database,
  { name, delegateNames }: StoredToken,
  now: string,
): Promise<string> {
  const token = newCredential(tokenPrefix);
  const saved = await saveToken(database, { id: newId(), name, delegateNames, hash: hashOf(token) }, now);
  if (!saved) {
    throw new RequestError(
      'INVALID_REQUEST',
      `a delegate token named "${name}" exists already; choose another name`,
    );
  }
  return token;
}

/** What a delegate token allows; undefined for an unknown one. */
export function authenticateDelegate(database: Database, token: string): Promise<StoredToken | undefined> {
  return findToken(database, hashOf(token));
}
