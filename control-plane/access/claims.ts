/** What the claims of a JWT must be like: conditions by a claim's name, or by a JSON pointer (RFC 6901) into it. */
import { RequestError } from '../domain/errors.ts';

/** By name or pointer: the values that the claim may have. All conditions must hold. */
export type ClaimConditions = Readonly<Record<string, readonly string[]>>;

/** Claims that say nothing about who holds the JWT: a condition on them binds it to nobody. */
const aboutTheToken = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti']);

/** Throws a `RequestError` for a condition that can't be meant. */
export function checkConditions(claims: ClaimConditions): void {
  for (const name of Object.keys(claims)) {
    if (/~(?![01])/.test(name) && name.startsWith('/'))
      throw invalid(`claims: "${name}" is no JSON pointer: "~" is written as "~0" there, and "/" as "~1"`);
    if (aboutTheToken.has(partsOf(name)[0] ?? ''))
      throw invalid(
        `claims: "${name}" says nothing about who holds the token; name a claim that does, as "sub"`,
      );
  }
}

/** The name of the first condition that doesn't hold; undefined: all do. */
export function brokenCondition(payload: object, claims: ClaimConditions): string | undefined {
  return Object.entries(claims).find(([name, values]) => !holds(claimAt(payload, name), values))?.[0];
}

/** A list of texts, as groups are, holds where one of them does. */
function holds(claim: unknown, values: readonly string[]): boolean {
  if (Array.isArray(claim)) return claim.some(item => isOneOf(item, values));
  return isOneOf(claim, values);
}

/** Exactly, each character of it. A number or truth value is compared as JSON writes it. */
function isOneOf(claim: unknown, values: readonly string[]): boolean {
  const isSimple = typeof claim === 'string' || typeof claim === 'number' || typeof claim === 'boolean';
  return isSimple && values.includes(String(claim));
}

function claimAt(payload: object, name: string): unknown {
  let at: unknown = payload;
  for (const part of partsOf(name)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = Reflect.get(at, part);
  }
  return at;
}

/** A name without a slash in front is one claim, whatever dots it has. */
function partsOf(name: string): string[] {
  if (!name.startsWith('/')) return [name];
  return name
    .slice(1)
    .split('/')
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
