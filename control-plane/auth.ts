/** Where the parts that have not moved yet find what moved to `access/`. */

import { ApiKeys } from './access/api-keys.ts';
import type { Database } from './store/database.ts';

export { authenticateDelegate, makeDelegateToken } from './access/delegate-tokens.ts';
export { makeFirstApiKey } from './access/first-api-key.ts';

export function authenticateCaller(database: Database, key: string | undefined): Promise<{ name: string }> {
  const now = () => new Date().toISOString();
  return new ApiKeys({ database, now, failed: () => {} }).authenticate(key, '');
}
