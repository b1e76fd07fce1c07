/** Writes a secret, checked in the original's order, with the original's messages. */
import { isDeepStrictEqual } from 'node:util';
import { authorize } from './access/authorize.ts';
import type { NewSecret } from './apply-documents.ts';
import type { Applied, WriteTools } from './apply-write.ts';
import { assertUses } from './check-uses.ts';
import { assertUsageScope, valueProblems } from './check-values.ts';
import { secretsOfCredential } from './documents/read-ssh-auth.ts';
import { valueOwner } from './domain/built-in-manager.ts';
import type { Secret } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { newUuid } from './domain/ids.ts';
import { checkSecretInputs } from './domain/inputs.ts';
import type { Caller } from './domain/permissions.ts';
import { formatReference, type Reference, sameReference } from './domain/reference.ts';
import { connectorOf, noSuchManager } from './load.ts';
import type { Subject } from './plan-environment.ts';
import { findConnector } from './store/connectors.ts';
import { findSecret, insertSecret, setSecretUses, updateSecret } from './store/secrets.ts';
import { findContent } from './store/templates.ts';

/** Throws a `RequestError` where the caller may not, or the secret does not fit its manager. */
export async function writeSecret(tools: WriteTools, source: NewSecret): Promise<Applied> {
  try {
    return await write(tools, source);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError('INVALID_REQUEST', 'Secret Creation Failed', error);
  }
}

async function write(tools: WriteTools, source: NewSecret): Promise<Applied> {
  const { database, caller, now, encryption } = tools;
  const reference = formatReference(source);
  authorize(caller, 'edit', { scope: source.scope, secret: reference });
  const before = await findSecret(database, source);
  if (before && before.generation !== 'NG')
    throw invalid([
      `Secret with identifier ${source.identifier} already exists in this scope`,
      'it was made through the FirstGen API; change it there, or take another identifier',
    ]);
  const { value } = source;
  // Whether a value is the one that is there would tell it to whoever may try often enough.
  if (before && same(before.document, source.document) && !value)
    return { kind: 'secret', reference, change: 'unchanged' };
  if (before && before.type !== source.type) throw invalid('Cannot change secret type after creation.');
  const manager = source.connector;
  if (before && !sameManager(before.connector, manager))
    throw invalid('Cannot change secret manager after creation.');
  const secret: Secret = { ...source, uuid: before?.uuid ?? newUuid() };
  await assertUsageScope(database, secret.usageScope);
  const subject = manager && (await checkAgainst(tools, manager, source, secret));
  if (!manager && secret.type !== 'SSHKey' && !before && !value)
    throw invalid(`secret.spec.${secret.type === 'SecretFile' ? 'file or content' : 'value'} is required`);
  if (!before) await insertSecret(database, secret, now);
  else if (!(await updateSecret(database, { ...secret, revision: before.revision }, now)))
    throw invalid(`secret ${reference} was changed by somebody else; try again`);
  // Only now, as a circle of managers closes with the secret that is saved.
  const used = subject ? await assertUses(tools, subject) : checkCredential(caller, secret);
  await setSecretUses(database, { kind: 'secret', ...idOf(source) }, used);
  tools.uses(`secret ${reference}`, used);
  if (value) {
    await encryption.put(database, valueOwner(secret), value, now);
    tools.fingerprint(reference, value);
  }
  return { kind: 'secret', reference, change: before ? 'changed' : 'created' };
}

/** The manager of a secret, which its inputs have to fit. */
async function checkAgainst(
  tools: WriteTools,
  manager: Reference,
  source: NewSecret,
  secret: Secret,
): Promise<Subject> {
  const { database, caller } = tools;
  authorize(caller, 'use', { scope: manager.scope, connector: formatReference(manager) });
  const stored = await findConnector(database, manager);
  if (!stored) throw noSuchManager(manager);
  const connector = connectorOf(stored);
  const content = await findContent(database, stored.contentDigest);
  // What the original tells only after what is wrong with the manager.
  if (source.valueProblem) throw new RequestError(source.valueProblem.code, source.valueProblem.problems);
  checkSecretInputs(content.inputs, connector.inputs, secret.inputs, source.valueIsEmpty);
  const problems = valueProblems(content, secret.inputs, 'secret');
  if (problems.length > 0) throw invalid(problems.map(problem => `secret.spec.value: ${problem}`));
  return { connector, content, secret };
}

function checkCredential(caller: Caller, secret: Secret): Reference[] {
  const used = secretsOfCredential(secret.ssh);
  for (const reference of used)
    authorize(caller, 'use', { scope: reference.scope, secret: formatReference(reference) });
  return used;
}

const invalid = (message: string | readonly string[]) => new RequestError('INVALID_REQUEST', message);
const idOf = ({ scope, identifier }: Reference): Reference => ({ scope, identifier });
const sameManager = (a: Reference | undefined, b: Reference | undefined) =>
  a === undefined || b === undefined ? a === b : sameReference(a, b);
/** As it comes back from the store, where documents are JSON. */
const same = (stored: unknown, data: unknown) => isDeepStrictEqual(stored, JSON.parse(JSON.stringify(data)));
