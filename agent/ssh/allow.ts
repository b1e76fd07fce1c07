/**
 * Which hosts this delegate logs in to, whatever it is asked: its operator's own lists. A name is checked
 * before it is resolved, and each address before it is connected to.
 */
import { BlockList, isIP } from 'node:net';
import type { Address } from './address.ts';
import { HostError, type ResolvedHop } from './connection.ts';

/** One entry of LEGATE_SSH_ALLOW or LEGATE_SSH_DENY. */
export interface HostPattern {
  readonly text: string;
  readonly user: RegExp | undefined;
  /** Undefined where the pattern is about addresses. */
  readonly name: RegExp | undefined;
  readonly addresses: BlockList | undefined;
  readonly port: number | undefined;
}

/** Where clouds tell their machines' credentials, and the machine itself. */
const keywords: Readonly<Record<string, readonly string[]>> = {
  metadata: [
    '169.254.169.254/32',
    'fd00:ec2::254/128',
    '169.254.170.2/32',
    '100.100.100.200/32',
    'fd20:ce::254/128',
  ],
  loopback: ['127.0.0.0/8', '::1/128', '0.0.0.0/32', '::/128'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
};

export const patternRule =
  '[user@]host[:port]: the host a name, an address (IPv6 in brackets), a network such as 10.0.0.0/8, or metadata, loopback or link-local; "*" and "?" stand for any in names and users';

/** Reads a pattern; undefined when it is none. */
export function parsePattern(text: string): HostPattern | undefined {
  // The last @, as a user may hold one.
  const [, user, rest = ''] = /^(?:(.*)@)?([^@]+)$/.exec(text) ?? [];
  const [, bracketed, plain = '', digits] =
    /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}|\*))?$/.exec(rest) ?? [];
  const host = bracketed ?? (isIP(rest.split('/')[0] ?? '') === 6 ? rest : plain);
  if (user !== undefined && !/^[A-Za-z0-9_.@+*?-]+$/.test(user)) return undefined;
  const port = digits === undefined || digits === '*' ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const shared = { text, user: user === undefined ? undefined : glob(user, ''), port };
  const networks = keywords[host] ?? (isIP(host.split('/')[0] ?? '') ? [host] : undefined);
  if (networks) {
    const addresses = new BlockList();
    return networks.every(network => add(addresses, network))
      ? { ...shared, name: undefined, addresses }
      : undefined;
  }
  if (!/^[A-Za-z0-9_.*?-]+$/.test(host)) return undefined;
  return { ...shared, name: glob(host.replace(/\.$/, ''), 'i'), addresses: undefined };
}

function add(list: BlockList, network: string): boolean {
  const [address = '', bits] = network.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const most = family === 'ipv6' ? 128 : 32;
  if (bits !== undefined && !(/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most)) return false;
  list.addSubnet(address, bits === undefined ? most : Number(bits), family);
  return true;
}

function glob(pattern: string, flags: string): RegExp {
  const source = pattern
    .replaceAll(/[.+\\^$(){}|[\]]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^(?:${source})$`, flags);
}

export interface Admission {
  /**
   * What can be told before the name is resolved. `direct`: it is resolved here later; the addresses of a host
   * behind another one are not seen here, so that only its name, or an address written as such, can list it.
   * Throws a `HostError`.
   */
  readonly checkName: (hop: Hop, direct: boolean) => void;
  /** Those of the addresses that may be connected to. Throws a `HostError` when there is none. */
  readonly admit: (hop: Hop, addresses: readonly Address[]) => readonly Address[];
}

type Hop = Pick<ResolvedHop, 'host' | 'port' | 'user'>;

/** The operator's lists; an empty `allow` lists everything. */
export function admission(allow: readonly HostPattern[], deny: readonly HostPattern[]): Admission {
  const fits = ({ user, port }: HostPattern, hop: Hop) =>
    (port === undefined || port === hop.port) && (user === undefined || user.test(hop.user));
  const byName = (list: readonly HostPattern[], hop: Hop) =>
    list.find(pattern => fits(pattern, hop) && pattern.name?.test(hop.host.replace(/\.$/, '')));
  const byAddress = (list: readonly HostPattern[], hop: Hop, address: string) =>
    list.find(pattern => fits(pattern, hop) && pattern.addresses && holds(pattern.addresses, address));
  /** A gateway may lead from the IPv6 form to the IPv4 address in it, so that this one counts as well. */
  const deniedBy = (hop: Hop, address: string) => {
    const inside = embedded(address);
    return byAddress(deny, hop, address) ?? (inside === undefined ? undefined : byAddress(deny, hop, inside));
  };
  const listed = (hop: Hop) => allow.length === 0 || byName(allow, hop) !== undefined;
  const refuse = (hop: Hop, why: string): never => {
    throw new HostError(
      'rejected-by-delegate',
      `this delegate does not log in to ${hop.user}@${hop.host} port ${hop.port}: ${why}`,
    );
  };
  const notListed = (hop: Hop) => refuse(hop, 'LEGATE_SSH_ALLOW does not list it');
  const addressMayBeListed = (hop: Hop) => allow.some(pattern => pattern.addresses && fits(pattern, hop));

  return {
    checkName(hop, direct) {
      const isLiteral = isIP(hop.host) !== 0;
      const denied = byName(deny, hop) ?? (isLiteral ? deniedBy(hop, hop.host) : undefined);
      if (denied) refuse(hop, `LEGATE_SSH_DENY lists "${denied.text}"`);
      if (listed(hop) || (isLiteral && byAddress(allow, hop, hop.host))) return;
      if (!direct || !addressMayBeListed(hop)) notListed(hop);
    },
    admit(hop, addresses) {
      let denied: string | undefined;
      const admitted = addresses.filter(({ address }) => {
        const pattern = deniedBy(hop, address);
        if (pattern) denied = `LEGATE_SSH_DENY lists "${pattern.text}" (${address})`;
        return !pattern && (listed(hop) || byAddress(allow, hop, address) !== undefined);
      });
      if (admitted.length === 0) return denied ? refuse(hop, denied) : notListed(hop);
      return admitted;
    },
  };
}

/** Also finds an IPv4 address that is written as an IPv6 one. */
function holds(list: BlockList, text: string): boolean {
  const address = text.replace(/%.*$/, '');
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** The IPv4 address in one of NAT64's (RFC 6052) or the old compatible form, as in `64:ff9b::10.1.2.3`. */
function embedded(text: string): string | undefined {
  const address = text.replace(/%.*$/, '');
  const canonical = isIP(address) === 6 ? URL.parse(`http://[${address}]`)?.hostname : undefined;
  const [, high = '0', low] = /^\[(?:64:ff9b)?::(?:([0-9a-f]+):)?([0-9a-f]+)\]$/.exec(canonical ?? '') ?? [];
  if (low === undefined) return undefined;
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.');
}
