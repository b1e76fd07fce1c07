import { sql } from 'kysely';
import type { Database } from './database.ts';

/** Each entry brings the schema one step forward; an entry that has been released is never changed. */
const migrations: readonly (readonly string[])[] = [
  [
    `create table api_keys (
      id text primary key, name text not null, key_hash text not null unique, created_at text not null)`,
    `create table delegate_tokens (
      id text primary key, name text not null unique, token_hash text not null unique,
      delegate_names text not null, created_at text not null)`,
    `create table delegates (
      name text primary key, host_name text not null, tags text not null, agent_version text not null,
      first_connected_at text not null, last_connected_at text not null, last_disconnected_at text)`,
    `create table templates (
      scope text not null, identifier text not null, version_label text not null, name text not null,
      script text not null, inputs text not null, program text not null, program_digest text not null,
      program_inputs text not null, document text not null, created_at text not null, updated_at text not null,
      primary key (scope, identifier, version_label))`,
    `create table connectors (
      scope text not null, identifier text not null, template_scope text not null,
      template_identifier text not null, template_version_label text not null, document text not null,
      created_at text not null, updated_at text not null,
      primary key (scope, identifier),
      foreign key (template_scope, template_identifier, template_version_label)
        references templates (scope, identifier, version_label))`,
    `create table secrets (
      scope text not null, identifier text not null, connector_scope text not null,
      connector_identifier text not null, document text not null, created_at text not null,
      updated_at text not null,
      primary key (scope, identifier),
      foreign key (connector_scope, connector_identifier) references connectors (scope, identifier))`,
  ],
];

/** The file was written by a version that knows more than this one. */
export class NewerStoreError extends Error {
  override readonly name = 'NewerStoreError';
}

/** Brings the schema up to date. Throws a `NewerStoreError` when the file was written by a newer version. */
export async function migrate(database: Database, now: string): Promise<void> {
  await sql`create table if not exists migrations (number integer primary key, applied_at text not null)`.execute(
    database,
  );
  await database.transaction().execute(async transaction => {
    const applied = await transaction.selectFrom('migrations').select('number').execute();
    if (applied.length > migrations.length) {
      throw new NewerStoreError('the store was written by a newer version of Legate; start that version');
    }
    for (const [index, statements] of migrations.entries()) {
      if (index < applied.length) continue;
      for (const statement of statements) await sql.raw(statement).execute(transaction);
      await transaction
        .insertInto('migrations')
        .values({ number: index + 1, applied_at: now })
        .execute();
    }
  });
}
