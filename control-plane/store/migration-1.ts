import { type Migration, statements } from './migration.ts';

/** Keys, tokens, delegates, and templates whose every version is a row of its own. */
export const migration1: Migration = statements([
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
]);
