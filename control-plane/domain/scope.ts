/** Where an entity lives: the account, an organisation, or a project of one. */
import { RequestError } from './errors.ts';

/**
 * `account`, `org/payments` or `org/payments/demo`: one text, so that a scope can be compared, be a key and be
 * a column as it is.
 */
export type Scope = 'account' | `org/${string}`;

export const account: Scope = 'account';

/** The level of a scope, as messages and documents call it. */
export type Level = 'account' | 'org' | 'project';

export const scopeIdentifierPattern = '^[a-zA-Z_][0-9a-zA-Z_$]{0,127}$';
const scopeIdentifier = new RegExp(scopeIdentifierPattern);

/** An empty text is none, as provisioning tools write it. Throws a `RequestError`. */
export function scopeOf(org: string | undefined, project: string | undefined): Scope {
  if (!org) {
    // As the original says it of a reference in such a document.
    if (project)
      throw new RequestError('INVALID_IDENTIFIER_REF', 'OrgIdentifier cannot be empty for PROJECT scope');
    return account;
  }
  for (const [field, text] of Object.entries({ orgIdentifier: org, projectIdentifier: project })) {
    if (text && !scopeIdentifier.test(text)) {
      throw new RequestError(
        'INVALID_REQUEST',
        `${field} must be 1 to 128 letters, digits, "_" or "$", and begin with a letter or "_"`,
      );
    }
  }
  return project ? `org/${org}/${project}` : `org/${org}`;
}

/** Reads a scope as the store and grants have it. Throws where it is none. */
export function parseScope(text: string): Scope {
  if (text === account) return account;
  const [head, org, project, ...rest] = text.split('/');
  if (head !== 'org' || !org || rest.length > 0 || project === '')
    throw new RequestError(
      'INVALID_REQUEST',
      `a scope is account, org/ORG or org/ORG/PROJECT (got "${text.slice(0, 300)}")`,
    );
  return scopeOf(org, project);
}

export function orgOf(scope: Scope): string | undefined {
  return scope.split('/')[1];
}

export function projectOf(scope: Scope): string | undefined {
  return scope.split('/')[2];
}

export function levelOf(scope: Scope): Level {
  if (scope === account) return 'account';
  return projectOf(scope) === undefined ? 'org' : 'project';
}

/** The scope itself and everything above it, nearest first: what an entity of this scope may refer to. */
export function visibleFrom(scope: Scope): Scope[] {
  const org = orgOf(scope);
  if (org === undefined) return [account];
  return projectOf(scope) === undefined ? [scope, account] : [scope, `org/${org}`, account];
}

/** Is `inner` the scope `outer`, or below it? */
export function isWithin(inner: Scope, outer: Scope): boolean {
  return visibleFrom(inner).includes(outer);
}
