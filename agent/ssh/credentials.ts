/** From a credential to what can be shown to a host. Keys of the delegate are read here, and their files checked. */
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { HostError, type LoginCredential } from './connection.ts';
import { type PrivateKey, readPrivateKey } from './private-key.ts';

/** Where this delegate has credentials of its own. */
export interface LocalCredentials {
  /** LEGATE_SSH_KEYS: a folder with NAME and, where there is one, NAME-cert.pub. */
  readonly keys: string | undefined;
  /** LEGATE_SSH_AGENT: the socket of an ssh-agent, which is the credential `agent`. */
  readonly agent: string | undefined;
}

/** What to log in with. */
export type Login =
  | { readonly kind: 'key'; readonly key: PrivateKey; readonly certificate: string | undefined }
  | { readonly kind: 'agent'; readonly socket: string }
  | { readonly kind: 'password'; readonly password: string };

/** The name of the credential that is the ssh-agent. */
const agentName = 'agent';
/** Keys are a few kilobytes; whatever is larger is something else. */
const mostBytes = 65_536;

const refuse = (why: string): never => {
  throw new HostError('host-authentication-failed', why);
};

/** Reads a credential. Throws a `HostError` that says what is wrong with it, and nothing of what it holds. */
export function openLogin(credential: LoginCredential, local: LocalCredentials): Login {
  switch (credential.kind) {
    case 'password':
      return { kind: 'password', password: credential.password };
    case 'key': {
      const { privateKey, passphrase } = credential;
      // Some paste the certificate below the key.
      const certificate = certificateLine(credential.certificate ?? privateKey);
      const text = privateKey.replaceAll(/^\S+-cert-v01@openssh\.com .*$/gm, '');
      return { kind: 'key', key: readPrivateKey(text, passphrase, "the target's key"), certificate };
    }
    case 'keyPath': {
      const { path, passphrase } = credential;
      if (!isAbsolute(path)) return refuse('the key path of the target must be an absolute one');
      return ofFile(path, passphrase);
    }
    case 'delegate': {
      const path = localPath(credential.name, local);
      return credential.name === agentName && local.agent !== undefined
        ? { kind: 'agent', socket: local.agent }
        : ofFile(path, undefined);
    }
  }
}

function localPath(name: string, { keys, agent }: LocalCredentials): string {
  if (name === agentName && agent !== undefined) return agent;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name))
    return refuse('the name of a credential of the delegate is none');
  if (keys === undefined) {
    return refuse(
      name === agentName
        ? 'the delegate has no ssh-agent; set LEGATE_SSH_AGENT to its socket'
        : `the delegate has no key "${name}", as LEGATE_SSH_KEYS is not set`,
    );
  }
  return join(keys, name);
}

function ofFile(path: string, passphrase: string | undefined): Login {
  const key = readPrivateKey(readKeyFile(path), passphrase, `the delegate's key ${path}`);
  return { kind: 'key', key, certificate: certificateLine(readBeside(`${path}-cert.pub`)) };
}

function readKeyFile(path: string): string {
  try {
    const { text, mode, uid } = readShort(path);
    const mine = uid === process.getuid?.();
    // As OpenSSH does it: the group may only read what somebody else has put there for it.
    if ((mode & 0o007) !== 0 || (mine && (mode & 0o077) !== 0))
      return refuse(
        `the delegate's key ${path} can be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${path}`,
      );
    return text ?? refuse(`the delegate's key ${path} is no file, or too large for a key`);
  } catch (error) {
    if (error instanceof HostError) throw error;
    return refuse(`the delegate cannot read the key ${path} (${codeOf(error)})`);
  }
}

/**
 * A path comes from whoever may write a secret: a pipe would never come to its end, and some files of the system have
 * none, although they say that they are empty.
 */
function readShort(path: string): { text: string | undefined; mode: number; uid: number } {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    const bytes = Buffer.alloc(mostBytes + 1);
    let length = 0;
    if (!stat.isFile()) return { text: undefined, mode: stat.mode, uid: stat.uid };
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    const text = length > mostBytes ? undefined : bytes.toString('utf8', 0, length);
    return { text, mode: stat.mode, uid: stat.uid };
  } finally {
    closeSync(file);
  }
}

function readBeside(path: string): string {
  try {
    return readShort(path).text ?? '';
  } catch {
    return ''; // Most keys have no certificate.
  }
}

function certificateLine(text: string): string | undefined {
  return /^[a-z0-9@.-]+-cert-v01@openssh\.com [A-Za-z0-9+/]+=*/m.exec(text)?.[0];
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

/** A digest is worth nothing outside this process. */
const digestKey = randomBytes(32);

/** Tells credentials apart without holding them. */
export function digestOf(credential: LoginCredential): string {
  const fields = Object.entries(credential).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha256', digestKey).update(JSON.stringify(fields)).digest('base64url');
}

/** Changes when a credential's files do. Throws a `HostError` when they are gone. */
export function stampOf(credential: LoginCredential, local: LocalCredentials): string {
  if (credential.kind === 'key' || credential.kind === 'password') return '';
  const path = credential.kind === 'keyPath' ? credential.path : localPath(credential.name, local);
  return [path, `${path}-cert.pub`]
    .map(file => {
      const stat = statOf(file);
      if (!stat && file === path) return refuse(`the delegate has no file ${path}`);
      return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs}` : '';
    })
    .join(',');
}

function statOf(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    return refuse(`the delegate cannot read the key ${path} (${codeOf(error)})`);
  }
}
