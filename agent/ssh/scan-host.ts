/** The keys of a host, as known_hosts lines: for a person to compare, and then to pin. */
import { type Clock, systemClock } from '../../protocol/index.ts';
import { addressesOf, formatHost, parseHost, systemResolve } from './address.ts';
import { hostKeyTypes } from './algorithms.ts';
import { askHostKey } from './ask-host-key.ts';
import { HostError } from './connection.ts';
import type { ShownKey } from './host-keys.ts';
import { listedName } from './known-hosts.ts';
import { reach } from './reach.ts';

const patienceMs = 10_000;

/** Asks a host for its key of each type, without logging in. Throws a `HostError`. */
export async function scanHost(
  host: string,
  port: number,
  { clock = systemClock, resolve = systemResolve }: { clock?: Clock; resolve?: typeof systemResolve } = {},
): Promise<readonly ShownKey[]> {
  const addresses = await addressesOf(host, resolve);
  const keys: ShownKey[] = [];
  let trouble: unknown;
  // One after the other: hosts drop connections that are not logged in when there are many.
  for (const type of hostKeyTypes) {
    const deadline = { clock, at: clock.now() + patienceMs, signal: new AbortController().signal };
    const { socket } = await reach(addresses, port, deadline, () => {});
    try {
      const key = await askHostKey(socket, [type], true, deadline);
      if (key) keys.push(key);
    } catch (error) {
      trouble ??= error;
    }
  }
  if (keys.length > 0) return keys;
  throw (
    trouble ??
    new HostError('host-key-exchange-failed', `${formatHost(host, port)} showed no key that can be checked`)
  );
}

/**
 * What `legate delegate scan-host HOST[:PORT]` does: `print` gets the lines for the file, `note` those for the
 * person. Throws a `HostError`, and one for a host that is none.
 */
export async function printHostKeys(
  target: string,
  print: (line: string) => void,
  note: (line: string) => void,
): Promise<void> {
  const parsed = parseHost(target);
  if (!parsed) {
    throw new HostError(
      'host-unreachable',
      `"${target}" must be HOST or HOST:PORT, an IPv6 address before a port in brackets`,
    );
  }
  const { host, port } = parsed;
  for (const { type, key, fingerprint } of await scanHost(host, port)) {
    print(`${listedName(host, port)} ${type} ${key.toString('base64')}`);
    note(`${formatHost(host, port)} ${type} ${fingerprint}`);
  }
  note(
    'Compare these with what "ssh-keygen -lf /etc/ssh/ssh_host_….pub" says on the host before you trust them.',
  );
}
