/** A host's key without a login. */
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { type HostKeyType, offer } from './algorithms.ts';
import { HostError } from './connection.ts';
import { type ShownKey, shownKey } from './host-keys.ts';
import { type Deadline, remaining } from './reach.ts';

/** The key that a host shows of these types; undefined when it has none of them. Uses the stream up. Throws when called off. */
export function askHostKey(
  sock: Duplex,
  types: readonly HostKeyType[],
  legacy: boolean,
  deadline: Deadline,
): Promise<ShownKey | undefined> {
  const { signal } = deadline;
  const over = new AbortController();
  const asked = new Promise<ShownKey | undefined>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { signal: over.signal });
    const client = new ssh2.Client();
    let shown: ShownKey | undefined;
    const stop = deadline.clock.after(remaining(deadline), () => {
      reject(new HostError('host-unreachable', 'timed out while exchanging keys'));
    });
    over.signal.addEventListener('abort', stop);
    const finish = (why: string) => {
      if (shown || /no matching host key format/.test(why)) resolve(shown);
      else reject(new HostError('host-key-exchange-failed', why));
    };
    client.on('error', error => finish(error.message.replace(/^Handshake failed: /, '')));
    client.on('close', () => finish('the host closed the connection before keys were exchanged'));
    client.connect({
      sock,
      username: 'nobody',
      readyTimeout: 0,
      algorithms: offer(types, legacy),
      hostVerifier(key: Buffer) {
        shown = shownKey(key);
        return false;
      },
    });
  });
  return asked.finally(() => {
    over.abort();
    sock.destroy();
  });
}
