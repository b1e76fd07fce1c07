/** The documents of a scope as they were applied, and can be applied again. Values of secrets are not among them. */
import type { Kind } from './documents/schemas.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import { account, type Scope } from './domain/scope.ts';
import type { Application } from './store/applications.ts';
import { listApplications } from './store/applications.ts';
import { listConnectors } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import { scopesWithin } from './store/scopes.ts';
import { listSecrets, type StoredSecret } from './store/secrets.ts';
import { listTemplates } from './store/templates.ts';

export interface ExportedDocument {
  readonly kind: Kind;
  /** Absolute; a template's has its version behind an @. */
  readonly reference: string;
  /** What stands below the kind's key. */
  readonly document: unknown;
  /** There is a value in the built-in manager, which is never given out. */
  readonly valueLeftOut: boolean;
}

export interface Export {
  readonly documents: readonly ExportedDocument[];
  /** What has no document of these kinds: made through the FirstGen API. */
  readonly leftOut: readonly { readonly kind: Kind; readonly reference: string; readonly reason: string }[];
}

/** What there is in a scope, with `recursive` in those below it too. What is referred to comes first. */
export async function exportDocuments(database: Database, scope: Scope, recursive: boolean): Promise<Export> {
  const scopes = recursive ? await scopesWithin(database, scope) : [scope];
  const entities = [
    ...(await listConnectors(database, scopes)).map(stored => ({ kind: 'connector' as const, stored })),
    ...(await listSecrets(database, scopes)).map(stored => ({ kind: 'secret' as const, stored })),
  ].map(({ kind, stored }) => ({ kind, stored, reference: formatReference(stored) }));
  const isFirstGen = ({ stored }: (typeof entities)[number]) => stored.generation === 'FirstGen';
  return {
    documents: [
      ...(scope === account ? await applicationDocuments(database) : []),
      ...(await templateDocuments(database, scopes)),
      ...entities
        .filter(item => !isFirstGen(item))
        .sort(byKindAndReference)
        .map(({ kind, stored, reference }) => ({
          kind,
          reference,
          document: stored.document,
          valueLeftOut: kind === 'secret' && 'type' in stored && hasValue(stored),
        })),
    ],
    leftOut: entities
      .filter(isFirstGen)
      .sort(byKindAndReference)
      .map(({ kind, reference }) => ({ kind, reference, reason: 'it was made through the FirstGen API' })),
  };
}

/** Is there a value of the secret in the built-in manager? */
export const hasValue = ({ connector, type }: StoredSecret) => connector === undefined && type !== 'SSHKey';

/** The document that would make this application. */
export function applicationDocument({ id, name, environments }: Application) {
  return {
    identifier: id,
    name,
    environments: environments.map(environment => ({
      identifier: environment.id,
      name: environment.name,
      type: environment.production ? 'Production' : 'PreProduction',
    })),
  };
}

async function applicationDocuments(database: Database): Promise<ExportedDocument[]> {
  return (await listApplications(database)).map(application => ({
    kind: 'application',
    reference: `application/${application.id}`,
    document: applicationDocument(application),
    valueLeftOut: false,
  }));
}

async function templateDocuments(database: Database, scopes: readonly Scope[]): Promise<ExportedDocument[]> {
  return (await listTemplates(database, scopes)).map(template => ({
    kind: 'template',
    reference: versionReference(template),
    document: template.document,
    valueLeftOut: false,
  }));
}

/** A version's absolute reference, its label behind an @. */
export const versionReference = (version: Reference & { readonly versionLabel: string }) =>
  `${formatReference(version)}@${version.versionLabel}`;

const byKindAndReference = (
  a: { readonly kind: string; readonly reference: string },
  b: { readonly kind: string; readonly reference: string },
) => (`${a.kind} ${a.reference}` < `${b.kind} ${b.reference}` ? -1 : 1);
