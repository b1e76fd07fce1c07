/** The hosts that this delegate can log in to: lists, credentials, host keys and connections put together. */
import { type Clock, systemClock } from '../../protocol/index.ts';
import { checkHop, type Resolve, systemResolve } from './address.ts';
import { admission, parsePattern } from './allow.ts';
import { type Connecting, connectTo } from './connect.ts';
import type { Hosts, ResolvedTarget } from './connection.ts';
import { digestOf, stampOf } from './credentials.ts';
import type { HostKeyPolicy } from './host-keys.ts';
import { knownHostsFile } from './known-hosts.ts';
import { type LeaseLimits, leaseHost } from './lease.ts';
import { createPool, type PoolKey } from './pool.ts';

/** What an operator sets. */
export interface SshSettings {
  /** Path of the delegate's known_hosts file. */
  readonly knownHosts: string | undefined;
  /** `first-use` pins the first key of a host that is not listed. */
  readonly trust: 'strict' | 'first-use';
  /** Folder of the credentials that only this delegate holds. */
  readonly keys: string | undefined;
  /** Socket of an ssh-agent. */
  readonly agent: string | undefined;
  /** Patterns of hosts; none: every host. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Most channels at once on one connection. */
  readonly maxSessions: number;
  /** Most connections to one host and port. */
  readonly maxConnections: number;
  readonly idleMs: number;
  readonly maxAgeMs: number;
}

export interface HostsOptions {
  readonly settings: SshSettings;
  readonly clock?: Clock;
  readonly resolve?: Resolve;
  readonly keepaliveMs?: number;
  readonly limits?: Partial<LeaseLimits>;
  /** Told of each host key that is trusted on first use. */
  readonly pinned?: HostKeyPolicy['pinned'];
}

const usual: LeaseLimits = { channelPatienceMs: 10_000, refusalMs: 3_000, settleMs: 2_000 };

export function createHosts(options: HostsOptions): Hosts {
  const { settings, clock = systemClock, resolve = systemResolve, keepaliveMs = 15_000, pinned } = options;
  const pool = createPool(settings, clock);
  const connecting: Connecting = {
    hostKeys: {
      knownHosts: settings.knownHosts === undefined ? undefined : knownHostsFile(settings.knownHosts),
      trust: settings.trust,
      ...(pinned ? { pinned } : {}),
    },
    admission: admission(patterns(settings.allow), patterns(settings.deny)),
    credentials: { keys: settings.keys, agent: settings.agent },
    resolve,
    clock,
    keepaliveMs,
  };

  /** Of credentials that were used, by what the control plane calls them. */
  const digests = new Map<string, string>();

  /** A connection that was made before a key was revoked is used no more. */
  const revoked = (host: string, port: number) =>
    (connecting.hostKeys.knownHosts?.keysFor(host, port) ?? [])
      .filter(({ marker }) => marker === 'revoked')
      .map(({ key }) => key);

  function keyOf(target: ResolvedTarget): PoolKey {
    const hops = [...target.jumps, target];
    for (const [at, hop] of hops.entries()) {
      checkHop(hop);
      connecting.admission.checkName(hop, at === 0);
    }
    const credentials = hops.map(({ credential }) => digestOf(credential));
    const facts = hops.map(({ host, port, user, hostKeys, credential }, at) => [
      host,
      port,
      user,
      [...hostKeys].sort(),
      credentials[at],
      stampOf(credential, connecting.credentials),
      revoked(host, port),
    ]);
    return {
      id: JSON.stringify([facts, target.legacyAlgorithms === true]),
      host: `${target.host} ${target.port}`,
      credentials,
      connect: (patienceMs, signal, step) =>
        connectTo(target, { clock, at: clock.now() + patienceMs, signal }, connecting, step),
    };
  }

  /** One that comes by the same id and is another one has replaced the one before. */
  function remember({ jumps, ...first }: ResolvedTarget): void {
    for (const { credential, credentialId } of [...jumps, first]) {
      if (credentialId === undefined) continue;
      const digest = digestOf(credential);
      const before = digests.get(credentialId);
      if (before !== undefined && before !== digest) pool.forget(before);
      digests.set(credentialId, digest);
    }
  }

  return {
    async lease(target, bounds, step = () => {}) {
      bounds.signal.throwIfAborted();
      remember(target);
      const limits = { ...usual, ...options.limits };
      return leaseHost(pool, keyOf(target), { ...bounds, step }, limits, clock);
    },
    forget: credential => pool.forget(digestOf(credential)),
    forgetId(id) {
      const digest = digests.get(id);
      if (digest !== undefined) pool.forget(digest);
      digests.delete(id);
    },
    close: () => pool.close(),
  };
}

function patterns(texts: readonly string[]) {
  return texts.map(text => {
    const pattern = parsePattern(text);
    // Passed over, a pattern that denies would allow.
    if (!pattern) throw new Error(`"${text}" is no pattern of hosts`);
    return pattern;
  });
}
