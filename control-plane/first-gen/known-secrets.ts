/** Test values that are secret: what a template says is one, and what the built-in secret manager keeps as one. */
import { type FirstGenManagerDocument, firstGenManagerDocument } from '../documents/first-gen.ts';
import { valueOwner } from '../domain/built-in-manager.ts';
import { RequestError } from '../domain/errors.ts';
import { account } from '../domain/scope.ts';
import type { StoredConnector } from '../store/connectors.ts';
import { listSecrets } from '../store/secrets.ts';
import type { CheckedManager } from './check-manager.ts';
import type { FirstGenTools } from './tools.ts';
import type { Variable } from './variables.ts';

/** Bytes. Shorter ones would tell more by being masked than by being shown. */
const shortest = 3;

/**
 * The document, with the names of the test variables that are to be masked. To be called for an editor of the account
 * only: whoever writes a value learns from its mask that it is one of the account's secrets (decision 0014).
 */
export async function withMasks(
  tools: FirstGenTools,
  { document, template }: CheckedManager,
  before: StoredConnector | undefined,
): Promise<FirstGenManagerDocument> {
  const { testVariables } = document;
  const declared = new Set(
    template.content.inputs.filter(({ type }) => type === 'Secret').map(({ name }) => name),
  );
  const kept = before ? maskedIn(firstGenManagerDocument(before)) : [];
  const wasMasked = ({ name, value }: Variable) => kept.some(old => old.name === name && old.value === value);
  const rest = testVariables.filter(variable => !declared.has(variable.name) && !wasMasked(variable));
  const known = await builtInAmong(tools, new Set(rest.map(({ value }) => value)));
  const masked = testVariables.filter(variable => !rest.includes(variable) || known.has(variable.value));
  return masked.length === 0
    ? document
    : { ...document, maskedTestVariables: masked.map(({ name }) => name) };
}

/** A value stays masked after its secret has got another one: somewhere else the old one may still count. */
const maskedIn = ({ testVariables, maskedTestVariables = [] }: FirstGenManagerDocument) =>
  testVariables.filter(({ name }) => maskedTestVariables.includes(name));

/** Those of the texts that a secret of the account has for its value. Only values of their lengths are decrypted. */
async function builtInAmong(
  { database, encryption }: FirstGenTools,
  texts: ReadonlySet<string>,
): Promise<Set<string>> {
  const long = [...texts].filter(text => Buffer.byteLength(text) >= shortest);
  const found = new Set<string>();
  if (long.length === 0) return found;
  // The last line of a file often ends with a line end, which nobody types.
  const lengths = long.flatMap(text => [0, 1, 2].map(more => Buffer.byteLength(text) + more));
  const owners = new Set(await encryption.ownersOfLength(database, lengths));
  for (const secret of await listSecrets(database, [account])) {
    const owner = valueOwner(secret);
    const value = owners.has(owner) ? await readable(encryption.get(database, owner)) : undefined;
    const text =
      value &&
      Buffer.from(value)
        .toString()
        .replace(/\r?\n$/, '');
    for (const same of long) if (text !== undefined && same.replace(/\r?\n$/, '') === text) found.add(same);
  }
  return found;
}

/** A value that can't be decrypted is no reason not to save a manager. */
async function readable(value: Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
  try {
    return await value;
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}
