/** Where a plan's script runs, with the credentials that logging in there takes. */
import type {
  Connector,
  DelegateCredential,
  HostCredential,
  PlannedHop,
  PlannedTarget,
  SshCredential,
  TargetHop,
} from './domain/entities.ts';
import { RequestError } from './domain/errors.ts';
import { formatReference, type Reference } from './domain/reference.ts';
import type { Encryption } from './encryption/encryption.ts';
import { secretOf } from './load.ts';
import type { Database } from './store/database.ts';
import { findSecret, findSecretByUuid, type StoredSecret } from './store/secrets.ts';
import { builtInValue } from './used-secrets.ts';

export interface TargetTools {
  readonly database: Database;
  readonly encryption: Encryption;
}

/** What a host name or a user may be on the wire: what a shell or an option parser could take for more is not. */
const hostRule = /^[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,254}$/;
const userRule = /^[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,254}$/;

/**
 * The target of a connector; undefined where the script runs on the delegate. `text` evaluates a field;
 * `templatized` is the id of the credential where each secret names its own. Throws a `RequestError`.
 */
export async function planTarget(
  tools: TargetTools,
  { target }: Connector,
  text: (written: string, what: string) => Promise<string>,
  templatized: string | undefined,
): Promise<PlannedTarget | undefined> {
  if (target.kind === 'delegate') return undefined;
  const plan = async (hop: TargetHop, what: string): Promise<PlannedHop> => {
    const host = asciiHost(await text(hop.host, what), what);
    const login = await loginOf(tools, hop, templatized);
    if (!userRule.test(login.user))
      throw new RequestError('INVALID_REQUEST', `the user name of the credential for ${host} is not one`);
    return { host, ...login, hostKeys: hop.hostKeys ?? [] };
  };
  const jumps: PlannedHop[] = [];
  for (const [index, jump] of (target.jumps ?? []).entries())
    jumps.push(await plan(jump, `jumpHosts[${index}].host`));
  return { ...(await plan(target, 'host')), legacyAlgorithms: target.legacyAlgorithms === true, jumps };
}

/** International names travel in their ASCII form; an address may come in brackets. */
function asciiHost(written: string, what: string): string {
  const bare = written.replace(/^\[(.*)\]$/, '$1');
  const host = /[^\0-\x7f]/.test(bare) ? (URL.parse(`http://${bare}`)?.hostname ?? '') : bare;
  if (hostRule.test(host)) return host;
  throw new RequestError(
    'INVALID_REQUEST',
    `${what} must be a host name or an address, without blanks and signs`,
  );
}

type Login = Pick<PlannedHop, 'port' | 'user' | 'credential'>;

async function loginOf(tools: TargetTools, hop: TargetHop, templatized: string | undefined): Promise<Login> {
  if (hop.delegateCredential) return delegateLogin(hop.delegateCredential);
  const stored = hop.credential
    ? await findSecret(tools.database, hop.credential)
    : await findSecretByUuid(tools.database, templatized ?? '');
  const name = hop.credential ? formatReference(hop.credential) : `with the id ${templatized ?? ''}`;
  const ssh = stored?.type === 'SSHKey' ? secretOf(stored).ssh : undefined;
  if (!stored || !ssh) throw new RequestError('INVALID_REQUEST', `there is no SSHKey secret ${name}`);
  if (ssh.kind === 'Kerberos')
    throw new RequestError(
      'INVALID_REQUEST',
      `${name}: logging in with Kerberos is not supported; use a key or password`,
    );
  const opened = await open(tools, ssh);
  return { port: ssh.port, user: ssh.userName, credential: { kind: 'open', opened, id: stored.uuid } };
}

const delegateLogin = ({ name, userName, port }: DelegateCredential): Login => ({
  port,
  user: userName,
  credential: { kind: 'delegate', name },
});

async function open(
  { database, encryption }: TargetTools,
  ssh: Exclude<SshCredential, { kind: 'Kerberos' }>,
): Promise<HostCredential> {
  const value = async (reference: Reference): Promise<string> => {
    const found = await findSecret(database, reference);
    if (!found) throw missing(reference);
    if (found.connector !== undefined) throw elsewhere(found);
    return builtInValue(database, encryption, found);
  };
  switch (ssh.kind) {
    case 'KeyReference':
      return {
        kind: 'key',
        privateKey: await value(ssh.key),
        ...(ssh.passphrase ? { passphrase: await value(ssh.passphrase) } : {}),
        ...(ssh.certificate ? { certificate: await value(ssh.certificate) } : {}),
      };
    case 'KeyPath':
      return {
        kind: 'keyPath',
        path: ssh.keyPath,
        ...(ssh.passphrase ? { passphrase: await value(ssh.passphrase) } : {}),
      };
    case 'Password':
      return { kind: 'password', password: await value(ssh.password) };
  }
}

const missing = (reference: Reference) =>
  new RequestError(
    'INVALID_REQUEST',
    `there is no secret ${formatReference(reference)}, which the login takes`,
  );

const elsewhere = (secret: StoredSecret) =>
  new RequestError(
    'INVALID_REQUEST',
    `${formatReference(secret)}, which the login takes, has to be kept in the built-in secret manager`,
  );
