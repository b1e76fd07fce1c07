import assert from 'node:assert/strict';
import type { Database } from '../../control-plane/store/database.ts';
import { listTokens } from '../../control-plane/store/delegate-tokens.ts';

/** Fails unless the tokens of an older store are there, and allow what they allowed. */
export async function assertTokens(
  database: Database,
  before: readonly Readonly<Record<string, string | null>>[],
): Promise<void> {
  assert.ok(before.length > 0);
  const byName = (a: { name?: string | null }, b: { name?: string | null }) =>
    (a.name ?? '') < (b.name ?? '') ? -1 : 1;
  const tokens = await listTokens(database);
  assert.deepEqual(
    tokens,
    before.toSorted(byName).map(({ id, name, scope, delegate_names, token_hash, created_at }) => ({
      id,
      name,
      scope,
      delegateNames: JSON.parse(delegate_names ?? ''),
      tags: [],
      networks: [],
      lifetimeS: undefined,
      renews: false,
      createdBy: 'legate',
      createdAt: created_at,
      revokedAt: undefined,
      drainUntil: undefined,
      rotationAskedAt: undefined,
      rotationOverlapS: undefined,
      credentials: [
        {
          hash: token_hash,
          createdAt: created_at,
          expiresAt: undefined,
          firstUsedAt: undefined,
          lastUsedAt: undefined,
          replaces: undefined,
          overlapS: undefined,
        },
      ],
    })),
  );
}
