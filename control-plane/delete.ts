/** THE STORY of a deletion: may the caller? → is it still used, and by what? → gone, with its record, in one transaction. */
import type { Clock } from '../protocol/index.ts';
import { authorizeFound, visible } from './access/authorize.ts';
import type { Audit } from './audit/audit.ts';
import { audited } from './audit/audited.ts';
import { by } from './audit/record.ts';
import type { Roster } from './dispatch/roster.ts';
import type { Kind } from './documents/schemas.ts';
import { valueOwner } from './domain/built-in-manager.ts';
import type { UsageScope } from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import type { Caller, Target } from './domain/permissions.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import { account } from './domain/scope.ts';
import type { Encryption } from './encryption/encryption.ts';
import { forgetCredentials } from './forget-credentials.ts';
import { connectorOf, noSuchManager, noSuchSecret, noSuchTemplate, secretOf } from './load.ts';
import { deleteApplication, findApplication } from './store/applications.ts';
import { connectorsOf, deleteConnector, findConnector, listConnectors } from './store/connectors.ts';
import { type Database, waitForTurn } from './store/database.ts';
import { scopesWithin } from './store/scopes.ts';
import {
  deleteSecret,
  findSecret,
  listSecrets,
  referencesTurn,
  secretsOf,
  setSecretUses,
  usersOfSecret,
} from './store/secrets.ts';
import { deleteTemplateVersion, dropUnpinnedContents, versionLabels } from './store/templates.ts';

export interface DeleteTools {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Delegates hear of logins that are gone. */
  readonly roster: Roster;
}

/** What is to go. A template goes with all of its versions where no label is given. */
export type Doomed =
  | { readonly kind: 'template'; readonly id: Reference & { readonly versionLabel?: string | undefined } }
  | { readonly kind: 'connector' | 'secret'; readonly id: Reference }
  | { readonly kind: 'application'; readonly id: string };

export interface Deleted {
  readonly kind: Kind;
  /** Absolute; a template's has its version behind an @. */
  readonly reference: string;
}

/** Deletes it. Throws a `RequestError` where it is not there, or where something still uses it, which it names. */
export async function deleteEntity(tools: DeleteTools, caller: Caller, doomed: Doomed): Promise<Deleted[]> {
  const { database, audit, clock } = tools;
  const { kind, id } = doomed;
  const about = {
    ...by(caller),
    action: `${kind}.delete`,
    subject: typeof id === 'string' ? `application/${id}` : formatReference(id),
    scope: typeof id === 'string' ? account : id.scope,
  };
  const login = kind === 'secret' ? await findSecret(database, id) : undefined;
  return audited(audit, clock, about, async request => {
    const deleted = await database.transaction().execute(async transaction => {
      // Whoever comes to name it, by documents or by GraphQL, must not look at the same time.
      await waitForTurn(transaction, referencesTurn);
      const gone = await remove({ ...tools, database: transaction }, caller, doomed);
      const changes = gone.map(({ reference }) => ({
        ...about,
        type: 'change' as const,
        id: request.id,
        subject: reference,
        outcome: 'succeeded' as const,
      }));
      await audit.recordIn(transaction, changes);
      return gone;
    });
    await audit.flush();
    if (login) await forgetCredentials(database, tools.roster, login);
    return deleted;
  });
}

function remove(tools: DeleteTools, caller: Caller, { kind, id }: Doomed): Promise<Deleted[]> {
  switch (kind) {
    case 'template':
      return removeTemplate(tools, caller, id);
    case 'connector':
      return removeConnector(tools, caller, id);
    case 'secret':
      return removeSecret(tools, caller, id);
    case 'application':
      return removeApplication(tools, caller, id);
  }
}

