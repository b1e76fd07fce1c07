/** Grants as somebody asks for them, checked and with references in their absolute form. */
import { RequestError } from '../domain/errors.ts';
import { type Grant, type Role, roles } from '../domain/permissions.ts';
import { formatReference, type Reference, resolveReference } from '../domain/reference.ts';
import { account, isWithin, parseScope, type Scope, visibleFrom } from '../domain/scope.ts';

export interface AskedGrant {
  readonly role: string;
  /** `account` where there is none. */
  readonly scope?: string | undefined;
  /** References as in a document of that scope, or absolute. */
  readonly connector?: string | undefined;
  readonly secret?: string | undefined;
}

/** Throws a `RequestError` that names every problem. */
export function checkGrants(asked: readonly AskedGrant[]): Grant[] {
  const problems: string[] = [];
  const grants = asked.flatMap((grant, index) => {
    try {
      return [checkGrant(grant)];
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      problems.push(...error.problems.map(problem => `grants[${index}]: ${problem}`));
      return [];
    }
  });
  if (asked.length === 0) problems.push('grants must hold at least one; a key without any may do nothing');
  if (problems.length > 0) throw new RequestError('INVALID_REQUEST', problems);
  return grants;
}

function checkGrant(asked: AskedGrant): Grant {
  const role = roles.find(known => known === asked.role);
  if (!role) throw invalid(`role must be one of ${roles.join(', ')} (got "${asked.role.slice(0, 100)}")`);
  const scope = parseScope(asked.scope ?? account);
  const { connector, secret } = asked;
  if (role !== 'fetcher' && (connector !== undefined || secret !== undefined)) {
    throw invalid(`only the role fetcher can be narrowed to a connector or a secret (this one is ${role})`);
  }
  return {
    role,
    scope,
    ...(connector === undefined ? {} : { connector: narrowed(role, scope, 'connector', connector) }),
    ...(secret === undefined ? {} : { secret: narrowed(role, scope, 'secret', secret) }),
  };
}

function narrowed(role: Role, scope: Scope, field: 'connector' | 'secret', text: string): string {
  const reference = resolveReference(text, scope);
  if (!canMatch(scope, field, reference)) {
    throw invalid(
      `a ${role} in ${scope} never comes to the ${field} ${formatReference(reference)}; ` +
        'choose a scope that holds it',
    );
  }
  return formatReference(reference);
}

/** As the command line takes it: `fetcher@org/payments:secret=org/payments/db`. */
export function formatGrant({ role, scope, connector, secret }: Grant): string {
  const narrowing = Object.entries({ connector, secret }).flatMap(([field, reference]) =>
    reference === undefined ? [] : `:${field}=${reference}`,
  );
  return `${role}@${scope}${narrowing.join('')}`;
}

/** The narrowest scope that holds all of the grants; it is the account where two have nothing else in common. */
export function commonScope(grants: readonly Grant[]): Scope {
  const [first, ...others] = grants;
  const candidates = first ? visibleFrom(first.scope) : [];
  return candidates.find(scope => others.every(grant => isWithin(grant.scope, scope))) ?? account;
}

/** A secret may use a connector from above its own scope; the secret itself is in the grant's scope or below. */
const canMatch = (scope: Scope, field: 'connector' | 'secret', reference: Reference) =>
  isWithin(reference.scope, scope) || (field === 'connector' && isWithin(scope, reference.scope));

const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
