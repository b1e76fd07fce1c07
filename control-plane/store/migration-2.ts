/**
 * From one scope and one kind of secret to the whole model: scopes, template contents, the built-in secret
 * manager, grants, FirstGen, audit.
 */
import { createHash } from 'node:crypto';
import { type QueryExecutorProvider, sql } from 'kysely';
import { canonicalJson } from '../domain/canonical-json.ts';
import { newUuid } from '../domain/ids.ts';
import type { Migration } from './migration.ts';

const tables = [
  'create table settings (name text primary key, value text not null)',
  `create table api_keys (
    id text primary key, name text not null unique, grants text not null, created_by text not null,
    created_at text not null, revoked_at text)`,
  `create table api_key_credentials (
    key_hash text primary key, key_id text not null references api_keys (id), created_at text not null,
    expires_at text, last_used_at text)`,
  `alter table delegate_tokens add column scope text not null default 'account'`,
  `create table delegates (
    name text primary key, uuid text not null unique, scope text not null, status text not null,
    host_name text not null, tags text not null, agent_version text not null, include_scopes text not null,
    exclude_scopes text not null, first_connected_at text not null, last_connected_at text not null,
    last_disconnected_at text)`,
  `create table delegate_scopes (
    uuid text primary key, name text not null unique, document text not null, created_at text not null)`,
  'create table template_contents (digest text primary key, content text not null, created_at text not null)',
  `create table templates (
    scope text not null, identifier text not null, uuid text not null unique, stable_version text not null,
    created_at text not null, primary key (scope, identifier))`,
  `create table template_versions (
    scope text not null, identifier text not null, version_label text not null, number integer not null,
    name text not null, content_digest text not null references template_contents (digest),
    document text not null, created_at text not null, updated_at text not null,
    primary key (scope, identifier, version_label),
    foreign key (scope, identifier) references templates (scope, identifier))`,
  `create table connectors (
    scope text not null, identifier text not null, uuid text not null unique, generation text not null,
    name text not null, template_scope text not null, template_identifier text not null,
    template_version_label text not null, content_digest text not null references template_contents (digest),
    document text not null, revision integer not null, created_at text not null, updated_at text not null,
    primary key (scope, identifier),
    foreign key (template_scope, template_identifier, template_version_label)
      references template_versions (scope, identifier, version_label))`,
  `create unique index connectors_first_gen_name on connectors (name) where generation = 'FirstGen'`,
  `create index connectors_template on connectors (template_scope, template_identifier, template_version_label)`,
  `create table secrets (
    scope text not null, identifier text not null, uuid text not null unique, generation text not null,
    type text not null, name text not null, connector_scope text, connector_identifier text,
    document text not null, revision integer not null, created_at text not null, updated_at text not null,
    primary key (scope, identifier),
    foreign key (connector_scope, connector_identifier) references connectors (scope, identifier))`,
  `create unique index secrets_first_gen_name on secrets (name) where generation = 'FirstGen'`,
  'create index secrets_connector on secrets (connector_scope, connector_identifier)',
  `create table secret_uses (
    used_scope text not null, used_identifier text not null, user_kind text not null,
    user_scope text not null, user_identifier text not null,
    primary key (used_scope, used_identifier, user_kind, user_scope, user_identifier))`,
  'create index secret_uses_user on secret_uses (user_kind, user_scope, user_identifier)',
  `create table encrypted_values (
    owner text primary key, key_id text not null, wrapped_key text not null, ciphertext text not null,
    updated_at text not null)`,
  'create index encrypted_values_key on encrypted_values (key_id)',
  'create table applications (id text primary key, name text not null unique, created_at text not null)',
  `create table environments (
    id text not null, application_id text not null references applications (id), name text not null,
    production integer not null, primary key (application_id, id))`,
  'create table audit (seq integer primary key, record text not null, hash text not null)',
];

// Append-only, whoever has the connection: a mistake, or a query that somebody slipped in, changes nothing.
const appendOnly = {
  sqlite: ['update', 'delete'].map(
    verb => `create trigger audit_no_${verb} before ${verb} on audit
      begin select raise(abort, 'the audit trail is append-only'); end`,
  ),
  postgres: [
    `create function audit_append_only() returns trigger language plpgsql as
      $$ begin raise exception 'the audit trail is append-only'; end $$`,
    `create trigger audit_append_only before update or delete or truncate on audit
      for each statement execute function audit_append_only()`,
  ],
};

const replaced = ['api_keys', 'delegates', 'templates', 'connectors', 'secrets'];

export const migration2: Migration = { up };

async function up(database: QueryExecutorProvider, dialect: 'sqlite' | 'postgres'): Promise<void> {
  const run = async (statement: string) => {
    await sql.raw(statement).execute(database);
  };
  for (const table of replaced) await run(`alter table ${table} rename to old_${table}`);
  for (const statement of [...tables, ...appendOnly[dialect]]) await run(statement);
  await sql`insert into settings (name, value) values ('account_id', ${newUuid()})`.execute(database);
  await carryAccess(database);
  await carryTemplates(database);
  await carryConnectors(database);
  await carrySecrets(database);
  // What refers to others goes first.
  for (const table of replaced.toReversed()) await run(`drop table old_${table}`);
}

