/** Issuers whose JWTs let delegates in. */
import { statements } from './migration.ts';

export const migration5 = statements([
  `create table delegate_issuers (
    id text primary key, name text not null unique, scope text not null, issuer text not null,
    audience text not null, jwks_url text, jwks text, ca text, algorithms text not null, claims text not null,
    delegate_names text not null, tags text not null, networks text not null,
    created_by text not null, created_at text not null, deleted_at text)`,
  'create index delegate_issuers_issuer on delegate_issuers (issuer)',
]);
