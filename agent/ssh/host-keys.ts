/**
 * Whether the key that a host shows is the right one: one that the target names, else one that the delegate's
 * known_hosts lists. There is no way to accept any; a first key can be pinned where the operator wants that.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatHost } from './address.ts';
import { type HostKeyType, hostKeyTypes, isHostKeyType, usualHostKeyTypes } from './algorithms.ts';
import { HostError, type ResolvedHop } from './connection.ts';
import { withFileLock } from './file-lock.ts';
import { type KnownHostsFile, type KnownKey, listedName } from './known-hosts.ts';

/** What the operator has set. */
export interface HostKeyPolicy {
  readonly knownHosts: KnownHostsFile | undefined;
  readonly trust: 'strict' | 'first-use';
  /** Told of each key that is pinned. */
  readonly pinned?: (facts: { host: string; port: number; type: string; fingerprint: string }) => void;
}

type Hop = Pick<ResolvedHop, 'host' | 'port' | 'hostKeys'>;

/** A key as a host shows it. */
export interface ShownKey {
  readonly type: string;
  readonly key: Buffer;
  readonly fingerprint: string;
}

export function shownKey(key: Buffer): ShownKey {
  const length = key.length > 4 ? key.readUInt32BE(0) : 0;
  const type = key.subarray(4, 4 + length).toString('latin1');
  return { type, key, fingerprint: fingerprint(key) };
}

/** `SHA256:…` as OpenSSH writes it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The types of keys to ask a host for, preferably those that are known of it. Throws a `HostError`. */
function expectedTypes(hop: Hop, { knownHosts }: HostKeyPolicy): readonly HostKeyType[] {
  // A fingerprint doesn't tell of what type its key is.
  if (hop.hostKeys.length > 0) return hostKeyTypes;
  const known = trusted(knownHosts?.keysFor(hop.host, hop.port))
    .map(({ type }) => type)
    .filter(isHostKeyType);
  return [...new Set([...known, ...usualHostKeyTypes])];
}

/** Does only a certificate of the host count? Then ssh2 is of no use: it can't ask for one. */
export function wantsHostCertificate(hop: Hop, { knownHosts }: HostKeyPolicy): boolean {
  if (hop.hostKeys.length > 0) return false;
  const keys = knownHosts?.keysFor(hop.host, hop.port) ?? [];
  return keys.some(({ marker }) => marker === 'cert-authority') && trusted(keys).length === 0;
}

/** Checks a key. Resolves with where it is listed, and throws a `HostError` where it is not. */
export async function checkHostKey(hop: Hop, shown: ShownKey, policy: HostKeyPolicy): Promise<string> {
  const { knownHosts } = policy;
  const keys = knownHosts?.keysFor(hop.host, hop.port) ?? [];
  // Also where a connector pins the key: the operator of the delegate has the last word.
  const revoked = keys.find(entry => entry.marker === 'revoked' && isSame(entry, shown));
  if (revoked && knownHosts) throw revokedKey(hop, shown, knownHosts.path, revoked.line);
  if (hop.hostKeys.length > 0) {
    if (hop.hostKeys.includes(shown.fingerprint)) return 'pinned by the connector';
    throw otherThanPinned(hop, shown);
  }
  const same = trusted(keys).find(entry => isSame(entry, shown));
  if (same) return `known_hosts line ${same.line}`;
  // Somebody who can't have the known key would come with one of another type, so that is a change, too.
  if (trusted(keys).length > 0) throw changedKey(hop, shown, knownHosts?.path ?? '', trusted(keys));
  if (policy.trust === 'first-use' && knownHosts && keys.length === 0)
    return pin(hop, shown, knownHosts, policy);
  throw unknownKey(hop, shown, knownHosts?.path);
}

/** Asks a host for its key of some types, and checks it. */
export type Attempt<T> = (
  types: readonly HostKeyType[],
  check: (shown: ShownKey) => Promise<string>,
) => Promise<T>;

/**
 * A host with several keys shows the one that it is asked for first, and the one that the connector has pinned may
 * be another: so it is asked again for the others. Throws what `attempt` throws.
 */
