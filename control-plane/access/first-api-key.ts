/** The key with which an installation begins. */
import type { Grant } from '../domain/permissions.ts';
import { account } from '../domain/scope.ts';
import { countApiKeys, saveApiKey } from '../store/api-keys.ts';
import { type Database, waitForTurn } from '../store/database.ts';
import { hashOf, newApiKey, newId } from './credentials.ts';

/**
 * Makes the administrator's key of a new installation. `keep` stores it where its owner finds it; that comes
 * first, so that a crash in between leaves no key that nobody has. False when there are keys already.
 */
export async function makeFirstApiKey(
  database: Database,
  now: string,
  keep: (key: string) => void,
): Promise<boolean> {
  return database.transaction().execute(async transaction => {
    // Of two servers that start at once, one keeps a key.
    await waitForTurn(transaction, 'first API key');
    if ((await countApiKeys(transaction)) > 0) return false;
    const key = newApiKey();
    keep(key);
    const grants: Grant[] = [{ role: 'admin', scope: account }];
    const facts = { id: newId(), name: 'admin', grants, createdBy: 'legate', createdAt: now };
    return saveApiKey(transaction, { ...facts, hash: hashOf(key), expiresAt: undefined });
  });
}
