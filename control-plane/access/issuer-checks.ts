/** What is wrong with a trusted issuer that somebody wants to add, in words. */
import { X509Certificate } from 'node:crypto';
import { RequestError } from '../domain/errors.ts';
import type { Scope } from '../domain/scope.ts';
import { type ClaimConditions, checkConditions } from './claims.ts';
import { isHttps, publicKeys } from './issuer-keys.ts';
import { checkNetworks } from './networks.ts';

export interface AskedIssuer {
  readonly name: string;
  readonly scope: Scope;
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl?: string | undefined;
  /** A JWK Set in JSON. */
  readonly jwks?: string | undefined;
  readonly ca?: string | undefined;
  readonly algorithms?: readonly string[] | undefined;
  readonly claims?: ClaimConditions | undefined;
  /** Whoever holds a JWT of this issuer for this audience may join: on purpose. */
  readonly anyHolder?: boolean | undefined;
  readonly delegateNames?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly networks?: readonly string[] | undefined;
}

/** Throws a `RequestError` for the first problem. */
export function checkIssuer(asked: AskedIssuer): void {
  const { claims = {}, anyHolder = false, networks = [] } = asked;
  checkConditions(claims);
  if (Object.keys(claims).length === 0 && !anyHolder)
    throw invalid(
      'claims must have a condition, as on "sub": without one whoever gets a JWT from this issuer for this ' +
        'audience may join. Where that is meant, say so with anyHolder (--any-holder)',
    );
  checkNetworks(networks);
  checkKeys(asked);
}

function checkKeys({ issuer, jwksUrl, jwks, ca }: AskedIssuer): void {
  if (jwks !== undefined && (jwksUrl !== undefined || ca !== undefined))
    throw invalid(
      'jwks holds the keys themselves: leave out jwksUrl and ca, with which they would be fetched',
    );
  if (jwks !== undefined) return checkKeySet(jwks);
  if (jwksUrl !== undefined && !isPlain(jwksUrl))
    throw invalid('jwksUrl must be a URL with https, and without a name or password');
  if (jwksUrl === undefined && (!isPlain(issuer) || /[?#]/.test(issuer)))
    throw invalid(
      'issuer must be a URL with https, without a name, password or query; for another one give its keys with ' +
        'jwksUrl or jwks',
    );
  if (ca !== undefined) checkCertificates(ca);
}

function isPlain(text: string): boolean {
  const { username, password } = URL.parse(text) ?? {};
  return isHttps(text) && username === '' && password === '';
}

function checkKeySet(jwks: string): void {
  let data: unknown;
  try {
    data = JSON.parse(jwks);
  } catch {
    throw invalid('jwks must be JSON: {"keys": [...]}');
  }
  const all: unknown = Object(data).keys;
  if (Array.isArray(all) && all.some(key => Object(key).d !== undefined || Object(key).k !== undefined))
    throw invalid('jwks holds a secret key: give the public ones only, and replace that one');
  try {
    publicKeys(data);
  } catch {
    throw invalid('jwks must be a JWK Set with a public key in it: {"keys": [{"kty": ...}]}');
  }
}

function checkCertificates(ca: string): void {
  const blocks = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    throw invalid('ca holds a certificate that cannot be read');
  }
  if (blocks.length === 0) throw invalid('ca must hold certificates in PEM');
}

const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
