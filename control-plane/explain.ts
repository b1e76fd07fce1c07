/** How a secret would be fetched now: the plan, where each input came from, and each delegate with why not. */
import { authorizeFound, visible } from './access/authorize.ts';
import { demandOf } from './dispatch/demand.ts';
import type { Roster } from './dispatch/roster.ts';
import { fits, nearestMiss, type WhyNot } from './dispatch/why-not.ts';
import { RequestError } from './domain/errors.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import type { Scope } from './domain/scope.ts';
import type { Encryption } from './encryption/encryption.ts';
import { noSuchSecret } from './load.ts';
import { resolve, subjectOf } from './resolve-plan.ts';
import { findConnector } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import { findSecret } from './store/secrets.ts';

export interface ExplainTools {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly roster: Roster;
}

/** Holds no value of a secret. References are absolute. */
export interface Explanation {
  readonly secret: string;
  readonly connector: string;
  readonly template: string;
  readonly versionLabel: string;
  /** The template version has changed since the connector was last checked; the older content runs. */
  readonly drifted: boolean;
  readonly owner: Scope;
  readonly programDigest: string;
  readonly inputs: readonly {
    readonly label: string;
    /** Undefined where it is, or holds, a secret's value, or stands in what the caller may not view. */
    readonly value: string | undefined;
    /** secret, connector, template or template default. */
    readonly source: string;
  }[];
  readonly selectors: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly timeoutMs: number;
  /** How long a delegate may give the value again, from the fetch; 0: not. */
  readonly cacheTtlMs: number;
  /** Which key of the script's JSON object it is. */
  readonly key: string | undefined;
  readonly delegates: readonly {
    readonly delegate: string;
    readonly instance: string | undefined;
    /** Undefined: it matches. */
    readonly why: WhyNot['why'] | undefined;
    readonly detail: string;
  }[];
  /** Where none matches: the delegate whose tags lack least, and what. */
  readonly nearestMiss: string | undefined;
}

/** Throws a `RequestError` where the plan can't be made: its text is the explanation, then. */
export async function explainSecret(
  { database, encryption, roster }: ExplainTools,
  caller: Caller,
  id: Reference,
): Promise<Explanation> {
  const stored = await findSecret(database, id);
  if (!stored) throw noSuchSecret(id);
  authorizeFound(caller, 'view', { scope: id.scope, secret: formatReference(id) }, () => noSuchSecret(id));
  const subject = await subjectOf(database, stored);
  const fetchNested = async () => {
    throw new RequestError(
      'INVALID_REQUEST',
      `${formatReference(id)} uses a secret of another custom secret manager, whose value only a fetch brings`,
    );
  };
  const { plan, values } = await resolve({ database, encryption, fetchNested }, subject);
  const connector = await findConnector(database, subject.connector);
  const demand = demandOf(plan);
  // Of delegates that serve the owner anybody may know who sees what they are to fetch.
  const delegates = fits(roster, demand, scope => visible(caller, { scope })).map(
    ({ delegate, instance, why, detail }) => ({ delegate, instance, why, detail }),
  );
  const { template } = subject.connector;
  const shown = {
    secret: true,
    connector: visible(caller, { scope: subject.connector.scope, connector: plan.subject.connector }),
    template: visible(caller, template),
    'template default': visible(caller, template),
  };
  const miss = delegates.some(({ why }) => why === undefined) ? undefined : nearestMiss(roster, demand);
  return {
    secret: plan.subject.secret,
    connector: plan.subject.connector,
    template: formatReference(template),
    versionLabel: template.versionLabel,
    drifted: connector !== undefined && connector.contentDigest !== connector.templateDigest,
    owner: plan.owner,
    programDigest: plan.program.digest,
    inputs: values.map(({ label, value, secret, source }) => ({
      label,
      value: secret || !shown[source] ? undefined : value,
      source,
    })),
    selectors: plan.selectors,
    workingDirectory: plan.workingDirectory,
    timeoutMs: plan.timeoutMs,
    cacheTtlMs: plan.share?.ttlMs ?? 0,
    key: plan.pick,
    delegates,
    nearestMiss: miss?.detail,
  };
}
