/** What holds for every secret: its name, and who may use it. */
import type { FirstGenSecretDocument } from '../documents/first-gen.ts';
import { account } from '../domain/scope.ts';
import type { Database } from '../store/database.ts';
import { findSecretsByName } from '../store/secrets.ts';
import type { Maybe, UsageScopeInput } from './model.ts';
import { refusal } from './refusals.ts';
import { readGivenUsageScope, usageScopeDocument } from './usage-scope.ts';

const forbidden = /[~!@#$%^&*'"/?<>,;.]/;

/** Throws a `RequestError` for a name that no text or file may have. */
export function checkSecretName(name: string): void {
  if (name === '') throw refusal('Secret name cannot be empty');
  if (forbidden.test(name))
    throw refusal(`Secret name should not have any of the following characters [~!@#$%^&*'"/?<>,;.]`);
}

/** Throws where another FirstGen secret of the account has the name. */
export async function assertNameIsFree(database: Database, name: string, own?: string): Promise<void> {
  const named = await findSecretsByName(database, account, name);
  if (named.some(({ generation, uuid }) => generation === 'FirstGen' && uuid !== own))
    throw refusal(
      'A secret exists with the proposed secret name in your account. Please choose a different name',
    );
}

/** Another request was a moment faster than `assertNameIsFree` could see. */
export const takenMeanwhile = (name: string) => refusal(`Secret with name ${name} already exists`);

export interface GivenScopes {
  readonly usageScope?: Maybe<UsageScopeInput>;
  readonly scopedToAccount?: Maybe<boolean>;
  readonly inheritScopesFromSM?: Maybe<boolean>;
}

export type Scopes = Pick<FirstGenSecretDocument, 'usageScope' | 'scopedToAccount' | 'inheritScopesFromSM'>;

/**
 * The scopes that a request asks for. A null for the usage scope takes the restriction away, unlike for managers; one
 * that is absent, like everything else that is, stays as it was `before`.
 */
export async function scopesOf(database: Database, given: GivenScopes, before?: Scopes): Promise<Scopes> {
  const kept = before?.usageScope;
  const usageScope =
    given.usageScope === undefined && kept
      ? kept
      : usageScopeDocument(await readGivenUsageScope(database, given.usageScope));
  return {
    usageScope,
    scopedToAccount: given.scopedToAccount ?? before?.scopedToAccount ?? false,
    inheritScopesFromSM: given.inheritScopesFromSM ?? before?.inheritScopesFromSM ?? false,
  };
}

/** Throws for scopes that contradict each other. */
export function checkScopes({ usageScope, scopedToAccount, inheritScopesFromSM }: Scopes): void {
  const isRestricted = (usageScope.appEnvScopes ?? []).length > 0;
  if (inheritScopesFromSM && (scopedToAccount || isRestricted)) {
    throw refusal(
      'Invalid scopes, please either select to inherit scopes from Secret Manager or provide your own scopes. ' +
        'You cannot do both.',
    );
  }
  if (scopedToAccount && isRestricted) {
    throw refusal(
      'Invalid scopes, a secret is either scoped to the account or has a usageScope; give one of them.',
    );
  }
}
