/** The usage scope of a request, checked against the applications that are known. */
import type { UsageScope } from '../domain/entities.ts';
import { findApplication } from '../store/applications.ts';
import type { Database } from '../store/database.ts';
import type { Maybe } from './model.ts';
import { invalidRequest } from './refusals.ts';

type Entry = UsageScope[number];

/** As in a request; GraphQL lets neither side be null, other callers might. */
export interface GivenUsageScope {
  readonly appEnvScopes?: Maybe<
    readonly {
      readonly application: Maybe<{ readonly filterType?: Maybe<'ALL'>; readonly appId?: Maybe<string> }>;
      readonly environment: Maybe<{
        readonly filterType?: Maybe<'PRODUCTION_ENVIRONMENTS' | 'NON_PRODUCTION_ENVIRONMENTS'>;
        readonly envId?: Maybe<string>;
      }>;
    }[]
  >;
}

/** Without restriction: empty. Equal entries become one. Throws a `RequestError`: the first problem, as the original. */
export async function readGivenUsageScope(
  database: Database,
  given: Maybe<GivenUsageScope>,
): Promise<UsageScope> {
  const entries = new Map<string, Entry>();
  for (const { application, environment } of given?.appEnvScopes ?? []) {
    // The original's text for both sides.
    if (!application || !environment) throw invalidRequest('The app filter cannot be null');
    const entry = await readEntry(database, application, environment);
    entries.set(JSON.stringify(entry), entry);
  }
  return [...entries.values()];
}

type Sides = NonNullable<GivenUsageScope['appEnvScopes']>[number];

async function readEntry(
  database: Database,
  { filterType: appType, appId }: NonNullable<Sides['application']>,
  { filterType: envType, envId }: NonNullable<Sides['environment']>,
): Promise<Entry> {
  if (!appType && !appId) throw invalidRequest('No appId or filterType provided in the app filter');
  if (appType && appId) throw invalidRequest('Cannot set both appId and filterType in the app filter');
  const found = appId ? await findApplication(database, appId) : undefined;
  if (appId && !found) throw invalidRequest(`No application exists with the id ${appId}`);
  if (!appId && envId) throw invalidRequest('EnvId cannot be supplied with app filterType ALL');
  const application = appId ? { appId } : ({ filterType: 'ALL' } as const);
  if (envId && envType) throw invalidRequest('Cannot set both envId and filterType in the env filter');
  if (envType) return { application, environment: { filterType: envType } };
  if (!envId) throw invalidRequest('No envId or filterType provided in the env filter');
  if (!found?.environments.some(({ id }) => id === envId))
    throw invalidRequest(`No env exists with id ${envId} in application with id ${appId}`);
  return { application, environment: { envId } };
}

/** As the store has it. */
export const usageScopeDocument = (scope: UsageScope) => ({ appEnvScopes: [...scope] });
