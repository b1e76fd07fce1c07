/**
 * Delegate tokens get an end, bounds on tags and addresses, and several credentials each, so that one can take the
 * place of another.
 */
import { sql } from 'kysely';
import type { Migration } from './migration.ts';

const statements = [
  'alter table delegate_tokens rename to old_delegate_tokens',
  `create table delegate_tokens (
    id text primary key, name text not null unique, scope text not null, delegate_names text not null,
    tags text not null, networks text not null, lifetime_s integer, renews integer not null,
    created_by text not null, created_at text not null, revoked_at text, drain_until text,
    rotation_asked_at text, rotation_overlap_s integer)`,
  `create table delegate_token_credentials (
    token_hash text primary key, token_id text not null references delegate_tokens (id),
    created_at text not null, expires_at text, first_used_at text, last_used_at text, replaces text,
    overlap_s integer)`,
  'create index delegate_token_credentials_token on delegate_token_credentials (token_id)',
  `insert into delegate_tokens (id, name, scope, delegate_names, tags, networks, renews, created_by, created_at)
    select id, name, scope, delegate_names, '[]', '[]', 0, 'legate', created_at from old_delegate_tokens`,
  `insert into delegate_token_credentials (token_hash, token_id, created_at)
    select token_hash, id, created_at from old_delegate_tokens`,
  'drop table old_delegate_tokens',
];

export const migration3: Migration = {
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction);
  },
};