async function carryAccess(database: QueryExecutorProvider): Promise<void> {
  const grants = JSON.stringify([{ role: 'admin', scope: 'account' }]);
  await sql`insert into api_keys (id, name, grants, created_by, created_at)
    select id, name, ${grants}, 'legate', created_at from old_api_keys`.execute(database);
  await sql`insert into api_key_credentials (key_hash, key_id, created_at)
    select key_hash, id, created_at from old_api_keys`.execute(database);
  const { rows } = await sql<{ name: string }>`select name from old_delegates`.execute(database);
  for (const { name } of rows) {
    await sql`insert into delegates select name, ${newUuid()}, 'account', 'ENABLED', host_name, tags,
      agent_version, '[]', '[]', first_connected_at, last_connected_at, last_disconnected_at
      from old_delegates where name = ${name}`.execute(database);
  }
}

interface OldTemplate {
  identifier: string;
  version_label: string;
  name: string;
  script: string;
  program: string;
  program_digest: string;
  program_inputs: string;
  document: string;
  created_at: string;
  updated_at: string;
}

async function carryTemplates(database: QueryExecutorProvider): Promise<void> {
  const { rows } =
    await sql<OldTemplate>`select * from old_templates order by identifier, created_at, version_label`.execute(
      database,
    );
  const numbers = new Map<string, number>();
  for (const row of rows) {
    const content = contentOf(row);
    const digest = digestOf(content);
    const number = (numbers.get(row.identifier) ?? 0) + 1;
    numbers.set(row.identifier, number);
    await sql`insert into template_contents (digest, content, created_at)
      values (${digest}, ${JSON.stringify(content)}, ${row.created_at}) on conflict do nothing`.execute(
      database,
    );
    // The latest version becomes the stable one, as `template show` had it.
    await sql`insert into templates (scope, identifier, uuid, stable_version, created_at)
      values ('account', ${row.identifier}, ${newUuid()}, ${row.version_label}, ${row.created_at})
      on conflict (scope, identifier) do update set stable_version = excluded.stable_version`.execute(
      database,
    );
    await sql`insert into template_versions
        (scope, identifier, version_label, number, name, content_digest, document, created_at, updated_at)
      values ('account', ${row.identifier}, ${row.version_label}, ${number}, ${row.name}, ${digest},
        ${row.document}, ${row.created_at}, ${row.updated_at})`.execute(database);
  }
}

/** What version 1 could hold: inputs of type String, fixed or `<+input>`, and scripts that refer to nothing else. */
function contentOf(row: OldTemplate) {
  const spec = field(JSON.parse(row.document), 'spec');
  const variables = field(spec, 'environmentVariables');
  const inputs = (Array.isArray(variables) ? variables : []).map((variable: unknown) => {
    const text = String(field(variable, 'value'));
    const value = text === '<+input>' ? { kind: 'runtime', source: text } : { kind: 'fixed', text };
    return { list: 'environmentVariables', name: String(field(variable, 'name')), type: 'String', value };
  });
  const names: unknown = JSON.parse(row.program_inputs);
  const slots = (Array.isArray(names) ? names : []).map((name: unknown) => {
    return { kind: 'input', list: 'environmentVariables', name: String(name) };
  });
  const program = { text: row.program, digest: row.program_digest, slots };
  return { syntax: 'NG', script: row.script, inputs, program, spec };
}

/** As `contentDigest` has it; written out, because what a released migration does must never change. */
function digestOf({ syntax, spec, program }: ReturnType<typeof contentOf>): string {
  const text = canonicalJson({ syntax, spec, program: program.digest, slots: program.slots });
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

async function carryConnectors(database: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{
    identifier: string;
    document: string;
  }>`select identifier, document from old_connectors`.execute(database);
  for (const { identifier, document } of rows) {
    const name = String(field(JSON.parse(document), 'name'));
    await sql`insert into connectors (scope, identifier, uuid, generation, name, template_scope,
        template_identifier, template_version_label, content_digest, document, revision, created_at, updated_at)
      select old.scope, old.identifier, ${newUuid()}, 'NG', ${name}, old.template_scope, old.template_identifier,
        old.template_version_label, version.content_digest, old.document, 1, old.created_at, old.updated_at
      from old_connectors old join template_versions version on version.scope = old.template_scope
        and version.identifier = old.template_identifier
        and version.version_label = old.template_version_label
      where old.identifier = ${identifier}`.execute(database);
  }
}

async function carrySecrets(database: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{
    identifier: string;
    document: string;
  }>`select identifier, document from old_secrets`.execute(database);
  for (const { identifier, document } of rows) {
    const name = String(field(JSON.parse(document), 'name'));
    await sql`insert into secrets (scope, identifier, uuid, generation, type, name, connector_scope,
        connector_identifier, document, revision, created_at, updated_at)
      select scope, identifier, ${newUuid()}, 'NG', 'SecretText', ${name}, connector_scope, connector_identifier,
        document, 1, created_at, updated_at
      from old_secrets where identifier = ${identifier}`.execute(database);
  }
}

function field(data: unknown, name: string): unknown {
  return typeof data === 'object' && data !== null ? new Map(Object.entries(data)).get(name) : undefined;
}
