import { RequestError } from '../../../domain/errors.ts';
import { type Reference, resolveReference } from '../../../domain/reference.ts';
import { type Scope, scopeOf } from '../../../domain/scope.ts';
import type { Consumer } from '../../../fetch-secret.ts';
import type { Maybe } from '../../../first-gen/model.ts';

/** The arguments that say in which scope the others are read. */
export interface ScopeArguments {
  readonly orgIdentifier?: Maybe<string>;
  readonly projectIdentifier?: Maybe<string>;
}

export interface ConsumerArguments {
  readonly application?: Maybe<string>;
  readonly environment?: Maybe<string>;
}

export function scopeFrom({ orgIdentifier, projectIdentifier }: ScopeArguments): Scope {
  return scopeOf(orgIdentifier ?? undefined, projectIdentifier ?? undefined);
}

export function referenceFrom(text: string, scope: ScopeArguments): Reference {
  return resolveReference(text, scopeFrom(scope));
}

/** Undefined where nobody is named. Throws a `RequestError` for half of one. */
export function consumerFrom({ application, environment }: ConsumerArguments): Consumer | undefined {
  if (application && environment) return { application, environment };
  if (!application && !environment) return undefined;
  throw new RequestError('INVALID_REQUEST', 'application and environment go together: give both or neither');
}
