/** Is a JWT what a trusted issuer's entry asks for? */
import { errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyResult, jwtVerify } from 'jose';
import type { StoredIssuer } from '../store/delegate-issuers.ts';
import { brokenCondition } from './claims.ts';
import type { IssuerKeys } from './issuer-keys.ts';

export type Verified =
  | { readonly outcome: 'right'; readonly payload: JWTPayload; readonly expiresAtMs: number }
  | { readonly outcome: 'expired' }
  /** `why`: for our log only; holds nothing of the JWT but names of claims. */
  | { readonly outcome: 'wrong'; readonly why: string }
  | { readonly outcome: 'unavailable' };

/** Clocks differ: for so long a JWT counts before its beginning and after its end. */
export const toleranceMs = 60_000;

/** What may sign a JWT: public-key algorithms only. */
export const knownAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
export const usualAlgorithms = ['RS256', 'ES256', 'EdDSA'];

/** `now`: time of day in milliseconds since 1970. Never rejects for what is in the JWT. */
export async function verifyJwt(
  jwt: string,
  entry: StoredIssuer,
  keys: IssuerKeys,
  now: number,
): Promise<Verified> {
  try {
    const { payload } = await verifyWith(keys, jwt, entry, now);
    const broken = brokenCondition(payload, entry.claims);
    if (broken !== undefined) return { outcome: 'wrong', why: `the claim "${broken}" is another` };
    return { outcome: 'right', payload, expiresAtMs: Math.min((payload.exp ?? 0) * 1_000, lastDateMs) };
  } catch (error) {
    if (error instanceof NoKeys) return { outcome: 'unavailable' };
    // Its signature, issuer and audience were right; that it has ended is told only to whom it let in before.
    if (error instanceof errors.JWTExpired && brokenCondition(error.payload, entry.claims) === undefined)
      return { outcome: 'expired' };
    return { outcome: 'wrong', why: whyOf(error) };
  }
}

/** The last time that is written with a year of four digits, so that times compare as texts. */
const lastDateMs = Date.parse('9999-12-31T23:59:59.999Z');

class NoKeys extends Error {}

async function verifyWith(
  keys: IssuerKeys,
  jwt: string,
  entry: StoredIssuer,
  now: number,
): Promise<JWTVerifyResult> {
  const { issuer, audience, algorithms } = entry;
  const options = {
    issuer,
    audience,
    algorithms: [...algorithms],
    requiredClaims: ['exp'],
    clockTolerance: toleranceMs / 1_000,
    currentDate: new Date(now),
  };
  const verify = async (newer?: boolean): Promise<JWTVerifyResult> => {
    // Asked for when the algorithm was looked at: a wrong one costs the issuer no question.
    const key: JWTVerifyGetKey = async (header, input) => {
      const found = await keys.of(entry, newer);
      if (!found) throw new NoKeys();
      return found(header, input);
    };
    return jwtVerify(jwt, key, options);
  };
  try {
    return await verify();
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    return verify(true);
  }
}

/** jose's own words name claims and algorithms, and quote nothing. */
function whyOf(error: unknown): string {
  if (error instanceof errors.JOSEError) return `${error.code}: ${error.message}`.slice(0, 200);
  // As for an RSA key that is too short, or points that are on no curve.
  return "its issuer's key can't be used";
}
