/** From a reference to one complete plan: nothing after this asks the store what to run. */
import { limits } from '../protocol/index.ts';
import { readConnector, readSecret } from './documents/read.ts';
import type { Connector, Plan } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { type ResolvedInput, resolveInputs, resolveTestInputs } from './domain/inputs.ts';
import { formatReference, parseReference, type Reference } from './domain/reference.ts';
import type { Database } from './store/database.ts';
import {
  findConnectorDocument,
  findSecretDocument,
  findTemplate,
  type Stored,
  type TemplateColumns,
} from './store/entities.ts';

/** The plan for fetching a secret. Throws a `RequestError` that says what is missing. */
export async function planSecret(database: Database, reference: string): Promise<Plan> {
  const id = parseReference(reference);
  const document = await findSecretDocument(database, id);
  if (document === undefined) {
    throw new RequestError('RESOURCE_NOT_FOUND', `No secret found with identifier ${formatReference(id)}`);
  }
  const secret = stored(readSecret(document), 'secret', id);
  const connector = await findConnector(database, secret.connector);
  const template = await templateOf(database, connector);
  const inputs = resolveInputs(template.columns.inputs, connector.inputs, secret.inputs);
  return planOf(formatReference(id), connector, template, inputs);
}

/** The plan for a connection test: the connector's own inputs, defaults and test values alike. */
export async function planConnectionTest(database: Database, reference: string): Promise<Plan> {
  const connector = await findConnector(database, parseReference(reference));
  const template = await templateOf(database, connector);
  const inputs = resolveTestInputs(template.columns.inputs, connector.inputs);
  return planOf('', connector, template, inputs);
}

/** What a task holds besides the plan, generously: identity, keys, the fields' names. */
const envelope = 16_384;

function planOf(
  secret: string,
  connector: Connector,
  { columns: { program } }: Stored<TemplateColumns>,
  inputs: readonly ResolvedInput[],
): Plan {
  const values = new Map(inputs.map(({ name, value }) => [name, value]));
  const plan: Plan = {
    subject: {
      secret,
      connector: formatReference(connector),
      template: `${formatReference(connector.template)}@${connector.template.versionLabel}`,
    },
    program: { text: program.text, digest: program.digest },
    // The compiler lets a program refer to declared inputs only, and every declared input has been resolved.
    inputs: program.inputs.map(name => values.get(name) ?? ''),
    workingDirectory: connector.workingDirectory,
    selectors: connector.selectors,
    timeoutMs: connector.timeoutSeconds * 1_000,
  };
  // Each of them is small enough, but all of them travel in one frame.
  if (Buffer.byteLength(JSON.stringify(plan)) > limits.frameToDelegate - envelope) {
    throw new RequestError(
      'INVALID_REQUEST',
      `${secret || formatReference(connector)}: script and inputs together are more than a task can carry`,
    );
  }
  return plan;
}

async function findConnector(database: Database, id: Reference): Promise<Connector> {
  const document = await findConnectorDocument(database, id);
  if (document === undefined) {
    throw new RequestError(
      'SECRET_MANAGEMENT_ERROR',
      `No such secret manager found with identifier ${formatReference(id)} in this scope.`,
    );
  }
  return stored(readConnector(document), 'connector', id);
}

async function templateOf(database: Database, connector: Connector): Promise<Stored<TemplateColumns>> {
  const template = await findTemplate(database, connector.template);
  // The store's foreign keys don't let this happen.
  if (!template)
    throw new Error(`the template of connector ${formatReference(connector)} is not in the store`);
  return template;
}

/** A document that was valid when it was saved. */
function stored<T>(
  checked: { ok: true; value: T } | { ok: false; problems: string[] },
  kind: string,
  id: Reference,
): T {
  if (checked.ok) return checked.value;
  const what = `the stored ${kind} ${formatReference(id)} is not valid in this version`;
  throw new RequestError('INVALID_REQUEST', [`${what}; apply it again:`, ...checked.problems]);
}
