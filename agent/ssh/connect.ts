/** A connection that is logged in, hop by hop: each with its own host key and credential. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../protocol/index.ts';
import { addressesOf, formatHost, type Resolve } from './address.ts';
import type { Admission } from './allow.ts';
import { type Connection, openChannel } from './channel.ts';
import { HostError, type ResolvedHop, type ResolvedTarget } from './connection.ts';
import { type LocalCredentials, openLogin } from './credentials.ts';
import { DroppedError, type Handshake, handshake, type Open } from './handshake.ts';
import { checkHostKey, expectedTypes, type HostKeyPolicy, type ShownKey } from './host-keys.ts';
import { type Deadline, reach, within } from './reach.ts';

/** What connecting takes besides a target. */
export interface Connecting {
  readonly hostKeys: HostKeyPolicy;
  readonly admission: Admission;
  readonly credentials: LocalCredentials;
  readonly resolve: Resolve;
  readonly clock: Clock;
  /** A host that leaves three of these unanswered is gone. */
  readonly keepaliveMs: number;
}

/** Whatever takes us to a host's port: a socket, or a channel through the host before. */
type Way = () => Promise<Duplex>;

/** Logs in to a target. Throws a `HostError`; when called off, the signal's reason. */
export async function connectTo(
  target: ResolvedTarget,
  deadline: Deadline,
  connecting: Connecting,
  step: (line: string) => void,
): Promise<Connection> {
  const opened: Open[] = [];
  const close = () => {
    for (const hop of opened.toReversed()) hop.close();
  };
  try {
    const hops: ResolvedHop[] = [...target.jumps, target];
    for (const [at, hop] of hops.entries()) {
      const jump = at < target.jumps.length;
      const legacy = !jump && target.legacyAlgorithms === true;
      const before = opened.at(-1);
      await named(hop, jump ? at + 1 : undefined, step, async told => {
        const login = openLogin(hop.credential, connecting.credentials);
        const way = before
          ? through(before, hop, deadline, told)
          : await directly(hop, deadline, connecting, told);
        opened.push(await logIn({ hop, login, legacy, way, deadline, connecting, step: told }));
      });
    }
  } catch (error) {
    close();
    throw error;
  }
  const last = opened.at(-1);
  if (!last) throw new Error('a target is a hop');
  // Where a hop goes, all that lies behind it goes.
  for (const { life } of opened.slice(0, -1)) void life.closed.then(close);
  void last.life.closed.then(close);
  const { client, life } = last;
  return {
    open: (command, patienceMs) =>
      openChannel(client, command, { patienceMs, life, clock: connecting.clock }),
    closed: life.closed,
    close,
  };
}

/** Says of each line and error which hop it is about. */
async function named(
  { host, port }: ResolvedHop,
  jump: number | undefined,
  step: (line: string) => void,
  work: (told: (line: string) => void) => Promise<void>,
): Promise<void> {
  const where = `${jump === undefined ? 'host' : `jump host ${jump}`}: `;
  try {
    await work(line => step(`${where}${line}`));
  } catch (error) {
    if (jump === undefined || !(error instanceof HostError)) throw error;
    const message = `jump host ${jump} (${formatHost(host, port)}): ${error.message}`;
    throw error instanceof DroppedError
      ? new DroppedError(error.reason, message)
      : new HostError(error.reason, message);
  }
}

/** By a socket of our own. The name is resolved once, whatever happens then. */
export async function directly(
  hop: ResolvedHop,
  deadline: Deadline,
  { admission, resolve }: Pick<Connecting, 'admission' | 'resolve'>,
  step: (line: string) => void,
): Promise<Way> {
  admission.checkName(hop);
  const found = await within(
    deadline,
    addressesOf(hop.host, resolve),
    `the delegate could not resolve the name ${hop.host} (timed out)`,
  );
  const addresses = admission.admit(hop, found);
  if (addresses.some(({ address }) => address !== hop.host))
    step(`${hop.host} resolved to ${addresses.map(({ address }) => address).join(', ')}`);
  return async () => (await reach(addresses, hop.port, deadline, step)).socket;
}

/** By a channel through the hop before, which resolves the name. */
function through(
  { client, life }: Open,
  { host, port }: ResolvedHop,
  deadline: Deadline,
  step: (line: string) => void,
): Way {
  return async () => {
    const begun = deadline.clock.now();
    const where = `the jump host before it does not forward to ${formatHost(host, port)}`;
    const asked = new Promise<Duplex>((resolve, reject) => {
      void life.closed.then(why => reject(new HostError('host-unreachable', `${where} (${why})`)));
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (!error) return resolve(channel);
        const why = error.message.replace(/^\(SSH\) Channel open failure: /, '');
        // 1: it is set up to forward nothing, or not to there.
        const prohibited = 'reason' in error && error.reason === 1;
        const fix = prohibited
          ? `${why}; it needs AllowTcpForwarding yes, and PermitOpen for this host`
          : why;
        reject(new HostError('host-unreachable', `${where} (${fix})`));
      });
    });
    const channel = await within(deadline, asked, `${where} (timed out)`);
    step(`connected through the jump host in ${Math.round(deadline.clock.now() - begun)} ms`);
    return channel;
  };
}

interface LogIn extends Pick<Handshake, 'hop' | 'login' | 'legacy' | 'deadline' | 'step'> {
  readonly way: Way;
  readonly connecting: Connecting;
}

async function logIn({ hop, way, connecting, ...parts }: LogIn): Promise<Open> {
  let types = expectedTypes(hop, connecting.hostKeys);
  let mismatch: HostError | undefined;
  for (;;) {
    let shown: ShownKey | undefined;
    try {
      const stream = await way();
      return await handshake({
        ...parts,
        hop,
        stream,
        types,
        keepaliveMs: connecting.keepaliveMs,
        async check(key) {
          shown = key;
          return checkHostKey(hop, key, connecting.hostKeys);
        },
      });
    } catch (error) {
      if (!(error instanceof HostError) || hop.hostKeys.length === 0) throw error;
      if (error.reason === 'host-key-exchange-failed' && mismatch) throw mismatch;
      if (error.reason !== 'host-key-mismatch' || !shown) throw error;
      // A host with several keys shows the one that it is asked for first, and the pinned one may be another.
      mismatch ??= error;
      const { type } = shown;
      types = types.filter(other => other !== type);
      if (types.length === 0) throw mismatch;
    }
  }
}
