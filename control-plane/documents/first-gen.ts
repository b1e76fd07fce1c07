/** FirstGen's managers and secrets as the store has them: what the API was given, to connectors and secrets. */
import { type Static, Type } from 'typebox';
import type { Connector, Generation, Secret, SecretType, Target } from '../domain/entities.ts';
import type { GivenInput } from '../domain/inputs.ts';
import { formatReference, type Reference, resolveReference } from '../domain/reference.ts';
import type { Problems } from './problems.ts';
import { readSshAuth } from './read-ssh-auth.ts';
import { UsageScopeDocument } from './schemas.ts';
import { readUsageScope } from './usage-scope.ts';
import { checker } from './validate.ts';

const text = Type.String();
const variables = Type.Array(Type.Object({ name: text, value: text }));

const ManagerDocument = Type.Object({
  name: text,
  templateId: text,
  delegateSelectors: Type.Array(text),
  testVariables: variables,
  /** Ours: names of test variables whose values are secret: they are masked wherever they are shown. */
  maskedTestVariables: Type.Optional(Type.Array(text)),
  executeOnDelegate: Type.Boolean(),
  isConnectorTemplatized: Type.Boolean(),
  host: Type.Optional(text),
  commandPath: text,
  connectorId: Type.Optional(text),
  /** Ours: the credential with the id `connectorId`, as an absolute reference. */
  credential: Type.Optional(text),
  usageScope: UsageScopeDocument,
});
export type FirstGenManagerDocument = Static<typeof ManagerDocument>;

const SecretDocument = Type.Object({
  name: text,
  /** Encrypted text in a custom manager. */
  parameters: Type.Optional(variables),
  scopedToAccount: Type.Boolean(),
  inheritScopesFromSM: Type.Boolean(),
  usageScope: UsageScopeDocument,
  /** SSH credentials: as the `auth` of a document, its references absolute. */
  auth: Type.Optional(Type.Unknown()),
  port: Type.Optional(text),
});
export type FirstGenSecretDocument = Static<typeof SecretDocument>;

const checkManager = checker(ManagerDocument, 'manager');
const checkSecret = checker(SecretDocument, 'secret');

/** Scripts ran here where nothing else was said. */
export const defaultCommandPath = '/tmp';
/** Whole time of a fetch. */
const timeoutSeconds = 60;

/** What is needed of a row. */
interface Stored extends Reference {
  readonly uuid: string;
  readonly generation: Generation;
  readonly document: unknown;
}

/** The document of a FirstGen manager. Throws where it is none. */
export function firstGenManagerDocument(stored: Stored): FirstGenManagerDocument {
  const checked = checkManager(stored.document);
  if (checked.ok) return checked.value;
  throw unreadable('manager', stored, checked.problems);
}

/** The same for a secret. */
export function firstGenSecretDocument(stored: Stored): FirstGenSecretDocument {
  const checked = checkSecret(stored.document);
  if (checked.ok) return checked.value;
  throw unreadable('secret', stored, checked.problems);
}

/** What a secret test value is shown as. */
export const mask = '*'.repeat(14);

/** A manager's document as it may be shown. */
export function shownManagerDocument({
  maskedTestVariables: masked = [],
  ...document
}: FirstGenManagerDocument): FirstGenManagerDocument {
  const testVariables = document.testVariables.map(variable =>
    masked.includes(variable.name) ? { ...variable, value: mask } : variable,
  );
  return { ...document, testVariables };
}

/** A stored FirstGen manager as a connector. */
export function readFirstGenConnector(
  stored: Stored & { readonly template: Connector['template'] },
): Connector {
  const document = firstGenManagerDocument(stored);
  const { executeOnDelegate, commandPath } = document;
  const problems: Problems = [];
  const usageScope = readUsageScope(document.usageScope, problems);
  if (problems.length > 0) throw unreadable('manager', stored, problems);
  return {
    scope: stored.scope,
    identifier: stored.identifier,
    uuid: stored.uuid,
    generation: 'FirstGen',
    name: document.name,
    template: stored.template,
    inputs: document.testVariables.map(variable => ({
      ...inputOf(variable),
      // Sealed on its way to the delegate, which masks it in what the script prints.
      ...(document.maskedTestVariables?.includes(variable.name) ? { type: 'Secret' as const } : {}),
    })),
    selectors: document.delegateSelectors,
    timeoutSeconds,
    // A folder that all tasks share is nobody's wish: whoever did not choose one gets a private one.
    workingDirectory: executeOnDelegate && commandPath === defaultCommandPath ? undefined : commandPath,
    target: targetOf(document),
    ignoreTest: false,
    allowOtherManagers: false,
    cacheTtlSeconds: 0,
    usageScope,
    document: shownManagerDocument(document),
  };
}

function targetOf({ executeOnDelegate, host = '', credential }: FirstGenManagerDocument): Target {
  if (executeOnDelegate) return { kind: 'delegate' };
  return {
    kind: 'host',
    host,
    credential: credential === undefined ? undefined : resolveReference(credential),
  };
}

/** A stored FirstGen secret as a secret. */
export function readFirstGenSecret(
  stored: Stored & { readonly type: SecretType; readonly connector: Reference | undefined },
): Secret {
  const document = firstGenSecretDocument(stored);
  const problems: Problems = [];
  const usageScope = readUsageScope(document.usageScope, problems);
  const ssh =
    stored.type === 'SSHKey' ? readSshAuth(document.auth, document.port, stored.scope, problems) : undefined;
  if (problems.length > 0) throw unreadable('secret', stored, problems);
  return {
    scope: stored.scope,
    identifier: stored.identifier,
    uuid: stored.uuid,
    generation: 'FirstGen',
    type: stored.type,
    name: document.name,
    connector: stored.connector,
    inputs: (document.parameters ?? []).map(inputOf),
    ssh,
    usageScope,
    inheritScopes: document.inheritScopesFromSM,
    document,
  };
}

/** Test variables and parameters are literal texts. */
const inputOf = ({ name, value }: { name: string; value: string }): GivenInput => ({
  list: 'environmentVariables',
  name,
  type: 'String',
  value: { kind: 'fixed', text: value },
  useAsDefault: false,
});

const unreadable = (kind: string, stored: Stored, problems: readonly string[]) =>
  new Error(`the stored FirstGen ${kind} ${formatReference(stored)} can't be read: ${problems.join('; ')}`);
