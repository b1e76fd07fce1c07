import { createHmac, hkdfSync } from 'node:crypto';

/**
 * Makes fingerprints: equal values have equal ones, and only who holds the key can test a guess. Values that are easy
 * to guess are easy to test for whoever has the key.
 */
export function fingerprinter(auditKey: Uint8Array): (value: string | Uint8Array) => string {
  // A key of its own: a fingerprint must never be a hash of the chain, nor the other way round.
  const key = new Uint8Array(hkdfSync('sha256', auditKey, '', 'legate audit fingerprint', 32));
  return value => createHmac('sha256', key).update(value).digest('hex');
}
