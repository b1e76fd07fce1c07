/** Trusted issuers in the store: whose JWTs let a delegate in, which of them, and what as. */
import type { Selectable } from 'kysely';
import { parseScope, type Scope } from '../domain/scope.ts';
import type { Database } from './database.ts';
import { textList, textLists } from './json.ts';
import type { Tables } from './tables.ts';

/** Times are ISO 8601 in UTC with milliseconds. */
export interface StoredIssuer {
  readonly id: string;
  readonly name: string;
  /** Whom its delegates serve: the scope and everything below it. */
  readonly scope: Scope;
  /** The `iss` of its JWTs, exactly. */
  readonly issuer: string;
  /** What must be in their `aud`. */
  readonly audience: string;
  /** Where its keys are; undefined: OpenID Connect discovery says it, unless there is `jwks`. */
  readonly jwksUrl: string | undefined;
  /** Its keys themselves: a JWK Set in JSON. */
  readonly jwks: string | undefined;
  /** Certificates in PEM that its keys are fetched with; undefined: those that the server trusts anyway. */
  readonly ca: string | undefined;
  readonly algorithms: readonly string[];
  /** By a claim's name or JSON pointer: the values that it may have. */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  /** As those of a delegate token; empty: any. */
  readonly delegateNames: readonly string[];
  readonly tags: readonly string[];
  readonly networks: readonly string[];
  readonly createdBy: string;
  readonly createdAt: string;
  readonly deletedAt: string | undefined;
}

export type NewIssuer = Omit<StoredIssuer, 'deletedAt'>;

/** False when there is, or was, one of that name. */
export async function saveIssuer(database: Database, issuer: NewIssuer): Promise<boolean> {
  const result = await database
    .insertInto('delegate_issuers')
    .values({
      id: issuer.id,
      name: issuer.name,
      scope: issuer.scope,
      issuer: issuer.issuer,
      audience: issuer.audience,
      jwks_url: issuer.jwksUrl ?? null,
      jwks: issuer.jwks ?? null,
      ca: issuer.ca ?? null,
      algorithms: JSON.stringify(issuer.algorithms),
      claims: JSON.stringify(issuer.claims),
      delegate_names: JSON.stringify(issuer.delegateNames),
      tags: JSON.stringify(issuer.tags),
      networks: JSON.stringify(issuer.networks),
      created_by: issuer.createdBy,
      created_at: issuer.createdAt,
    })
    .onConflict(conflict => conflict.column('name').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Those that are trusted with this `iss`, the one that was made first in front. */
export async function issuersOf(database: Database, issuer: string): Promise<StoredIssuer[]> {
  const rows = await database
    .selectFrom('delegate_issuers')
    .selectAll()
    .where('issuer', '=', issuer)
    .where('deleted_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(issuerOf);
}

/** The scopes of all that have, or had, this `iss` and audience. */
export async function scopesOfIssuer(
  database: Database,
  { issuer, audience }: Pick<StoredIssuer, 'issuer' | 'audience'>,
): Promise<Scope[]> {
  const rows = await database
    .selectFrom('delegate_issuers')
    .select('scope')
    .where('issuer', '=', issuer)
    .where('audience', '=', audience)
    .execute();
  return rows.map(({ scope }) => parseScope(scope));
}

/** Those that are trusted, by name. */
export async function listIssuers(database: Database): Promise<StoredIssuer[]> {
  const rows = await database
    .selectFrom('delegate_issuers')
    .selectAll()
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .execute();
  return rows.map(issuerOf);
}

export async function findIssuer(database: Database, name: string): Promise<StoredIssuer | undefined> {
  const row = await database
    .selectFrom('delegate_issuers')
    .selectAll()
    .where('name', '=', name)
    .executeTakeFirst();
  return row && issuerOf(row);
}

/** For good. The row stays, so that its name always means this one. Again is no error. */
export async function saveIssuerDeleted(database: Database, id: string, now: string): Promise<void> {
  await database
    .updateTable('delegate_issuers')
    .set({ deleted_at: now })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .execute();
}

function issuerOf(row: Selectable<Tables['delegate_issuers']>): StoredIssuer {
  return {
    id: row.id,
    name: row.name,
    scope: parseScope(row.scope),
    issuer: row.issuer,
    audience: row.audience,
    jwksUrl: row.jwks_url ?? undefined,
    jwks: row.jwks ?? undefined,
    ca: row.ca ?? undefined,
    algorithms: textList(row.algorithms),
    claims: textLists(row.claims),
    delegateNames: textList(row.delegate_names),
    tags: textList(row.tags),
    networks: textList(row.networks),
    createdBy: row.created_by,
    createdAt: row.created_at,
    deletedAt: row.deleted_at ?? undefined,
  };
}
