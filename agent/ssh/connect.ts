/** A connection that is logged in, hop by hop: each with its own host key and credential. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../protocol/index.ts';
import { addressesOf, formatHost, type Resolve } from './address.ts';
import type { Admission } from './allow.ts';
import { type Connection, openChannel, quirksOf } from './channel.ts';
import { HostError, type ResolvedHop, type ResolvedTarget } from './connection.ts';
import { type LocalCredentials, type Login, openLogin } from './credentials.ts';
import { DroppedError, handshake } from './handshake.ts';
import { expecting, type HostKeyPolicy, wantsHostCertificate } from './host-keys.ts';
import { holdsCertificate } from './key-agent.ts';
import { openWithSsh } from './openssh.ts';
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

/** Whatever takes us to a host's port, as often as it is called: a socket, or a channel through the host before. */
export type Way = () => Promise<Duplex>;

/** One hop that we are logged in to. */
export interface Link extends Connection {
  /** A stream to a port that the hop reaches. Rejects with the hop's word. */
  forward(host: string, port: number): Promise<Duplex>;
}

export interface LinkParts {
  readonly hop: ResolvedHop;
  readonly login: Login;
  readonly legacy: boolean;
  readonly way: Way;
  readonly deadline: Deadline;
  readonly connecting: Connecting;
  readonly step: (line: string) => void;
}

/** Logs in to a target. Throws a `HostError`; when called off, the signal's reason. */
export async function connectTo(
  target: ResolvedTarget,
  deadline: Deadline,
  connecting: Connecting,
  step: (line: string) => void,
): Promise<Connection> {
  const links: Link[] = [];
  const close = () => {
    for (const link of links.toReversed()) link.close();
  };
  try {
    const hops: ResolvedHop[] = [...target.jumps, target];
    for (const [at, hop] of hops.entries()) {
      const jump = at < target.jumps.length;
      const legacy = !jump && target.legacyAlgorithms === true;
      const before = links.at(-1);
      await named(hop, jump ? at + 1 : undefined, step, async told => {
        const login = openLogin(hop.credential, connecting.credentials);
        const way = before
          ? through(before, hop, deadline, told)
          : await directly(hop, deadline, connecting, told);
        links.push(await logIn({ hop, login, legacy, way, deadline, connecting, step: told }));
      });
    }
  } catch (error) {
    close();
    throw error;
  }
  const last = links.at(-1);
  if (!last) throw new Error('a target is a hop');
  // Where one hop goes, all the others go.
  for (const { closed } of links) void closed.then(close);
  return { ...last, close };
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
async function directly(
  hop: ResolvedHop,
  deadline: Deadline,
  { admission, resolve }: Connecting,
  step: (line: string) => void,
): Promise<Way> {
  admission.checkName(hop, true);
  const late = `the delegate could not resolve the name ${hop.host} (timed out)`;
  const addresses = admission.admit(hop, await within(deadline, addressesOf(hop.host, resolve), late));
  if (addresses.some(({ address }) => address !== hop.host))
    step(`${hop.host} resolved to ${addresses.map(({ address }) => address).join(', ')}`);
  return async () => (await reach(addresses, hop.port, deadline, step)).socket;
}

/** By a channel through the hop before, which resolves the name. */
function through(
  before: Link,
  { host, port }: ResolvedHop,
  deadline: Deadline,
  step: (line: string) => void,
): Way {
  const where = `the jump host before it does not forward to ${formatHost(host, port)}`;
  return async () => {
    const begun = deadline.clock.now();
    const asked = before.forward(host, port).catch((error: Error) => {
      throw new HostError('host-unreachable', `${where}: ${error.message}`);
    });
    const stream = await within(deadline, asked, `${where}: timed out`);
    step(`connected through the jump host in ${Math.round(deadline.clock.now() - begun)} ms`);
    return stream;
  };
}

/** By ssh2, or by the system's ssh for what ssh2 can't do: certificates, of the user or of the host. */
async function logIn(parts: LinkParts): Promise<Link> {
  const { hop, login, connecting } = parts;
  const ofHost = wantsHostCertificate(hop, connecting.hostKeys);
  if (login.kind === 'password') {
    if (ofHost) {
      throw new HostError(
        'host-key-unknown',
        `${connecting.hostKeys.knownHosts?.path} lists only a certificate authority (@cert-authority) for ${formatHost(hop.host, hop.port)}, which counts for logins with a key; add a key of the host for this login with a password`,
      );
    }
    return openLink(parts);
  }
  const ofUser =
    login.kind === 'key' ? login.certificate !== undefined : await holdsCertificate(login.socket);
  return ofUser || ofHost ? openWithSsh({ ...parts, login }, ofHost) : openLink(parts);
}

async function openLink({ hop, way, connecting, ...parts }: LinkParts): Promise<Link> {
  const { client, life, ident, close } = await expecting(hop, connecting.hostKeys, async (types, check) =>
    handshake({ ...parts, hop, stream: await way(), types, check, keepaliveMs: connecting.keepaliveMs }),
  );
  return {
    quirks: quirksOf(ident),
    open: (command, patienceMs) =>
      openChannel(client, command, { patienceMs, life, clock: connecting.clock }),
    forward: (host, port) =>
      new Promise((resolve, reject) => {
        void life.closed.then(why => reject(new Error(why)));
        client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
          if (!error) return resolve(channel);
          const why = error.message.replace(/^\(SSH\) Channel open failure: /, '');
          // 1: it is set up to forward nothing, or not to there.
          const prohibited = 'reason' in error && error.reason === 1;
          reject(new Error(prohibited ? `${why}; see its AllowTcpForwarding and PermitOpen` : why));
        });
      }),
    closed: life.closed,
    close,
  };
}
