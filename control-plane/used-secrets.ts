/** The secrets that a script or an input names: where they may be kept, and their values. */
import { builtInManagerName, valueOwner } from './domain/built-in-manager.ts';
import type { Connector } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { formatReference, parseReference, type Reference, sameReference } from './domain/reference.ts';
import { account } from './domain/scope.ts';
import type { Encryption } from './encryption/encryption.ts';
import { connectorOf, noSuchManager, secretOf } from './load.ts';
import type { Subject } from './plan-environment.ts';
import { findConnector } from './store/connectors.ts';
import type { Database } from './store/database.ts';
import { findSecret, findSecretsByName, type StoredSecret } from './store/secrets.ts';
import { findContent } from './store/templates.ts';

/** How a script names a secret: by reference, or, in FirstGen templates, by name. */
export type Naming = 'reference' | 'name';

/**
 * The secret that a script of this connector names. A reference is read in the connector's scope; a name is one
 * of the account. Undefined where there is none.
 */
export async function findNamed(
  database: Database,
  connector: Connector,
  by: Naming,
  text: string,
): Promise<StoredSecret | undefined> {
  if (by === 'reference') return findSecret(database, parseReference(text, connector.scope));
  const found = await findSecretsByName(database, account, text);
  const firstGen = found.find(({ generation }) => generation === 'FirstGen');
  if (firstGen || found.length < 2) return firstGen ?? found[0];
  throw new RequestError(
    'UNRESOLVED_EXPRESSION',
    `there is more than one secret with the name [${text}]; give them different names`,
  );
}

/** What the original says where there is none. */
export function noneNamed(by: Naming, text: string): RequestError {
  return new RequestError(
    'UNRESOLVED_EXPRESSION',
    by === 'reference'
      ? `No secret found with identifier + [${text}]`
      : `No secret found with name [${text}]. Either the secret is being attempted to be used out of its ` +
          'scope or the secret does not exist.',
  );
}

/** Throws where a script of this connector may not use the secret because of where it is kept. */
export async function assertUsable(
  database: Database,
  connector: Connector,
  secret: StoredSecret,
): Promise<void> {
  const { connector: manager } = secret;
  if (manager === undefined) return;
  if (sameReference(manager, connector)) throw cyclic(connector);
  if (connector.allowOtherManagers) return;
  const name = (await findConnector(database, manager))?.name ?? manager.identifier;
  throw new RequestError(
    'SECRET_MANAGEMENT_ERROR',
    `Secret [${secret.name}] specified in template is stored in secret manager [${name}]. Secrets used in the ` +
      `template should be stored in [${builtInManagerName}]`,
  );
}

/** Custom managers may use each other's secrets so deep. */
const deepest = 3;

/**
 * Whether another custom manager has to be asked for the secret; false for one of the built-in manager. `waiting` are
 * the connectors that wait for the value, the last one the connector whose script names it. Throws where it may not,
 * where a manager would wait for itself, and where too many would.
 */
export async function assertLink(
  database: Database,
  waiting: readonly Connector[],
  secret: StoredSecret,
): Promise<boolean> {
  const { connector: manager } = secret;
  const [asking] = waiting.slice(-1);
  if (manager === undefined || asking === undefined) return false;
  await assertUsable(database, asking, secret);
  if (waiting.some(connector => sameReference(connector, manager))) throw cyclic(asking);
  if (waiting.length >= deepest) {
    const path = [...waiting, manager].map(formatReference).join(' → ');
    throw new RequestError(
      'CYCLIC_REFERENCE',
      `secret managers use each other's secrets more than ${deepest} deep: ${path}`,
    );
  }
  return true;
}

/** The content that a saved connector pins, and the secret: everything that a plan needs. */
export async function subjectOf(database: Database, secret: StoredSecret): Promise<Subject> {
  if (secret.connector === undefined) {
    throw new RequestError(
      'INVALID_REQUEST',
      `${formatReference(secret)} is kept in the built-in secret manager; its value is for scripts, and is not shown`,
    );
  }
  return { ...(await testSubjectOf(database, secret.connector)), secret: secretOf(secret) };
}

/** The same for a connection test. */
export async function testSubjectOf(database: Database, id: Reference): Promise<Subject> {
  const stored = await findConnector(database, id);
  if (!stored) throw noSuchManager(id);
  const { uuid, revision, contentDigest } = stored;
  return {
    connector: connectorOf(stored),
    content: await findContent(database, contentDigest),
    version: `${uuid}/${revision}/${contentDigest}`,
  };
}

function cyclic({ name }: Connector): RequestError {
  return new RequestError(
    'CYCLIC_REFERENCE',
    `Detected cyclic dependency in credentials of secret manager- [${name}]`,
  );
}

/** The value of a text or file secret of the built-in manager. */
export async function builtInValue(
  database: Database,
  encryption: Encryption,
  secret: StoredSecret,
): Promise<string> {
  const reference = formatReference(secret);
  const fail = (why: string) => new RequestError('ENCRYPT_DECRYPT_ERROR', `secret ${reference} ${why}`);
  if (secret.type === 'SSHKey') throw fail('is an SSHKey, which has no value of its own');
  const bytes = await encryption.get(database, valueOwner(secret));
  if (!bytes) throw fail('has no value; apply it again with one');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fail('is not UTF-8 text, so that no script can hold it');
  }
  // What bash can't hold would reach the script as something else.
  if (text.includes('\0')) throw fail('holds a NUL character, which no shell variable can');
  return text;
}
