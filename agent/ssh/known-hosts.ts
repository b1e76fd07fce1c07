/** OpenSSH's known_hosts files, read as sshd(8) describes them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { HostError } from './connection.ts';

/** One key that a file lists. */
export interface KnownKey {
  /** Its line, from 1. */
  readonly line: number;
  readonly marker: 'cert-authority' | 'revoked' | undefined;
  /** As in `ssh-ed25519`. */
  readonly type: string;
  /** The key in base64, as it stands in the file. */
  readonly key: string;
}

interface Entry extends KnownKey {
  readonly hosts: string;
}

/** Reads a file's text. Lines that are none are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string): readonly Entry[] {
  return text.split('\n').flatMap((content, at): Entry[] => {
    const [, marker, hosts, type, key] =
      /^\s*(?:@(\S+)\s+)?([^\s#]\S*)\s+([a-z][a-z0-9@.-]*)\s+([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(content) ??
      [];
    if (hosts === undefined || type === undefined || key === undefined) return [];
    const entry = { line: at + 1, hosts, type, key };
    if (marker === undefined) return [{ ...entry, marker: undefined }];
    return marker === 'cert-authority' || marker === 'revoked' ? [{ ...entry, marker }] : [];
  });
}

/** The keys that are listed for a host at a port; where there are none, those that are listed without a port. */
export function keysFor(entries: readonly Entry[], host: string, port: number): readonly KnownKey[] {
  const name = host.toLowerCase().replace(/\.$/, '');
  const listed = entries.filter(({ hosts }) => matches(hosts, listedName(name, port)));
  if (port === 22 || listed.some(({ marker }) => marker !== 'revoked')) return listed;
  return [...listed, ...entries.filter(({ hosts }) => matches(hosts, name))];
}

/** A host as known_hosts files name it. */
export function listedName(host: string, port: number): string {
  const name = host.toLowerCase().replace(/\.$/, '');
  return port === 22 ? name : `[${name}]:${port}`;
}

function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHash(hosts, name);
  let found = false;
  for (const pattern of hosts.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!glob(negated ? pattern.slice(1) : pattern).test(name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt = '', hash = ''] = hosts.split('|');
  if (version !== '1') return false;
  const digest = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  const expected = Buffer.from(hash, 'base64');
  return expected.length === digest.length && timingSafeEqual(expected, digest);
}

function glob(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[.+\\^$(){}|[\]]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^(?:${source})$`);
}

/** A file on disk, read again whenever it has changed. */
export interface KnownHostsFile {
  readonly path: string;
  /** What it lists now; nothing when there is no such file. Throws a `HostError` when it cannot be read. */
  keysFor(host: string, port: number): readonly KnownKey[];
}

export function knownHostsFile(path: string): KnownHostsFile {
  let stamp = '';
  let entries: readonly Entry[] = [];
  const read = () => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stat) return [];
    const now = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    if (now !== stamp) {
      entries = parseKnownHosts(readFileSync(path, 'utf8'));
      stamp = now;
    }
    return entries;
  };
  return {
    path,
    keysFor(host, port) {
      try {
        return keysFor(read(), host, port);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
        throw new HostError('internal', `the delegate cannot read LEGATE_KNOWN_HOSTS ${path} (${code})`);
      }
    },
  };
}
