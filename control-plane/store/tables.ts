/** The tables as Kysely sees them. The same for SQLite and Postgres: texts, integers, JSON as text. */

/** Times are ISO 8601; `scope` is a `Scope`; 0 and 1 are false and true. */
export interface Tables {
  /** Facts about this installation, by name: the account's id, among others. */
  settings: { name: string; value: string };
  /** A key's identity and rights. What it is recognised by is in `api_key_credentials`. */
  api_keys: {
    id: string;
    name: string;
    /** JSON list of grants. */
    grants: string;
    created_by: string;
    created_at: string;
    revoked_at: string | null;
  };
  /** More than one per key while a rotation overlaps. */
  api_key_credentials: {
    key_hash: string;
    key_id: string;
    created_at: string;
    expires_at: string | null;
    last_used_at: string | null;
  };
  delegate_tokens: {
    id: string;
    name: string;
    /** Whom delegates with this token serve: the scope and everything below it. */
    scope: string;
    /** JSON lists; empty: any name, any tag, any address. */
    delegate_names: string;
    tags: string;
    networks: string;
    /** Seconds that a credential of it lasts; null: without end. */
    lifetime_s: number | null;
    /** 1: its delegates are asked to replace a credential before it ends. */
    renews: number;
    /** The name of the API key that made it. */
    created_by: string;
    created_at: string;
    revoked_at: string | null;
    /** Until when its delegates may finish what runs after it was revoked. */
    drain_until: string | null;
    /** Delegates with a credential from before this time are asked to replace it. */
    rotation_asked_at: string | null;
    rotation_overlap_s: number | null;
  };
  /** What a delegate token is recognised by. */
  delegate_token_credentials: {
    token_hash: string;
    token_id: string;
    created_at: string;
    expires_at: string | null;
    first_used_at: string | null;
    last_used_at: string | null;
    /** The hash of the one whose place it takes when it is first used; `*`: all others; null: none. */
    replaces: string | null;
    /** For how many seconds after that the one before counts. */
    overlap_s: number | null;
  };
  /** Whose JWTs let delegates in. */
  delegate_issuers: {
    id: string;
    name: string;
    scope: string;
    /** The `iss` of its JWTs. */
    issuer: string;
    audience: string;
    /** Both null: OpenID Connect discovery says where the keys are. */
    jwks_url: string | null;
    /** JSON: a JWK Set. */
    jwks: string | null;
    /** PEM. */
    ca: string | null;
    /** JSON list. */
    algorithms: string;
    /** JSON: lists of values by a claim's name or pointer. */
    claims: string;
    /** JSON lists; empty: any. */
    delegate_names: string;
    tags: string;
    networks: string;
    created_by: string;
    created_at: string;
    deleted_at: string | null;
  };
  /** One row per delegate name that has ever connected. */
  delegates: {
    name: string;
    uuid: string;
    scope: string;
    /** ENABLED, WAITING_FOR_APPROVAL or DELETED. */
    status: string;
    host_name: string;
    /** JSON list. */
    tags: string;
    agent_version: string;
    /** JSON lists of delegate scope names (FirstGen); kept and returned, without effect on routing. */
    include_scopes: string;
    exclude_scopes: string;
    first_connected_at: string;
    last_connected_at: string;
    /** Null while an instance is connected, or when the control plane was killed. */
    last_disconnected_at: string | null;
    /** When an operator drained it; null: it gets tasks. */
    drained_at: string | null;
  };
  /** FirstGen's delegate scopes: kept and returned. */
  delegate_scopes: { uuid: string; name: string; document: string; created_at: string };
  /** One row per template, whatever versions it has. */
  templates: {
    scope: string;
    identifier: string;
    uuid: string;
    stable_version: string;
    created_at: string;
  };
  template_versions: {
    scope: string;
    identifier: string;
    version_label: string;
    /** 1 for the first version of a template that was made, and so on. */
    number: number;
    name: string;
    content_digest: string;
    /** JSON: the template's document. */
    document: string;
    created_at: string;
    updated_at: string;
  };
  /** What versions do: written once, found by its digest, kept as long as something pins it. */
  template_contents: { digest: string; content: string; created_at: string };
  connectors: {
    scope: string;
    identifier: string;
    uuid: string;
    /** NG or FirstGen. */
    generation: string;
    name: string;
    template_scope: string;
    template_identifier: string;
    template_version_label: string;
    /** The content that runs: the one that the connector was last checked against. */
    content_digest: string;
    document: string;
    /** Grows with every change: an update that read an older one fails. */
    revision: number;
    created_at: string;
    updated_at: string;
  };
  secrets: {
    scope: string;
    identifier: string;
    uuid: string;
    generation: string;
    /** SecretText, SecretFile or SSHKey. */
    type: string;
    name: string;
    /** Both null: the built-in secret manager. */
    connector_scope: string | null;
    connector_identifier: string | null;
    document: string;
    revision: number;
    created_at: string;
    updated_at: string;
  };
  /** Which secrets are named by what: by a secret's or connector's inputs or credential, or by a script. */
  secret_uses: {
    used_scope: string;
    used_identifier: string;
    /** template, connector or secret. */
    user_kind: string;
    user_scope: string;
    user_identifier: string;
  };
  /** Values of the built-in manager and the server's own keys, encrypted. */
  encrypted_values: {
    /** What the value belongs to, as in `secret/UUID`; part of what is authenticated. */
    owner: string;
    /** Which key-encryption key wrapped the data key. */
    key_id: string;
    wrapped_key: string;
    ciphertext: string;
    updated_at: string;
  };
  applications: { id: string; name: string; created_at: string };
  environments: { id: string; application_id: string; name: string; production: number };
  audit: {
    seq: number;
    /** JSON of the record, exactly as it was hashed. */
    record: string;
    hash: string;
  };
  migrations: { number: number; applied_at: string };
}
