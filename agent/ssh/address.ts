/** Names and addresses of hosts: what counts as one, how they are written, and what a name resolves to. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { HostError, type ResolvedHop } from './connection.ts';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** `host`, `host:port` for another port than 22, and an IPv6 address in brackets before a port. */
export function formatHost(host: string, port: number): string {
  if (port === 22) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `host`, `host:port`, `[address]:port` or an IPv6 address. Undefined when it is none of them. */
export function parseHost(text: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^[\]]*?))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const found =
    isIP(text) === 6
      ? { host: text, port: 22 }
      : { host: bracketed ?? plain ?? '', port: Number(digits ?? 22) };
  return isHost(found.host) && found.port >= 1 && found.port <= 65_535 ? found : undefined;
}

/** Is this a host's name or address, with nothing in it that anybody could take for more than that? */
export function isHost(text: string): boolean {
  if (isIP(text) === 6) return /^[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?$/.test(text);
  if (isIP(text) === 4) return true;
  // Some resolvers take `127.1`, `0x7f000001` and `2130706433` for addresses, too: nobody means that well.
  const last = text.replace(/\.$/, '').split('.').at(-1) ?? '';
  if (/^([0-9]+|0x[0-9a-f]*)$/i.test(last)) return false;
  return (
    text.length <= 253 &&
    /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/.test(text)
  );
}

/** Checks once more what the control plane has checked. Throws a `HostError`. */
export function checkHop({ host, port, user }: Pick<ResolvedHop, 'host' | 'port' | 'user'>): void {
  const refuse = (field: string, rule: string) => {
    throw new HostError('host-unreachable', `the target's ${field} must be ${rule}`);
  };
  if (!isHost(host)) refuse('host', 'a host name or an IP address');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) refuse('port', 'a number from 1 to 65535');
  if (!/^[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,254}$/.test(user))
    refuse('user', 'letters, digits and "_.@+-", and begin with none of "@+-"');
}

/** How a name becomes addresses; the system's resolver, where nothing else is said. */
export type Resolve = (name: string) => Promise<readonly Address[]>;

export const systemResolve: Resolve = async name => {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
};

/** The addresses of a host, which may be given as one. Throws a `HostError`. */
export async function addressesOf(host: string, resolve: Resolve): Promise<readonly Address[]> {
  const family = isIP(host);
  if (family === 4 || family === 6) return [{ address: host, family }];
  let found: readonly Address[];
  try {
    found = await resolve(host);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const why = code === 'ENOTFOUND' || code === 'ENODATA' ? 'no such name' : code;
    throw new HostError('host-unreachable', `the delegate could not resolve the name ${host} (${why})`);
  }
  if (found.length === 0)
    throw new HostError('host-unreachable', `the delegate could not resolve the name ${host} (no address)`);
  return found;
}
