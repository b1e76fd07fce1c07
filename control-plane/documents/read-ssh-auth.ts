/** The `auth` of an SSHKey secret: how to log in, and which other secrets that takes. */
import type { SshCredential } from '../domain/entities.ts';
import { parseFieldReference, type Reference } from '../domain/reference.ts';
import { account, type Scope } from '../domain/scope.ts';
import { type Problems, referenceAt } from './problems.ts';
import { SshAuthDocument } from './schemas.ts';
import { checker } from './validate.ts';

const check = checker(SshAuthDocument, 'secret.spec.auth');
const at = 'secret.spec.auth.spec';

/** A user name that a shell, an option parser or a log can't take for anything else. */
const userRule = /^(?!-)[^\s\p{C}`'"$;|&<>\\@:]{1,255}$/u;

/** Reads it; undefined where there were problems. */
export function readSshAuth(
  data: unknown,
  port: string | undefined,
  scope: Scope,
  problems: Problems,
): SshCredential | undefined {
  if (data === undefined || data === null) {
    problems.push('secret.spec.auth is required');
    return undefined;
  }
  const checked = check(data);
  if (!checked.ok) {
    problems.push(...checked.problems);
    return undefined;
  }
  const { type, spec = {} } = checked.value;
  if (type === 'Kerberos') {
    if (!spec.principal) problems.push(`${at}.principal is required`);
    if (!spec.realm) problems.push(`${at}.realm is required`);
    return { kind: 'Kerberos', principal: spec.principal ?? '', realm: spec.realm ?? '' };
  }
  const { credentialType, spec: credential = {} } = spec;
  const userName = credential.userName ?? '';
  const inner = `${at}.spec`;
  if (!userName) problems.push(`${inner}.userName is required`);
  else if (!userRule.test(userName))
    problems.push(`${inner}.userName must be a user name, without blanks, quotes or a leading "-"`);
  const reference = (
    field: 'key' | 'password' | 'encryptedPassphrase' | 'certificate',
  ): Reference | undefined => {
    const text = credential[field];
    if (!text) return undefined;
    return referenceAt(() => parseFieldReference(text, scope, field), `${inner}.${field}`, problems);
  };
  const required = (field: 'key' | 'password'): Reference => {
    const found = reference(field);
    if (!found) problems.push(`${inner}.${field} is required`);
    return found ?? { scope: account, identifier: '' };
  };
  const login = { userName, port: Number(port ?? 22) };
  switch (credentialType) {
    case 'KeyReference':
      return {
        kind: 'KeyReference',
        ...login,
        key: required('key'),
        passphrase: reference('encryptedPassphrase'),
        certificate: reference('certificate'),
      };
    case 'KeyPath':
      if (!credential.keyPath) problems.push(`${inner}.keyPath is required`);
      return {
        kind: 'KeyPath',
        ...login,
        keyPath: credential.keyPath ?? '',
        passphrase: reference('encryptedPassphrase'),
      };
    case 'Password':
      return { kind: 'Password', ...login, password: required('password') };
    default:
      problems.push(`${at}.credentialType is required: KeyReference, KeyPath or Password`);
      return undefined;
  }
}

/** The secrets that a credential names. */
export function secretsOfCredential(ssh: SshCredential | undefined): Reference[] {
  switch (ssh?.kind) {
    case 'KeyReference':
      return [ssh.key, ssh.passphrase, ssh.certificate].filter(used => used !== undefined);
    case 'KeyPath':
      return ssh.passphrase ? [ssh.passphrase] : [];
    case 'Password':
      return [ssh.password];
    default:
      return [];
  }
}
