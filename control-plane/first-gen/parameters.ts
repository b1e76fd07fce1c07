/** Parameterised secrets: what the parameters have to be, and the run that shows whether they lead to a value. */

import { assertUses } from '../check-uses.ts';
import { firstGenManagerDocument, readFirstGenSecret } from '../documents/first-gen.ts';
import { checkSecretInputs } from '../domain/inputs.ts';
import type { Reference } from '../domain/reference.ts';
import { connectorOf } from '../load.ts';
import type { StoredConnector } from '../store/connectors.ts';
import type { SecretRow } from '../store/secrets.ts';
import { findContent } from '../store/templates.ts';
import { requireNamedCredential } from './credentials.ts';
import type { Maybe, NameAndValue } from './model.ts';
import { invalidArgument } from './refusals.ts';
import { assertDelivers } from './script-run.ts';
import type { FirstGenTools, RunContext } from './tools.ts';
import { missingNames, readVariables, type Variable } from './variables.ts';

/** Checks the parameters against the manager, and runs its script with them. Gives what the secret names. */
export async function tryParameters(
  tools: FirstGenTools,
  context: RunContext,
  manager: StoredConnector,
  row: SecretRow,
): Promise<{ needs: Reference[]; uses: Reference[] }> {
  const { database } = tools;
  const { caller } = context;
  const secret = readFirstGenSecret(row);
  const parameters = secret.inputs.flatMap(({ name, value }) =>
    value.kind === 'fixed' ? [{ name, value: value.text }] : [],
  );
  const connector = connectorOf(manager);
  const content = await findContent(database, manager.contentDigest);
  const needs: Reference[] = [];
  if (connector.generation === 'NG')
    checkSecretInputs(content.inputs, connector.inputs, secret.inputs, parameters.length === 0);
  else {
    checkParameters(
      content.inputs.map(({ name }) => name),
      parameters,
    );
    const { executeOnDelegate, isConnectorTemplatized } = firstGenManagerDocument(manager);
    if (isConnectorTemplatized && !executeOnDelegate)
      needs.push(await requireNamedCredential(database, caller, parameters));
  }
  const subject = { connector, content, secret };
  const uses = await assertUses({ database, caller }, subject);
  const names = parameters.map(({ name }) => name).join(', ');
  await assertDelivers(tools, subject, context, {
    name: row.name,
    whenEmpty: `Could not find any secret with the parameters [${names}] or the secret fetched was empty`,
  });
  return { needs, uses };
}

export const readParameters = (given: Maybe<readonly Maybe<NameAndValue>[]>): Variable[] =>
  readVariables(given, 'parameters');

function checkParameters(declared: readonly string[], parameters: readonly Variable[]): void {
  const missing = missingNames(declared, parameters);
  if (missing.length > 0)
    throw invalidArgument(
      `The values for the variables ${missing.join(', ')} have not been provided as parameters of the secret`,
    );
}
