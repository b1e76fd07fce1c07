/** Delegate tokens: what a delegate shows when it connects, and how they are made, renewed and ended. */
import { type Clock, every, sleep } from '../../protocol/index.ts';
import { RequestError } from '../domain/errors.ts';
import { allows, type Caller } from '../domain/permissions.ts';
import type { Scope } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import {
  findToken,
  findTokenBy,
  listTokens,
  lockToken,
  type StoredToken,
  saveCredential,
  saveToken,
  type TokenCredential,
} from '../store/delegate-tokens.ts';
import {
  dropEnded,
  dropUnused,
  saveFirstUse,
  saveRotationAsked,
  saveTokenRevoked,
  saveTokenUse,
} from '../store/token-changes.ts';
import { authorize } from './authorize.ts';
import { hashOf, newDelegateToken, newId } from './credentials.ts';
import { counts, isDue, type ListedToken, listed } from './listed-token.ts';
import { checkNetworks, isAmong } from './networks.ts';
import { askAll, type Replacement, type TokenSession, type Who } from './token-sessions.ts';

/** What a token allows, and what it was recognised by. */
export interface DelegateTokenFacts {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  readonly delegateNames: readonly string[];
  readonly tags: readonly string[];
  /** The hash of the credential. */
  readonly credential: string;
  /** Its holder shall be asked for a new one. */
  readonly isDue: boolean;
}

export type TokenRefusal = 'unknown' | 'expired' | 'revoked' | 'address';

export interface AskedToken {
  readonly name: string;
  readonly scope: Scope;
  readonly delegateNames?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly networks?: readonly string[] | undefined;
  readonly expiresInMs?: number | undefined;
  readonly renews?: boolean | undefined;
}

export interface DelegateTokenTools {
  readonly database: Database;
  readonly clock: Clock;
  /** ISO 8601 in UTC with milliseconds. */
  readonly now: () => string;
  /** The delegates that are connected to this server. */
  readonly sessions: () => readonly TokenSession[];
  /** Puts a record before and after a credential takes the place of another. Without one nothing happens. */
  readonly audited: (token: StoredToken, address: string, work: () => Promise<void>) => Promise<void>;
  /** Hears what went wrong beside a request, or between two. */
  readonly failed: (error: unknown) => void;
}

/** How exactly `last used` is known. */
const lastUsedStepMs = 60_000;
/** How often it is looked whether a token that somebody is connected with has ended, here or on another server. */
const lookEveryMs = 30_000;
/** For how long a command waits for what the delegates say. */
const patienceMs = 20_000;
/** A credential that was replaced because it was about to end counts for as long beside the new one. */
const renewalOverlapS = 86_400;
/** For so long it is told that a credential has ended, and not taken for one that never was. */
const rememberedMs = 30 * 86_400_000;

export class DelegateTokens {
  readonly #tools: DelegateTokenTools;
  readonly #working = new Set<Promise<void>>();
  #stop = () => {};

  constructor(tools: DelegateTokenTools) {
    this.#tools = tools;
  }

  /** Begins to look after the tokens of those who are connected. */
  start(): void {
    this.#stop = every(this.#tools.clock, lookEveryMs, () => this.#beside(this.look()));
  }