async function removeTemplate(
  { database }: DeleteTools,
  caller: Caller,
  id: Reference & { readonly versionLabel?: string | undefined },
): Promise<Deleted[]> {
  const none = () => noSuchTemplate(id);
  const all = await versionLabels(database, id);
  const labels = all.filter(label => id.versionLabel === undefined || label === id.versionLabel);
  if (labels.length === 0) throw none();
  authorizeFound(caller, 'edit', id, none);
  const users = (await connectorsOf(database, id)).map(connector => userOf('connector', connector));
  refuseUsed('Can not delete the template because connectors use it.', caller, users);
  for (const versionLabel of labels) await deleteTemplateVersion(database, { ...id, versionLabel });
  if (labels.length === all.length) await setSecretUses(database, { kind: 'template', ...idOf(id) }, []);
  return labels.map(label => ({ kind: 'template', reference: `${formatReference(id)}@${label}` }));
}

async function removeConnector({ database }: DeleteTools, caller: Caller, id: Reference): Promise<Deleted[]> {
  const none = () => noSuchManager(id);
  if (!(await findConnector(database, id))) throw none();
  const reference = formatReference(id);
  authorizeFound(caller, 'edit', { scope: id.scope, connector: reference }, none);
  const users = (await secretsOf(database, id)).map(secret => userOf('secret', secret));
  refuseUsed(
    'Can not delete the custom secret manager configuration since there are secrets encrypted with this. ' +
      'Please delete your secrets and try again.',
    caller,
    users,
  );
  await setSecretUses(database, { kind: 'connector', ...idOf(id) }, []);
  await deleteConnector(database, id);
  await dropUnpinnedContents(database);
  return [{ kind: 'connector', reference }];
}

async function removeSecret(
  { database, encryption }: DeleteTools,
  caller: Caller,
  id: Reference,
): Promise<Deleted[]> {
  const none = () => noSuchSecret(id);
  const secret = await findSecret(database, id);
  if (!secret) throw none();
  const reference = formatReference(id);
  authorizeFound(caller, 'edit', { scope: id.scope, secret: reference }, none);
  const users = (await usersOfSecret(database, id)).map(user => userOf(user.kind, user));
  refuseUsed(
    'Can not delete secret because it is still being used. See setup usage(s) of the secret.',
    caller,
    users,
  );
  await setSecretUses(database, { kind: 'secret', ...idOf(id) }, []);
  await deleteSecret(database, id);
  await encryption.remove(database, valueOwner(secret));
  return [{ kind: 'secret', reference }];
}

async function removeApplication({ database }: DeleteTools, caller: Caller, id: string): Promise<Deleted[]> {
  const none = () => noSuchApplication(id);
  if (!(await findApplication(database, id))) throw none();
  authorizeFound(caller, 'edit', { scope: account }, none);
  const names = (scope: UsageScope) =>
    scope.some(({ application }) => 'appId' in application && application.appId === id);
  const scopes = await scopesWithin(database, account);
  const users = [
    ...(await listConnectors(database, scopes))
      .filter(stored => names(connectorOf(stored).usageScope))
      .map(stored => userOf('connector', stored)),
    ...(await listSecrets(database, scopes))
      .filter(stored => names(secretOf(stored).usageScope))
      .map(stored => userOf('secret', stored)),
  ];
  refuseUsed('Can not delete the application because usage scopes name it.', caller, users);
  await deleteApplication(database, id);
  return [{ kind: 'application', reference: `application/${id}` }];
}

/** For an application that is not there, or that the caller may not know of. */
export const noSuchApplication = (id: string) =>
  new RequestError('RESOURCE_NOT_FOUND', `there is no application ${id}`);

interface User {
  readonly name: string;
  readonly target: Target;
}

function userOf(kind: 'template' | 'connector' | 'secret', id: Reference): User {
  const reference = formatReference(id);
  const target = { scope: id.scope, ...(kind === 'template' ? {} : { [kind]: reference }) };
  return { name: `${kind} ${reference}`, target };
}

/** Names the users that the caller may know of, and counts the others. */
function refuseUsed(why: string, caller: Caller, users: readonly User[]): void {
  if (users.length === 0) return;
  const named = users.filter(({ target }) => visible(caller, target));
  const hidden = users.length - named.length;
  throw new RequestError('INVALID_REQUEST', [
    why,
    ...named.map(({ name }) => `used by ${name}`),
    ...(hidden > 0 ? [`used by ${hidden} that this key may not see`] : []),
  ]);
}

const idOf = ({ scope, identifier }: Reference): Reference => ({ scope, identifier });
