/** Trusted issuers of a control plane, over a real store and a real issuer. */
import type { JWTPayload } from 'jose';
import {
  DelegateIssuers,
  type IssuerFacts,
  type IssuerSession,
} from '../../control-plane/access/delegate-issuers.ts';
import type { AskedIssuer } from '../../control-plane/access/issuer-checks.ts';
import { testDatabase } from './database.ts';
import { FakeClock } from './fake-clock.ts';
import { type IssuerKey, serviceAccountClaims, startIssuer } from './issuer.ts';
import { someCaller } from './tools.ts';

const startMs = Date.parse('2024-05-06T07:08:09.000Z');
/** When the tests begin: seconds since 1970. */
export const startS = startMs / 1_000;
export const subject = 'system:serviceaccount:vault:legate';

/** Trusted issuers over a real store, a real issuer, and a time that the test sets. */
export async function openIssuers(dialect?: 'postgres') {
  const store = await testDatabase(dialect);
  const issuer = await startIssuer();
  const clock = new FakeClock();
  const sessions: IssuerSession[] = [];
  const notes: string[] = [];
  let time = startMs;
  const issuers = new DelegateIssuers({
    database: store.database,
    clock,
    now: () => new Date(time).toISOString(),
    sessions: () => sessions,
    note: (facts, message) => notes.push(`${message} ${JSON.stringify(facts)}`),
    failed: error => {
      throw error;
    },
  });
  const claims = (more: JWTPayload = {}) => ({
    ...serviceAccountClaims({
      ...{ issuer: issuer.url, namespace: 'vault', name: 'legate' },
      ...{ issuedAt: startS, lifetimeS: 3_600 },
    }),
    ...more,
  });
  return {
    store,
    issuer,
    clock,
    issuers,
    sessions,
    notes,
    claims,
    admin: someCaller(),
    /** Lets time pass on both clocks. */
    async pass(ms: number) {
      time += ms;
      await clock.advance(ms);
    },
    make(more: Partial<AskedIssuer> = {}) {
      const where = { issuer: issuer.url, ca: issuer.ca, audience: 'legate' };
      const asked: AskedIssuer = { name: 'cluster', scope: 'account', claims: { sub: [subject] }, ...where };
      return issuers.make(someCaller(), { ...asked, ...more });
    },
    show: (jwt: string, address = '192.0.2.1') => issuers.authenticate(jwt, address),
    /** What a JWT of these claims comes to. */
    async shown(more: JWTPayload = {}, key?: IssuerKey) {
      return issuers.authenticate(await issuer.sign(claims(more), key ? { key } : {}), '192.0.2.1');
    },
    async [Symbol.asyncDispose]() {
      await issuers.close();
      clock.assertNoTimers();
      await issuer[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

export const isIn = (result: unknown): result is IssuerFacts => typeof result === 'object';
