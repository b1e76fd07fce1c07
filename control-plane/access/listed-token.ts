/** A delegate token as its administrators see it. */
import type { Scope } from '../domain/scope.ts';
import type { StoredToken, TokenCredential, TokenWithCredentials } from '../store/delegate-tokens.ts';
import type { TokenSession } from './token-sessions.ts';

export interface ListedToken {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  readonly delegateNames: readonly string[];
  readonly tags: readonly string[];
  readonly networks: readonly string[];
  readonly renews: boolean;
  /** As long as one of its credentials counts, a token is active. */
  readonly state: 'active' | 'expired' | 'revoked';
  readonly createdBy: string;
  readonly createdAt: string;
  /** When the newest credential ends; none: never. */
  readonly expiresAt?: string;
  /** To the minute. */
  readonly lastUsedAt?: string;
  /** While an older credential counts beside the newest: until when, where that is known. */
  readonly previousUntil?: string;
  /** Names of the delegates that are connected with it to this server. */
  readonly delegates: readonly string[];
  /** Those among them that have not shown the newest credential, nor one they made themselves since. */
  readonly delegatesOnPrevious: readonly string[];
}

/** `now`: ISO 8601 in UTC with milliseconds. */
export function listed(
  token: TokenWithCredentials,
  now: string,
  sessions: readonly TokenSession[],
): ListedToken {
  const { id, name, scope, delegateNames, tags, networks, renews, createdBy, createdAt } = token;
  const counting = token.credentials.filter(credential => counts(credential, now));
  const [newest] = token.credentials;
  const own = sessions.filter(session => session.token === id);
  const replaced = counting.filter(credential => isReplaced(credential, counting));
  const lastUsedAt = token.credentials
    .flatMap(credential => credential.lastUsedAt ?? [])
    .sort()
    .at(-1);
  const previousUntil = replaced
    .flatMap(({ expiresAt }) => expiresAt ?? [])
    .sort()
    .at(-1);
  const onPrevious = own.filter(({ credential }) => replaced.some(({ hash }) => hash === credential));
  return {
    ...{ id, name, scope, delegateNames, tags, networks, renews, createdBy, createdAt },
    state: token.revokedAt !== undefined ? 'revoked' : counting.length > 0 ? 'active' : 'expired',
    ...(newest?.expiresAt === undefined ? {} : { expiresAt: newest.expiresAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
    ...(previousUntil === undefined ? {} : { previousUntil }),
    delegates: namesOf(own),
    delegatesOnPrevious: namesOf(onPrevious),
  };
}

export const counts = ({ expiresAt }: TokenCredential, now: string) =>
  expiresAt === undefined || expiresAt > now;

/** Is there one that takes, or is to take, its place? */
const isReplaced = (credential: TokenCredential, all: readonly TokenCredential[]) =>
  all.some(
    other =>
      other.replaces === credential.hash ||
      (other.replaces === '*' && other.hash !== credential.hash && other.createdAt >= credential.createdAt),
  );

/**
 * Shall a delegate with this credential be asked for a new one? Because somebody wants that of all that were made
 * before, or because it ends: when a third of its life is left.
 */
export function isDue(token: StoredToken, credential: TokenCredential, now: string): boolean {
  if (token.rotationAskedAt !== undefined && credential.createdAt < token.rotationAskedAt) return true;
  const { expiresAt, createdAt } = credential;
  if (!token.renews || expiresAt === undefined) return false;
  const leftMs = Date.parse(expiresAt) - Date.parse(now);
  return leftMs < (Date.parse(expiresAt) - Date.parse(createdAt)) / 3;
}

const namesOf = (sessions: readonly TokenSession[]) =>
  [...new Set(sessions.map(({ delegate }) => delegate))].sort();
