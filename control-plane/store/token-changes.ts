/** How a delegate token changes after it was made. */
import type { Database } from './database.ts';
import { lockToken, type TokenCredential } from './delegate-tokens.ts';

/**
 * Notes the first use of a credential, and gives those whose place it takes until `othersEndAt`, where they do not end
 * before. Again is no error, and changes nothing.
 */
export async function saveFirstUse(
  database: Database,
  tokenId: string,
  { hash, replaces }: TokenCredential,
  now: string,
  othersEndAt: string,
): Promise<void> {
  await database.transaction().execute(async transaction => {
    await lockToken(transaction, tokenId);
    const { numUpdatedRows } = await transaction
      .updateTable('delegate_token_credentials')
      .set({ first_used_at: now, last_used_at: now })
      .where('token_hash', '=', hash)
      .where('first_used_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows !== 1n || replaces === undefined) return;
    const others = transaction
      .updateTable('delegate_token_credentials')
      .set({ expires_at: othersEndAt })
      .where('token_id', '=', tokenId)
      .where('token_hash', '!=', hash)
      .where(where => where.or([where('expires_at', 'is', null), where('expires_at', '>', othersEndAt)]));
    // What was made after it is not what it replaces.
    const own = transaction
      .selectFrom('delegate_token_credentials')
      .select('created_at')
      .where('token_hash', '=', hash);
    await (replaces === '*'
      ? others.where('created_at', '<=', own)
      : others.where('token_hash', '=', replaces)
    ).execute();
  });
}

export async function saveTokenUse(database: Database, hash: string, now: string): Promise<void> {
  await database
    .updateTable('delegate_token_credentials')
    .set({ last_used_at: now })
    .where('token_hash', '=', hash)
    .execute();
}

/** Forgets what nobody has ever used of those that were to take the place of all others. */
export async function dropUnused(transaction: Database, tokenId: string): Promise<void> {
  await transaction
    .deleteFrom('delegate_token_credentials')
    .where('token_id', '=', tokenId)
    .where('replaces', '=', '*')
    .where('first_used_at', 'is', null)
    .execute();
}

/** Forgets credentials that ended before this time. */
export async function dropEnded(database: Database, tokenId: string, before: string): Promise<void> {
  await database
    .deleteFrom('delegate_token_credentials')
    .where('token_id', '=', tokenId)
    .where('expires_at', '<', before)
    .execute();
}

/** From now on delegates with a credential from before are asked to replace it. */
export async function saveRotationAsked(
  database: Database,
  tokenId: string,
  now: string,
  overlapS: number,
): Promise<void> {
  await database
    .updateTable('delegate_tokens')
    .set({ rotation_asked_at: now, rotation_overlap_s: overlapS })
    .where('id', '=', tokenId)
    .execute();
}

/** For good. The row stays, so that its name always means this token. Again can only shorten what may still run. */
export async function saveTokenRevoked(
  database: Database,
  tokenId: string,
  now: string,
  drainUntil: string | undefined,
): Promise<void> {
  await database
    .updateTable('delegate_tokens')
    .set({ revoked_at: now, drain_until: drainUntil ?? null })
    .where('id', '=', tokenId)
    .where('revoked_at', 'is', null)
    .execute();
  await database
    .updateTable('delegate_tokens')
    .set({ drain_until: drainUntil ?? null })
    .where('id', '=', tokenId)
    .where('drain_until', '>', drainUntil ?? '')
    .execute();
}
