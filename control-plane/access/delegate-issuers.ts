/** Trusted issuers: whose JWTs let a delegate in without a token of ours, which of them, and what as. */
import { decodeJwt } from 'jose';
import { type Clock, every } from '../../protocol/index.ts';
import { RequestError } from '../domain/errors.ts';
import { allows, type Caller } from '../domain/permissions.ts';
import type { Scope } from '../domain/scope.ts';
import { type Database, waitForTurn } from '../store/database.ts';
import {
  findIssuer,
  issuersOf,
  listIssuers,
  type NewIssuer,
  type StoredIssuer,
  saveIssuer,
  saveIssuerDeleted,
  scopesOfIssuer,
} from '../store/delegate-issuers.ts';
import { authorize } from './authorize.ts';
import { hashOf, newId } from './credentials.ts';
import type { DelegateTokenFacts, TokenRefusal } from './delegate-tokens.ts';
import { type AskedIssuer, checkIssuer } from './issuer-checks.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { isAmong } from './networks.ts';
import type { TokenSession } from './token-sessions.ts';
import { toleranceMs, usualAlgorithms, type Verified, verifyJwt } from './verify-jwt.ts';

/** What a JWT allows, and whose it is. */
export interface IssuerFacts extends DelegateTokenFacts {
  /** When the JWT ends, ISO 8601 in UTC with milliseconds. */
  readonly until: string;
  /** Its `sub`; empty: it has none. */
  readonly subject: string;
}

export type IssuerRefusal = Exclude<TokenRefusal, 'revoked'> | 'unavailable';

/** A connection that was made with a JWT. */
export interface IssuerSession extends Pick<TokenSession, 'delegate' | 'token' | 'cut'> {
  readonly until: string | undefined;
}

export interface ListedIssuer extends Omit<StoredIssuer, 'deletedAt'> {
  /** Names of the delegates that are connected with its JWTs to this server. */
  readonly delegates: readonly string[];
}

export interface DelegateIssuerTools {
  readonly database: Database;
  readonly clock: Clock;
  /** ISO 8601 in UTC with milliseconds. */
  readonly now: () => string;
  /** The delegates that are connected to this server with a JWT. */
  readonly sessions: () => readonly IssuerSession[];
  /** Hears why a JWT was refused, and why keys can't be had; never the JWT. */
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  /** Hears what went wrong between two requests. */
  readonly failed: (error: unknown) => void;
}

/** How often it is looked whether a JWT has ended, or its issuer is no longer trusted on another server. */
const lookEveryMs = 30_000;

export class DelegateIssuers {
  readonly #tools: DelegateIssuerTools;
  readonly #keys: IssuerKeys;
  #looking: Promise<void> = Promise.resolve();
  #stop = () => {};

  constructor(tools: DelegateIssuerTools) {
    this.#tools = tools;
    this.#keys = new IssuerKeys(tools);
  }

