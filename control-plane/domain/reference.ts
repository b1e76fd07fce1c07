/** References to templates, connectors and secrets: `account.x`, `org.x`, `x`. */
import { RequestError } from './errors.ts';

/** Where an entity lives. Organisations and projects have an issue of their own; until then there is one. */
export type Scope = 'account';

export interface Reference {
  readonly scope: Scope;
  readonly identifier: string;
}

export const identifierPattern = '^[a-zA-Z_][0-9a-zA-Z_$]{0,127}$';

/**
 * Reads a reference as it is written in an account-scoped document. Throws a `RequestError` with the
 * original's wording; a reference without prefix means a project, never "the nearest one".
 */
export function parseReference(text: string): Reference {
  if (text.trim() === '') {
    throw new RequestError('INVALID_IDENTIFIER_REF', 'Empty identifier values are not supported');
  }
  const parts = text.trim().split('.');
  const [prefix = '', identifier = ''] = parts;
  if (parts.length === 1) {
    throw new RequestError(
      'INVALID_IDENTIFIER_REF',
      `ProjectIdentifier cannot be empty for PROJECT scope (write "account.${prefix}" for the account's)`,
    );
  }
  if (parts.length === 2 && prefix === 'org') {
    throw new RequestError('INVALID_IDENTIFIER_REF', 'OrgIdentifier cannot be empty for ORG scope');
  }
  if (parts.length !== 2 || prefix !== 'account' || !new RegExp(identifierPattern).test(identifier)) {
    throw new RequestError(
      'INVALID_IDENTIFIER_REF',
      `Invalid Identifier Reference ${text}. Valid references must be one of the following formats ` +
        '[ id, org.id, account.id ]  for scope [ project, organisation, account ] respectively',
    );
  }
  return { scope: 'account', identifier };
}

/** How a reference is written: the inverse of `parseReference`. */
export function formatReference({ scope, identifier }: Reference): string {
  return `${scope}.${identifier}`;
}