  /** Resolves when nothing more is being read or written; to be awaited before the store is closed. */
  async close(): Promise<void> {
    this.#stop();
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  /**
   * What a token allows to somebody at this address. The one way in, also for a credential that takes the place of
   * another: with its first use it has done so.
   */
  async authenticate(token: string, address: string | undefined): Promise<DelegateTokenFacts | TokenRefusal> {
    const { database, now, audited } = this.#tools;
    const found = await findToken(database, hashOf(token));
    if (!found) return 'unknown';
    const { token: stored, credential } = found;
    const at = now();
    if (stored.revokedAt !== undefined) return 'revoked';
    if (!counts(credential, at)) return 'expired';
    if (stored.networks.length > 0 && !isAmong(stored.networks, address)) return 'address';
    if (credential.firstUsedAt !== undefined) this.#noteUse(credential, at);
    else {
      const othersEndAt = later(at, credential.overlapS ?? 0);
      const save = () => saveFirstUse(database, stored.id, credential, at, othersEndAt);
      await (credential.replaces === undefined ? save() : audited(stored, address ?? '', save));
    }
    const { id, name, scope, delegateNames, tags } = stored;
    const due = isDue(stored, credential, at);
    return { id, name, scope, delegateNames, tags, credential: credential.hash, isDue: due };
  }

  /**
   * Keeps the hash of a token that a delegate has made itself, to take the place of the one it is connected with as
   * soon as it is shown. Again is no error. False when it can't be.
   */
  propose({ id, credential }: Pick<DelegateTokenFacts, 'id' | 'credential'>, hash: string): Promise<boolean> {
    const { database, now } = this.#tools;
    return database.transaction().execute(async transaction => {
      const token = await lockToken(transaction, id);
      if (!token || token.revokedAt !== undefined) return false;
      const createdAt = now();
      const found = await findToken(transaction, hash);
      if (found) return found.token.id === id && counts(found.credential, createdAt);
      const overlapS = token.rotationOverlapS ?? renewalOverlapS;
      const expiresAt = laterIf(createdAt, token.lifetimeS);
      return saveCredential(transaction, id, { hash, createdAt, expiresAt, replaces: credential, overlapS });
    });
  }

  /** Makes a token, for whoever administers its scope. It can't be had again. */
  async make(caller: Caller, asked: AskedToken): Promise<string> {
    // A name is taken or not in the whole account: only who administers a part of it may ask.
    authorize(caller, 'administer', { scope: asked.scope });
    const { delegateNames = [], tags = [], networks = [], expiresInMs, renews = false } = asked;
    checkNetworks(networks);
    if (renews && expiresInMs === undefined)
      throw invalid('renews needs expiresInMs: a token without end is never renewed');
    const { database, now } = this.#tools;
    const createdAt = now();
    const token = newDelegateToken();
    const lifetimeS = expiresInMs === undefined ? undefined : Math.ceil(expiresInMs / 1_000);
    const { name, scope } = asked;
    const own = { id: newId(), name, scope, createdBy: caller.name, createdAt };
    const stored = { ...own, delegateNames, tags: tags.map(tag => tag.trim()), networks, lifetimeS, renews };
    const credential = { hash: hashOf(token), expiresAt: laterIf(createdAt, lifetimeS) };
    const saved = await database
      .transaction()
      .execute(transaction => saveToken(transaction, stored, credential));
    if (saved) return token;
    // A name is never used twice: the audit trail would mean two by it.
    throw invalid(`a delegate token named "${asked.name}" exists already; choose another name`);
  }

  /** The tokens that the caller administers. */
  async list(caller: Caller): Promise<ListedToken[]> {
    const { database, now, sessions } = this.#tools;
    const tokens = await listTokens(database);
    const own = tokens.filter(({ scope }) => allows(caller.grants, 'administer', { scope }));
    return own.map(token => listed(token, now(), sessions()));
  }

  /**
   * Gives a token a new credential, at once; those before count until `overlapMs` after the new one was used first.
   * One that was made so before and never used counts no more.
   */
  async rotate(caller: Caller, name: string, overlapMs: number): Promise<{ token: string; scope: Scope }> {
    const { database, now } = this.#tools;
    const { id } = await this.#administered(caller, name);
    const made = newDelegateToken();
    return database.transaction().execute(async transaction => {
      const token = await lockToken(transaction, id);
      if (!token || token.revokedAt !== undefined) throw revoked(name);
      const createdAt = now();
      await dropUnused(transaction, id);
      await dropEnded(transaction, id, later(createdAt, -rememberedMs / 1_000));
      const expiresAt = laterIf(createdAt, token.lifetimeS);
      const replacing = { replaces: '*', overlapS: Math.ceil(overlapMs / 1_000) };
      await saveCredential(transaction, id, { hash: hashOf(made), createdAt, expiresAt, ...replacing });
      return { token: made, scope: token.scope };
    });
  }

  /**
   * Has the delegates replace their credentials themselves: those that are connected now, and others when they come.
   * Gives what each of those that are connected to this server did.
   */
  async rotateInPlace(
    caller: Caller,
    name: string,
    overlapMs: number,
  ): Promise<{ scope: Scope; delegates: (Replacement & Who)[] }> {
    const { database, clock, now, sessions } = this.#tools;
    const { id, scope, revokedAt } = await this.#administered(caller, name);
    if (revokedAt !== undefined) throw revoked(name);
    const at = now();
    await dropEnded(database, id, later(at, -rememberedMs / 1_000));
    await saveRotationAsked(database, id, at, Math.ceil(overlapMs / 1_000));
    const over = new AbortController();
    const asking = { sessions: sessions().filter(({ token }) => token === id) };
    const patience = sleep(clock, patienceMs, over.signal);
    const delegates = await askAll({ ...asking, patience });
    over.abort();
    return { scope, delegates };
  }

  /**
   * Ends a token for good. Its delegates are cut off at once, or with `drainMs` when they have finished what runs, at
   * the latest after that time. Again is no error, and can only shorten that.
   */
  async revoke(caller: Caller, name: string, drainMs?: number): Promise<Scope> {
    const { database, now } = this.#tools;
    const { id, scope } = await this.#administered(caller, name);
    const at = now();
    await saveTokenRevoked(database, id, at, drainMs === undefined ? undefined : later(at, drainMs / 1_000));
    await this.look();
    return scope;
  }

  /** Cuts off whose token has ended, drains whose token is ending, and asks those whose credential is old. */
  async look(): Promise<void> {
    const { database, now, sessions } = this.#tools;
    if (sessions().length === 0) return;
    const tokens = new Map((await listTokens(database)).map(token => [token.id, token]));
    const at = now();
    for (const session of sessions()) {
      const token = tokens.get(session.token);
      const credential = token?.credentials.find(({ hash }) => hash === session.credential);
      if (!token) session.cut('revoked');
      else if (token.revokedAt !== undefined) {
        if (token.drainUntil !== undefined && token.drainUntil > at) session.drain();
        else session.cut('revoked');
      } else if (!credential || !counts(credential, at)) session.cut('expired');
      else if (isDue(token, credential, at) && session.cannotReplace === undefined) void session.replace();
    }
  }

  async #administered(caller: Caller, name: string): Promise<StoredToken> {
    const token = await findTokenBy(this.#tools.database, 'name', name);
    if (token && allows(caller.grants, 'administer', token)) return token;
    throw new RequestError('RESOURCE_NOT_FOUND', `there is no delegate token named "${name}"`);
  }

  #noteUse({ hash, lastUsedAt }: TokenCredential, at: string): void {
    if (lastUsedAt !== undefined && Date.parse(at) - Date.parse(lastUsedAt) < lastUsedStepMs) return;
    this.#beside(saveTokenUse(this.#tools.database, hash, at));
  }

  #beside(work: Promise<void>): void {
    const watched = work.catch(this.#tools.failed).finally(() => this.#working.delete(watched));
    this.#working.add(watched);
  }
}

const later = (time: string, seconds: number): string =>
  new Date(Date.parse(time) + seconds * 1_000).toISOString();
const laterIf = (time: string, seconds: number | undefined) =>
  seconds === undefined ? undefined : later(time, seconds);
const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
const revoked = (name: string) =>
  invalid(`the delegate token "${name}" is revoked, for good; make another one`);
