/** API keys: who a caller is, and how keys are made, renewed and ended. */
import { accessDenied, RequestError } from '../domain/errors.ts';
import { administersAll, type Caller, type Grant } from '../domain/permissions.ts';
import {
  addCredential,
  findApiKey,
  findApiKeyByName,
  type KeyWithCredentials,
  listApiKeys,
  saveApiKey,
  saveLastUsed,
  saveRevoked,
} from '../store/api-keys.ts';
import { type Database, waitForTurn } from '../store/database.ts';
import { hashOf, newApiKey, newId } from './credentials.ts';
import { type AskedGrant, checkGrants } from './grants.ts';
import { KeyEndings } from './key-endings.ts';
import { administersAccount, type ListedKey, lifetimeMs, listed, stateOf } from './listed-key.ts';

/** A key that was just made. */
export interface MadeKey {
  /** It can't be had again. */
  readonly key: string;
  readonly grants: readonly Grant[];
}

/** How exactly `last used` is known; a fetch must not wait for a disk to say that it happened. */
const lastUsedStepMs = 60_000;

export interface ApiKeyTools {
  readonly database: Database;
  /** ISO 8601 in UTC with milliseconds. */
  readonly now: () => string;
  /** Hears why `last used` could not be written; no request fails for it. */
  readonly failed: (error: unknown) => void;
}

export class ApiKeys {
  readonly #tools: ApiKeyTools;
  readonly #endings = new KeyEndings();
  /** Milliseconds since the epoch at which a use was written last, or tried to be, by hash. */
  readonly #usesWritten = new Map<string, number>();
  readonly #writing = new Set<Promise<void>>();

  constructor(tools: ApiKeyTools) {
    this.#tools = tools;
  }

  /**
   * The caller who holds this key, as the store has it at this moment. Throws one and the same `RequestError` for a
   * key that is missing, unknown, expired or revoked. `source`: the address where the request came from.
   */
  async authenticate(key: string | undefined, source: string): Promise<Caller> {
    const { database, now } = this.#tools;
    const mark = this.#endings.mark();
    const hash = key ? hashOf(key) : undefined;
    const found = hash && (await findApiKey(database, hash, now()));
    if (!found) throw new RequestError('USER_NOT_AUTHORIZED', '');
    this.#noteUse(hash, found.lastUsedAt);
    const caller: Caller = { keyId: found.id, name: found.name, grants: found.grants, source };
    this.#endings.started(caller, mark);
    return caller;
  }

  /**
   * Calls `then` when the caller's key is revoked, or rotated without overlap, by this process: to end requests that
   * take long. Gives a function that ends the watch.
   */
  whenEnded(caller: Caller, then: () => void): () => void {
    return this.#endings.watch(caller, then);
  }

  /** Makes a key. Nobody gives rights where they are no administrator. */
  async make(
    caller: Caller,
    asked: { name: string; grants: readonly AskedGrant[]; expiresInMs?: number | undefined },
  ): Promise<MadeKey> {
    const grants = checkGrants(asked.grants);
    if (!administersAll(caller.grants, grants)) throw accessDenied();
    const { database, now } = this.#tools;
    const createdAt = now();
    const key = newApiKey();
    const saved = await database.transaction().execute(transaction =>
      saveApiKey(transaction, {
        id: newId(),
        name: asked.name,
        grants,
        createdBy: caller.name,
        createdAt,
        hash: hashOf(key),
        expiresAt: later(createdAt, asked.expiresInMs),
      }),
    );
    if (saved) return { key, grants };
    // A name is never used twice: the audit trail would mean two by it.
    throw new RequestError(
      'INVALID_REQUEST',
      `an API key named "${asked.name}" exists or has existed; choose another name`,
    );
  }

  /** The keys that the caller administers. */
  async list(caller: Caller): Promise<ListedKey[]> {
    const { database, now } = this.#tools;
    const keys = await listApiKeys(database);
    const at = now();
    return keys.filter(({ grants }) => administersAll(caller.grants, grants)).map(key => listed(key, at));
  }

  /**
   * Gives a key a new credential, at once; those before count for `overlapMs` more, 0: they end now, and so does what
   * they have running. Without `expiresInMs` the new one lasts as long as the one before was made for.
   */
  async rotate(
    caller: Caller,
    name: string,
    { overlapMs, expiresInMs }: { overlapMs: number; expiresInMs?: number | undefined },
  ): Promise<MadeKey> {
    const { database, now } = this.#tools;
    const key = await this.#administered(caller, name);
    const createdAt = now();
    const made = newApiKey();
    const credential = {
      hash: hashOf(made),
      createdAt,
      expiresAt: later(createdAt, expiresInMs ?? lifetimeMs(key)),
    };
    const othersEndAt = later(createdAt, overlapMs) ?? createdAt;
    if (!(await addCredential(database, key.id, credential, othersEndAt))) {
      throw new RequestError(
        'INVALID_REQUEST',
        `the API key "${name}" is revoked, for good; make another one`,
      );
    }
    if (overlapMs === 0) this.#endings.end(key.id);
    return { key: made, grants: key.grants };
  }

  /**
   * Ends a key at once and for good, with what it has running; gives what it allowed. Again is no error. Refused for
   * the last key that administers the account.
   */
  async revoke(caller: Caller, name: string): Promise<readonly Grant[]> {
    const { id, grants } = await this.#administered(caller, name);
    const { database, now } = this.#tools;
    await database.transaction().execute(async transaction => {
      await waitForTurn(transaction, 'revoke an API key');
      const at = now();
      const heads = (await listApiKeys(transaction)).filter(
        key => administersAccount(key) && stateOf(key, at) === 'active',
      );
      if (heads.length === 1 && heads[0]?.id === id) {
        throw new RequestError(
          'INVALID_REQUEST',
          `"${name}" is the only API key that administers the account; make another one first`,
        );
      }
      await saveRevoked(transaction, id, at);
    });
    this.#endings.end(id);
    return grants;
  }

  /** Resolves when nothing more is being written; to be awaited before the store is closed. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #administered(caller: Caller, name: string): Promise<KeyWithCredentials> {
    const key = await findApiKeyByName(this.#tools.database, name);
    if (key && administersAll(caller.grants, key.grants)) return key;
    throw new RequestError('RESOURCE_NOT_FOUND', `there is no API key named "${name}"`);
  }

  #noteUse(hash: string, lastUsedAt: string | undefined): void {
    const { database, now, failed } = this.#tools;
    const at = now();
    const stored = lastUsedAt === undefined ? -Infinity : Date.parse(lastUsedAt);
    const written = Math.max(stored, this.#usesWritten.get(hash) ?? -Infinity);
    if (Date.parse(at) - written < lastUsedStepMs) return;
    this.#usesWritten.set(hash, Date.parse(at));
    const writing = saveLastUsed(database, hash, at)
      .catch(failed)
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }
}

const later = (time: string, ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(Date.parse(time) + ms).toISOString();
