/** The public keys of issuers: fetched when they are needed, and kept for a while. */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../protocol/index.ts';
import type { StoredIssuer } from '../store/delegate-issuers.ts';
import { fetchJson } from './fetch-json.ts';

export type KeySource = Pick<StoredIssuer, 'issuer' | 'jwksUrl' | 'jwks' | 'ca'>;

export interface IssuerKeysTools {
  readonly clock: Clock;
  /** Hears why keys can't be had. */
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

/** Keys older than this are fetched anew before they are used: what an issuer has withdrawn must end. */
export const freshMs = 10 * 60_000;
/** While they can't be fetched, those of before count for so long. */
export const staleMs = 4 * 3_600_000;
/** After a try, whatever came of it, for so long no other is made. */
export const cooldownMs = 30_000;

interface Kept {
  keys: JWTVerifyGetKey | undefined;
  fetchedAt: number;
  triedAt: number;
  trying: Promise<void> | undefined;
  /** How often they have been fetched. */
  times: number;
}

export class IssuerKeys {
  readonly #tools: IssuerKeysTools;
  readonly #kept = new Map<string, Kept>();
  readonly #over = new AbortController();

  constructor(tools: IssuerKeysTools) {
    this.#tools = tools;
  }

  /**
   * An issuer's keys; undefined where they can't be had. `newer`: those that were given before lack one, and they
   * are no use again. Never rejects.
   */
  async of(source: KeySource, newer = false): Promise<JWTVerifyGetKey | undefined> {
    if (source.jwks !== undefined) return createLocalJWKSet(publicKeys(JSON.parse(source.jwks)));
    const { clock } = this.#tools;
    const kept = this.#keptFor(source);
    const { times } = kept;
    const age = () => clock.now() - kept.fetchedAt;
    if (newer || kept.keys === undefined || age() > freshMs) {
      const canTry = clock.now() - kept.triedAt >= cooldownMs;
      // One question at a time, whoever wants to know, and only they wait for it.
      if (canTry) kept.trying ??= this.#refresh(source, kept);
      await kept.trying;
    }
    return age() > staleMs || (newer && kept.times === times) ? undefined : kept.keys;
  }

  /** Forgets the keys of all but these. */
  keep(sources: readonly KeySource[]): void {
    const names = new Set(sources.map(nameOf));
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#kept.delete(name);
  }

  /** Ends what is being fetched. */
  async close(): Promise<void> {
    this.#over.abort();
    for (const { trying } of this.#kept.values()) await trying;
  }

  async #refresh(source: KeySource, kept: Kept): Promise<void> {
    const { clock, note } = this.#tools;
    kept.triedAt = clock.now();
    try {
      kept.keys = createLocalJWKSet(publicKeys(await this.#fetch(source)));
      kept.fetchedAt = clock.now();
      kept.times += 1;
    } catch (error) {
      const problem = error instanceof Error ? error.message : 'unknown';
      note({ issuer: source.issuer, problem }, "the keys of a trusted issuer can't be fetched");
    } finally {
      kept.trying = undefined;
    }
  }

  async #fetch({ issuer, jwksUrl, ca }: KeySource): Promise<unknown> {
    const options = { ca, clock: this.#tools.clock, signal: this.#over.signal };
    if (jwksUrl !== undefined) return fetchJson(jwksUrl, options);
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = Object(await fetchJson(url, options));
    if (found.issuer !== issuer) throw new Error('its discovery document is that of another issuer');
    const keysUrl: unknown = found.jwks_uri;
    if (typeof keysUrl !== 'string' || !isHttps(keysUrl))
      throw new Error('its discovery document has no jwks_uri with https');
    return fetchJson(keysUrl, options);
  }

  #keptFor(source: KeySource): Kept {
    const name = nameOf(source);
    const kept = this.#kept.get(name) ?? {
      keys: undefined,
      fetchedAt: Number.NEGATIVE_INFINITY,
      triedAt: Number.NEGATIVE_INFINITY,
      trying: undefined,
      times: 0,
    };
    this.#kept.set(name, kept);
    return kept;
  }
}

const nameOf = ({ issuer, jwksUrl, ca }: KeySource) => JSON.stringify([issuer, jwksUrl, ca]);

export function isHttps(text: string): boolean {
  return URL.parse(text)?.protocol === 'https:';
}

/**
 * What can be a public key of a JWK Set. A symmetric one would make whoever knows it an issuer. Throws where there is
 * no key left.
 */
export function publicKeys(data: unknown): JSONWebKeySet {
  const all: unknown = Object(data).keys;
  const keys = Array.isArray(all) ? all.map(key => Object(key)).filter(isPublic) : [];
  if (keys.length === 0) throw new Error('there is no public key in its JWK Set');
  return { keys };
}

const isPublic = ({ kty, d }: { kty?: unknown; d?: unknown }) =>
  (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && d === undefined;
