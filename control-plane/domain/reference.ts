/** References to templates, connectors and secrets: `account.x`, `org.x`, `x`, read against a scope. */
import { RequestError } from './errors.ts';
import { account, type Level, levelOf, orgOf, parseScope, projectOf, type Scope } from './scope.ts';

/** The identity of an entity among those of its kind. */
export interface Reference {
  readonly scope: Scope;
  readonly identifier: string;
}

export const identifierPattern = '^[a-zA-Z_][0-9a-zA-Z_$]{0,127}$';
const identifierRule = new RegExp(identifierPattern);

/**
 * Reads a reference as it is written in a document of scope `base`. Throws a `RequestError` with the original's
 * wording. A reference without prefix means the project, never "the nearest one".
 */
export function parseReference(text: string, base: Scope = account): Reference {
  const trimmed = text.trim();
  if (trimmed === '') throw invalid('Empty identifier values are not supported');
  const parts = trimmed.split('.');
  const [prefix = '', identifier = ''] = parts.length === 1 ? ['', trimmed] : parts;
  const known =
    parts.length <= 2 && ['', 'org', 'account'].includes(prefix) && (prefix || parts.length === 1);
  if (known === false || !identifierRule.test(identifier)) {
    throw invalid(
      `Invalid Identifier Reference ${text}. Valid references must be one of the following formats ` +
        '[ id, org.id, account.id ]  for scope [ project, organisation, account ] respectively',
    );
  }
  if (prefix === 'account') return { scope: account, identifier };
  const org = orgOf(base);
  const project = projectOf(base);
  if (prefix === 'org') {
    if (org === undefined) throw invalid('OrgIdentifier cannot be empty for ORG scope');
    return { scope: `org/${org}`, identifier };
  }
  if (project === undefined) {
    // The original looks for the project first, and names that one where both are missing.
    throw invalid('ProjectIdentifier cannot be empty for PROJECT scope');
  }
  return { scope: base, identifier };
}

/**
 * Reads a reference as a person or an API client writes it: as in a document of scope `base`, or absolute, as
 * `formatReference` writes it.
 */
export function resolveReference(text: string, base: Scope = account): Reference {
  const trimmed = text.trim();
  if (!trimmed.includes('/')) return parseReference(trimmed, base);
  const at = trimmed.lastIndexOf('/');
  const identifier = trimmed.slice(at + 1);
  if (!identifierRule.test(identifier))
    throw invalid(`"${text.slice(0, 300)}" does not end with an identifier`);
  return { scope: parseScope(trimmed.slice(0, at)), identifier };
}

/** The absolute form: `account.x`, `org/payments/x`, `org/payments/demo/x`. */
export function formatReference({ scope, identifier }: Reference): string {
  return scope === account ? `account.${identifier}` : `${scope}/${identifier}`;
}

/** How a document of scope `base` refers to an entity; only what is visible from there has such a form. */
export function relativeReference({ scope, identifier }: Reference, base: Scope): string {
  if (scope === account) return `account.${identifier}`;
  if (scope === base && levelOf(base) === 'project') return identifier;
  return `org.${identifier}`;
}

/**
 * Reads a reference in a field of an entity of scope `base`, such as a connector's `templateRef`. As
 * `parseReference`, but for the wording: the original names the field, and the level that can't be reached.
 */
export function parseFieldReference(text: string, base: Scope, field: string): Reference {
  const trimmed = text.trim();
  if (trimmed === '') throw invalid(`Empty identifier ref cannot be used for ${field}`);
  const [prefix = '', ...rest] = trimmed.includes('.') ? trimmed.split('.') : ['', trimmed];
  const prefixes = trimmed.includes('.') ? ['org', 'account'] : [''];
  if (rest.length !== 1 || !prefixes.includes(prefix) || !identifierRule.test(rest[0] ?? ''))
    throw invalid(`Invalid Identifier Reference used for ${field}`);
  const wanted: Level = prefix === '' ? 'project' : prefix === 'org' ? 'org' : 'account';
  const levels: readonly Level[] = ['account', 'org', 'project'];
  if (levels.indexOf(wanted) > levels.indexOf(levelOf(base))) {
    throw invalid(`The ${wanted} level ${field} cannot be used at ${levelOf(base)} level. Ref: [${trimmed}]`);
  }
  return parseReference(trimmed, base);
}

export const sameReference = (a: Reference, b: Reference) =>
  a.scope === b.scope && a.identifier === b.identifier;

const invalid = (message: string) => new RequestError('INVALID_IDENTIFIER_REF', message);
