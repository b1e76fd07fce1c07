/** Delegate tokens: what a delegate shows when it connects. */
import { RequestError } from '../domain/errors.ts';
import { findToken, type StoredToken, saveToken } from '../store/access.ts';
import type { Database } from '../store/database.ts';
import { hashOf, newDelegateToken, newId } from './credentials.ts';

/** Makes a delegate token. It can't be had again. Throws a `RequestError` when the name is taken. */
export async function makeDelegateToken(
  database: Database,
  { name, delegateNames, scope }: StoredToken,
  now: string,
): Promise<string> {
  const token = newDelegateToken();
  const stored = { id: newId(), name, delegateNames, scope, hash: hashOf(token) };
  if (await saveToken(database, stored, now)) return token;
  throw new RequestError(
    'INVALID_REQUEST',
    `a delegate token named "${name}" exists already; choose another name`,
  );
}

/** What a delegate token allows; undefined for an unknown one. */
export function authenticateDelegate(database: Database, token: string): Promise<StoredToken | undefined> {
  return findToken(database, hashOf(token));
}
