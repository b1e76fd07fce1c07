/** Who may do what: grants of a key, and the question whether they allow something. Pure. */
import type { Scope } from './scope.ts';

/**
 * viewer: sees; editor: sees, creates, changes, deletes, tests and refers to; admin: everything, keys, tokens,
 * delegates and the audit trail included; fetcher: gets values, and nothing else.
 */
export type Role = 'viewer' | 'editor' | 'admin' | 'fetcher';

/** A role in a scope and everything below it. A fetcher's may be narrowed to one connector or secret. */
export interface Grant {
  readonly role: Role;
  readonly scope: Scope;
  /** Fetcher only: the absolute reference of the only connector whose secrets may be fetched. */
  readonly connector?: string;
  /** Fetcher only: the absolute reference of the only secret that may be fetched. */
  readonly secret?: string;
}

/** `use`: to name a secret in an input or a credential. */
export type Action = 'view' | 'edit' | 'use' | 'fetch' | 'administer';

/** What an action is about. */
export interface Target {
  readonly scope: Scope;
  /** Absolute references, where the action is about one secret. */
  readonly secret?: string;
  readonly connector?: string;
}

/** Whoever makes a request. */
export interface Caller {
  readonly keyId: string;
  readonly name: string;
  readonly grants: readonly Grant[];
  /** Where the request came from: an address. */
  readonly source: string;
}
