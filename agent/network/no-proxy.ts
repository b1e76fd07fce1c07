/** Which addresses are reached without the proxy: the lists of NO_PROXY. */
import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

export interface NoProxy {
  /** Is this address reached directly? Names are compared as they are written, and never looked up. */
  has(url: URL): boolean;
}

/** What one part of the list may be, for messages. */
export const noProxyRule =
  'a name, .suffix, address or network as in 10.0.0.0/8, each but networks also with :port';

interface Entry {
  /** Undefined: any. */
  readonly port: string | undefined;
  matches(host: string): boolean;
}

/** Splits a list at commas and blanks. */
export const noProxyParts = (text: string) => text.split(/[\s,]+/).filter(part => part !== '');

/** Reads the parts of a list. A part that is none is given to `bad`, and left out. */
export function parseNoProxy(parts: readonly string[], bad: (part: string) => void = () => {}): NoProxy {
  const entries: Entry[] = [];
  for (const part of parts) {
    const entry = parseEntry(part);
    if (entry) entries.push(entry);
    else bad(part);
  }
  return {
    has(url) {
      const host = bare(url.hostname);
      const port = url.port || (/^(https|wss):$/.test(url.protocol) ? '443' : '80');
      return entries.some(entry => (entry.port ?? port) === port && entry.matches(host));
    },
  };
}

function parseEntry(part: string): Entry | undefined {
  const { name, port } = splitPort(part);
  if (port !== undefined && Number(port) > 65_535) return undefined;
  if (name === '*') return { port, matches: () => true };
  const network = /^\[?([0-9a-fA-F:.]+)\]?\/([0-9]{1,3})$/.exec(name);
  if (network?.[1] !== undefined)
    return port === undefined ? networkEntry(network[1], Number(network[2]), port) : undefined;
  const host = bare(name);
  if (isIP(host) !== 0) return networkEntry(host, isIP(host) === 4 ? 32 : 128, port);
  const suffix = bare(domainToASCII(host.replace(/^\*?\./, '')));
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(suffix)) return undefined;
  return { port, matches: other => other === suffix || other.endsWith(`.${suffix}`) };
}

function splitPort(part: string): { name: string; port: string | undefined } {
  // In an address of version 6 only what follows a bracket is a port.
  const match = /^(\[[^\]]*\](?:\/[0-9]+)?|[^:]*):([0-9]{1,5})$/.exec(part);
  return match?.[1] === undefined ? { name: part, port: undefined } : { name: match[1], port: match[2] };
}

function networkEntry(address: string, prefix: number, port: string | undefined): Entry | undefined {
  const family = isIP(address);
  if (family === 0 || prefix > (family === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return {
    port,
    matches(host) {
      const hostFamily = isIP(host);
      return hostFamily !== 0 && list.check(host, hostFamily === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

/** As names are compared: no brackets, no dot at the end, small letters. */
function bare(host: string): string {
  return host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
}