  /** Begins to look after those who are connected. */
  start(): void {
    this.#stop = every(this.#tools.clock, lookEveryMs, () => {
      this.#looking = this.look().catch(this.#tools.failed);
    });
  }

  /** Resolves when nothing more is being read; to be awaited before the store is closed. */
  async close(): Promise<void> {
    this.#stop();
    await this.#keys.close();
    await this.#looking;
  }

  /**
   * What a JWT allows to somebody at this address. Where it is what several entries ask for, the one that was made
   * first counts. Why it is refused goes to the log.
   */
  async authenticate(jwt: string, address: string | undefined): Promise<IssuerFacts | IssuerRefusal> {
    const { database, note, now } = this.#tools;
    const { issuer, audiences } = claimedBy(jwt);
    const all = issuer === undefined ? [] : await issuersOf(database, issuer);
    const entries = all.filter(({ audience }) => audiences.includes(audience));
    if (entries.length === 0)
      note({ address, why: 'no issuer is trusted with its "iss" and "aud"' }, 'a JWT was refused');
    let refusal: IssuerRefusal = 'unknown';
    for (const entry of entries) {
      const verified = await verifyJwt(jwt, entry, this.#keys, Date.parse(now()));
      // Nobody joins as something else because what comes first can't be asked.
      if (verified.outcome === 'unavailable') return 'unavailable';
      if (verified.outcome === 'wrong')
        note({ address, issuer: entry.name, why: verified.why }, 'a JWT was refused');
      else if (verified.outcome === 'expired') refusal = 'expired';
      else if (entry.networks.length > 0 && !isAmong(entry.networks, address)) refusal = 'address';
      else return factsOf(entry, jwt, verified);
    }
    return refusal;
  }

  /** Trusts an issuer, for whoever administers the scope of its delegates. */
  async make(caller: Caller, asked: AskedIssuer): Promise<void> {
    authorize(caller, 'administer', { scope: asked.scope });
    checkIssuer(asked);
    const { database, now } = this.#tools;
    const { name, scope, issuer, audience, jwksUrl, jwks, ca } = asked;
    const own = { id: newId(), name, scope, createdBy: caller.name, createdAt: now() };
    const { algorithms = usualAlgorithms, claims = {}, delegateNames = [], tags = [], networks = [] } = asked;
    const bounds = { delegateNames, tags: tags.map(tag => tag.trim()), networks };
    const stored: NewIssuer = { ...own, issuer, audience, jwksUrl, jwks, ca, algorithms, claims, ...bounds };
    await database.transaction().execute(async transaction => {
      // Of two who ask at once the second sees what the first has saved.
      await waitForTurn(transaction, 'delegate issuers');
      const saved = await saveIssuer(transaction, stored);
      // A name is never used twice: the audit trail would mean two by it.
      if (!saved) throw invalid(`a trusted issuer named "${name}" exists, or did; choose another name`);
      const scopes = await scopesOfIssuer(transaction, stored);
      if (!scopes.every(other => allows(caller.grants, 'administer', { scope: other })))
        throw invalid(
          'audience: this one is, or was, used with this issuer in a scope that you do not administer; its ' +
            'JWTs are meant for that scope. Choose another audience',
        );
    });
  }

  /** Those that the caller administers. */
  async list(caller: Caller): Promise<ListedIssuer[]> {
    const { database, sessions } = this.#tools;
    const issuers = await listIssuers(database);
    const administered = issuers.filter(({ scope }) => allows(caller.grants, 'administer', { scope }));
    return administered.map(issuer => {
      const { deletedAt: _, ...shown } = issuer;
      const own = sessions().filter(({ token }) => token === issuer.id);
      return { ...shown, delegates: [...new Set(own.map(({ delegate }) => delegate))].sort() };
    });
  }

  /** Trusts it no more, and cuts off its delegates at once. */
  async delete(caller: Caller, name: string): Promise<Scope> {
    const { database, now } = this.#tools;
    const found = await findIssuer(database, name);
    if (!found || found.deletedAt !== undefined || !allows(caller.grants, 'administer', found))
      throw new RequestError('RESOURCE_NOT_FOUND', `there is no trusted issuer named "${name}"`);
    await saveIssuerDeleted(database, found.id, now());
    await this.look();
    return found.scope;
  }

  /** Cuts off whose issuer is no longer trusted, and whose JWT has ended and was not followed by another. */
  async look(): Promise<void> {
    const { database, now, sessions } = this.#tools;
    const issuers = await listIssuers(database);
    this.#keys.keep(issuers);
    const ids = new Set(issuers.map(({ id }) => id));
    const ended = new Date(Date.parse(now()) - toleranceMs).toISOString();
    for (const session of sessions()) {
      if (!ids.has(session.token)) session.cut('revoked');
      else if (session.until !== undefined && session.until <= ended) session.cut('expired');
    }
  }
}

/** What it says before anything is verified, to know who has to be asked. */
function claimedBy(jwt: string): { issuer: string | undefined; audiences: readonly unknown[] } {
  try {
    const { iss, aud } = decodeJwt(jwt);
    // A store need not take every text that JSON can hold.
    const isText = typeof iss === 'string' && iss.length <= 1_000 && !/\p{Cc}/u.test(iss);
    return { issuer: isText ? iss : undefined, audiences: [aud].flat() };
  } catch {
    return { issuer: undefined, audiences: [] };
  }
}

function factsOf(
  { id, name, scope, delegateNames, tags }: StoredIssuer,
  jwt: string,
  { payload, expiresAtMs }: Verified & { outcome: 'right' },
): IssuerFacts {
  const until = new Date(expiresAtMs).toISOString();
  const subject = typeof payload.sub === 'string' ? payload.sub.slice(0, 300) : '';
  const bounds = { delegateNames, tags };
  return { id, name, scope, ...bounds, credential: hashOf(jwt), isDue: false, until, subject };
}

const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
