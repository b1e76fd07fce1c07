/** An API key as its administrators see it. */
import { allows, type Grant } from '../domain/permissions.ts';
import { account } from '../domain/scope.ts';
import type { KeyWithCredentials } from '../store/api-keys.ts';

export interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly grants: readonly Grant[];
  /** As long as one of its credentials counts, a key is active. */
  readonly state: 'active' | 'expired' | 'revoked';
  readonly createdBy: string;
  readonly createdAt: string;
  /** When the newest credential ends; none: never. */
  readonly expiresAt?: string;
  /** To the minute. */
  readonly lastUsedAt?: string;
  /** During the overlap of a rotation: until when the credential before counts. */
  readonly previousUntil?: string;
}

/** `now`: ISO 8601 in UTC with milliseconds. */
export function listed(key: KeyWithCredentials, now: string): ListedKey {
  const { id, name, grants, createdBy, createdAt, credentials } = key;
  const [newest, previous] = credentials;
  const expiresAt = newest?.expiresAt;
  const lastUsedAt = credentials
    .flatMap(credential => credential.lastUsedAt ?? [])
    .sort()
    .at(-1);
  const previousUntil = previous?.expiresAt;
  return {
    id,
    name,
    grants,
    state: stateOf(key, now),
    createdBy,
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
    ...(previousUntil === undefined || previousUntil <= now ? {} : { previousUntil }),
  };
}

export function stateOf({ revokedAt, credentials }: KeyWithCredentials, now: string): ListedKey['state'] {
  if (revokedAt !== undefined) return 'revoked';
  const counts = credentials.some(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  return counts ? 'active' : 'expired';
}

/** Without such a key nobody could make another one. */
export const administersAccount = ({ grants }: KeyWithCredentials) =>
  allows(grants, 'administer', { scope: account });

/** For how long the newest credential was made. */
export function lifetimeMs({ credentials: [newest] }: KeyWithCredentials): number | undefined {
  if (newest?.expiresAt === undefined) return undefined;
  return Date.parse(newest.expiresAt) - Date.parse(newest.createdAt);
}
