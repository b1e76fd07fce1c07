/** Who may do what: grants of a key, and the question whether they allow something. Pure. */
import { account, isWithin, type Scope } from './scope.ts';

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

export const roles: readonly Role[] = ['viewer', 'editor', 'admin', 'fetcher'];
export const actions: readonly Action[] = ['view', 'edit', 'use', 'fetch', 'administer'];

/** What each role may do in its scope and below: the whole of it. `docs/permissions.md` shows this table. */
export const allowedActions: Readonly<Record<Role, readonly Action[]>> = {
  viewer: ['view'],
  // To write what a fetch will run is not to see what it brings.
  editor: ['view', 'edit', 'use'],
  admin: actions,
  fetcher: ['use', 'fetch'],
};

/** Does one of the grants allow this? References are compared whole and exactly. */
export function allows(grants: readonly Grant[], action: Action, target: Target): boolean {
  return grants.some(grant => allowedActions[grant.role].includes(action) && covers(grant, target));
}

/**
 * A narrowing counts whatever the role is: a grant that should not have one allows less for it, never more. What
 * has no connector, as a secret of the built-in manager, is in no connector's grant.
 */
function covers({ scope, connector, secret }: Grant, target: Target): boolean {
  return (
    isWithin(target.scope, scope) &&
    (connector === undefined || connector === target.connector) &&
    (secret === undefined || secret === target.secret)
  );
}

/** Could the holder of these grants make, change or end a key that has those? */
export function administersAll(own: readonly Grant[], others: readonly Grant[]): boolean {
  // A key that may do nothing is everybody's business or the account's.
  const scopes = others.length > 0 ? others.map(({ scope }) => scope) : [account];
  return scopes.every(scope => allows(own, 'administer', { scope }));
}
