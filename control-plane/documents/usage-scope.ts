/** Usage scopes as documents and FirstGen's API have them, with the contract's messages. */
import type { UsageScope } from '../domain/entities.ts';
import type { Problems } from './problems.ts';

type Side = Readonly<Record<string, unknown>>;

/**
 * Reads a usage scope; what is empty restricts nothing. Whether applications and environments exist is checked
 * by whoever knows the store.
 */
export function readUsageScope(
  scope: { readonly appEnvScopes?: readonly object[] } | null | undefined,
  problems: Problems,
): UsageScope {
  const entries = (scope?.appEnvScopes ?? []).flatMap(entry => {
    const read = readEntry(entry);
    if (typeof read !== 'string') return [read];
    problems.push(read);
    return [];
  });
  const texts = entries.map(entry => JSON.stringify(entry));
  return entries.filter((_, index) => texts.indexOf(texts[index] ?? '') === index);
}

/** The entry, or what is wrong with it: one problem, the first in the original's order. */
function readEntry(entry: object): UsageScope[number] | string {
  const { application, environment } = sidesOf(entry);
  if (!application || !environment) return 'The app filter cannot be null';
  const appType = text(application, 'filterType');
  const appId = text(application, 'appId');
  const envType = text(environment, 'filterType');
  const envId = text(environment, 'envId');
  if (!appId && !appType) return 'No appId or filterType provided in the app filter';
  if (appId && appType) return 'Cannot set both appId and filterType in the app filter';
  if (appType && envId) return 'EnvId cannot be supplied with app filterType ALL';
  if (!envId && !envType) return 'No envId or filterType provided in the env filter';
  if (envId && envType) return 'Cannot set both envId and filterType in the env filter';
  if (appType && appType !== 'ALL') return 'application.filterType must be ALL';
  if (envType && envType !== 'PRODUCTION_ENVIRONMENTS' && envType !== 'NON_PRODUCTION_ENVIRONMENTS')
    return 'environment.filterType must be PRODUCTION_ENVIRONMENTS or NON_PRODUCTION_ENVIRONMENTS';
  return {
    application: appId ? { appId } : { filterType: 'ALL' },
    environment: envId
      ? { envId }
      : {
          filterType:
            envType === 'PRODUCTION_ENVIRONMENTS' ? 'PRODUCTION_ENVIRONMENTS' : 'NON_PRODUCTION_ENVIRONMENTS',
        },
  };
}

function sidesOf(entry: object): { application?: Side; environment?: Side } {
  const sides: { application?: Side; environment?: Side } = {};
  for (const [name, side] of Object.entries(entry)) {
    if (typeof side !== 'object' || side === null) continue;
    if (name === 'application') sides.application = Object.fromEntries(Object.entries(side));
    if (name === 'environment') sides.environment = Object.fromEntries(Object.entries(side));
  }
  return sides;
}

/** An id of the reference is any text; an empty one counts as none. */
function text(side: Side, name: string): string | undefined {
  const value = side[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