export async function expecting<T>(hop: Hop, policy: HostKeyPolicy, attempt: Attempt<T>): Promise<T> {
  let types = expectedTypes(hop, policy);
  let mismatch: HostError | undefined;
  for (;;) {
    let shown: ShownKey | undefined;
    try {
      return await attempt(types, async key => {
        shown = key;
        return checkHostKey(hop, key, policy);
      });
    } catch (error) {
      if (!(error instanceof HostError) || hop.hostKeys.length === 0) throw error;
      if (error.reason === 'host-key-exchange-failed' && mismatch) throw mismatch;
      if (error.reason !== 'host-key-mismatch' || !shown) throw error;
      mismatch ??= error;
      const { type } = shown;
      types = types.filter(other => other !== type);
      if (types.length === 0) throw mismatch;
    }
  }
}

const trusted = (keys: readonly KnownKey[] = []) => keys.filter(({ marker }) => marker === undefined);

const isSame = (entry: KnownKey, { key }: ShownKey) => Buffer.from(entry.key, 'base64').equals(key);

/** Adds a key to the file, unless somebody else was first. */
async function pin(hop: Hop, shown: ShownKey, file: KnownHostsFile, policy: HostKeyPolicy): Promise<string> {
  const { host, port } = hop;
  try {
    mkdirSync(dirname(file.path), { recursive: true, mode: 0o700 });
    await withFileLock(file.path, () => {
      if (file.keysFor(host, port).length > 0) return;
      const line = `${listedName(host, port)} ${shown.type} ${shown.key.toString('base64')} first use\n`;
      appendFileSync(file.path, endsLine(file.path) ? line : `\n${line}`, { mode: 0o644, flush: true });
      policy.pinned?.({ host, port, type: shown.type, fingerprint: shown.fingerprint });
    });
  } catch (error) {
    if (error instanceof HostError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new HostError('internal', `the delegate cannot pin a host key in ${file.path} (${code})`);
  }
  const where = await checkHostKey(hop, shown, { ...policy, trust: 'strict' });
  return `${where}, trusted on first use`;
}

function endsLine(path: string): boolean {
  try {
    const text = readFileSync(path, 'latin1');
    return text === '' || text.endsWith('\n');
  } catch {
    return true; // There is none yet.
  }
}

const showing = (hop: Hop, { type, fingerprint }: ShownKey) =>
  `${formatHost(hop.host, hop.port)} shows the host key ${type} ${fingerprint}`;

const scan = (hop: Hop, path: string) =>
  `"legate delegate scan-host ${formatHost(hop.host, hop.port)} >> ${path}"`;

function unknownKey(hop: Hop, shown: ShownKey, path: string | undefined): HostError {
  const fix = path
    ? `${path} lists no key for it. If this is its key, run ${scan(hop, path)} on the delegate, or pin the fingerprint on the connector`
    : 'the delegate has no LEGATE_KNOWN_HOSTS. If this is its key, pin the fingerprint on the connector';
  return new HostError('host-key-unknown', `${showing(hop, shown)}, and ${fix}`);
}

function changedKey(hop: Hop, shown: ShownKey, path: string, keys: readonly KnownKey[]): HostError {
  const known = keys.map(
    ({ type, key, line }) => `${type} ${fingerprint(Buffer.from(key, 'base64'))} (line ${line})`,
  );
  const remove = `"ssh-keygen -R '${listedName(hop.host, hop.port)}' -f ${path}"`;
  return new HostError(
    'host-key-mismatch',
    `${showing(hop, shown)}, but ${path} expects ${known.join(' or ')}. Somebody may be in between. If the host has a new key, run ${remove} and ${scan(hop, path)} on the delegate`,
  );
}

function otherThanPinned(hop: Hop, shown: ShownKey): HostError {
  return new HostError(
    'host-key-mismatch',
    `${showing(hop, shown)}, but the connector expects ${hop.hostKeys.join(' or ')}. Somebody may be in between. If the host has a new key, pin it on the connector; "legate delegate scan-host ${formatHost(hop.host, hop.port)}" shows the keys`,
  );
}

function revokedKey(hop: Hop, shown: ShownKey, path: string, line: number): HostError {
  return new HostError(
    'host-key-mismatch',
    `${showing(hop, shown)}, which ${path} (line ${line}) marks as revoked. Give the host another key`,
  );
}
