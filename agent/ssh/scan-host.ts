/** The keys of a host, as known_hosts lines: for a person to compare, and then to pin. */
import type { Socket } from 'node:net';
import ssh2 from 'ssh2';
import { type Clock, systemClock } from '../../protocol/index.ts';
import { addressesOf, formatHost, parseHost, systemResolve } from './address.ts';
import { type HostKeyType, hostKeyTypes, offer } from './algorithms.ts';
import { HostError } from './connection.ts';
import { type ShownKey, shownKey } from './host-keys.ts';
import { listedName } from './known-hosts.ts';
import { type Deadline, reach, remaining } from './reach.ts';

const patienceMs = 10_000;

/** Asks a host for its key of each type, without logging in. Throws a `HostError`. */
export async function scanHost(
  host: string,
  port: number,
  { clock = systemClock, resolve = systemResolve }: { clock?: Clock; resolve?: typeof systemResolve } = {},
): Promise<readonly ShownKey[]> {
  const addresses = await addressesOf(host, resolve);
  const keys: ShownKey[] = [];
  // One after the other: hosts drop connections that are not logged in when there are many.
  for (const type of hostKeyTypes) {
    const deadline = { clock, at: clock.now() + patienceMs, signal: new AbortController().signal };
    const { socket } = await reach(addresses, port, deadline, () => {});
    const key = await askFor(type, socket, deadline).finally(() => socket.destroy());
    if (key) keys.push(key);
  }
  if (keys.length === 0)
    throw new HostError(
      'host-key-exchange-failed',
      `${formatHost(host, port)} showed no key that can be checked`,
    );
  return keys;
}

function askFor(type: HostKeyType, sock: Socket, deadline: Deadline) {
  return new Promise<ShownKey | undefined>((resolve, reject) => {
    const client = new ssh2.Client();
    let shown: ShownKey | undefined;
    const stop = deadline.clock.after(remaining(deadline), () => {
      reject(new HostError('host-unreachable', 'timed out while exchanging keys'));
    });
    const finish = (error?: Error) => {
      stop();
      if (shown || !error || /no matching host key format/.test(error.message)) resolve(shown);
      else reject(new HostError('host-key-exchange-failed', error.message));
    };
    client.on('error', finish);
    client.on('close', () => finish());
    client.connect({
      sock,
      username: 'nobody',
      readyTimeout: 0,
      algorithms: offer([type], true),
      hostVerifier(key: Buffer) {
        shown = shownKey(key);
        return false;
      },
    });
  });
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
    print(`${listedName(host.toLowerCase(), port)} ${type} ${key.toString('base64')}`);
    note(`${formatHost(host, port)} ${type} ${fingerprint}`);
  }
  note(
    'Compare these with what "ssh-keygen -lf /etc/ssh/ssh_host_….pub" says on the host before you trust them.',
  );
}
