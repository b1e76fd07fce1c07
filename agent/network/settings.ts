/** Settings of how the delegate reaches the control plane, and of what its scripts are to reach others with. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { SettingDefinition } from '../setting-definitions.ts';
import { absolutePath, codeOf, type Found, integer, oneOf, SettingsError } from '../setting-values.ts';
import { noProxyParts, noProxyRule, parseNoProxy } from './no-proxy.ts';

/** What may be logged. */
export interface NetworkSettings {
  readonly caFile: string | undefined;
  readonly caFolder: string | undefined;
  /** Trusted by scripts only. */
  readonly scriptCa: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
  readonly proxy: ProxyAddress | undefined;
  /** False: the control plane is reached without the proxy, which is for scripts only then. */
  readonly proxyControlPlane: boolean;
  readonly noProxy: readonly string[];
}

export interface ProxyAddress {
  /** How the proxy itself is spoken to. */
  readonly scheme: 'http' | 'https';
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** The setting that it is from, for messages. */
  readonly from: string;
}

/** What a proxy wants to know; never logged. */
export interface ProxyLogin {
  readonly user: string;
  readonly password: string;
}

/** In what forms scripts find the password, and could show it. */
export function secretsOfProxy(login: ProxyLogin | undefined): string[] {
  return login && login.password !== ''
    ? [...new Set([login.password, encodeURIComponent(login.password)])]
    : [];
}

export const networkTable = {
  caFile: {
    name: 'LEGATE_CA_FILE',
    flag: '--ca-file <file>',
    help: 'certificates (PEM) that are trusted besides the built-in ones, also by scripts',
  },
  caFolder: {
    name: 'LEGATE_CA_DIR',
    flag: '--ca-dir <folder>',
    help: 'folder of such files, all of which count (default: those of the image, where they are there)',
  },
  scriptCa: {
    name: 'LEGATE_SCRIPT_CA_FILE',
    aliases: ['DESTINATION_CA_PATH'],
    help: 'certificates (PEM) that scripts trust besides',
  },
  clientCertificate: {
    name: 'LEGATE_CLIENT_CERT',
    aliases: ['DELEGATE_CLIENT_CERTIFICATE_PATH'],
    flag: '--client-cert <file>',
    help: "the delegate's own certificate (PEM) for a control plane that asks for one",
  },
  clientKey: {
    name: 'LEGATE_CLIENT_KEY',
    aliases: ['DELEGATE_CLIENT_CERTIFICATE_KEY_PATH'],
    flag: '--client-key <file>',
    help: 'its key (PEM, not encrypted)',
  },
  proxy: {
    name: 'LEGATE_PROXY',
    help: 'proxy as http(s)://[user:password@]host:port, or "off" (no flag: other users can read command lines)',
  },
  proxyHost: { name: 'PROXY_HOST', help: 'host of the proxy, where LEGATE_PROXY is not set' },
  proxyPort: { name: 'PROXY_PORT', help: 'its port (default: 80, or 443)' },
  proxyScheme: {
    name: 'PROXY_SCHEME',
    help: 'http or https, how the proxy itself is spoken to (default: http)',
  },
  proxyUser: { name: 'PROXY_USER', help: 'user name for the proxy' },
  proxyPassword: { name: 'PROXY_PASSWORD', help: 'password for the proxy' },
  proxyPasswordFile: { name: 'PROXY_PASSWORD_FILE', help: 'file that holds it' },
  proxyControlPlane: {
    name: 'PROXY_MANAGER',
    help: 'false: the control plane is reached without the proxy (default: true)',
  },
  httpsProxy: {
    name: 'HTTPS_PROXY',
    aliases: ['https_proxy'],
    help: 'proxy for https and wss, where neither LEGATE_PROXY nor PROXY_HOST is set',
  },
  httpProxy: {
    name: 'HTTP_PROXY',
    aliases: ['http_proxy'],
    help: 'proxy for http and ws, where neither LEGATE_PROXY nor PROXY_HOST is set',
  },
  noProxy: {
    name: 'LEGATE_NO_PROXY',
    aliases: ['NO_PROXY', 'no_proxy'],
    help: 'what is reached without the proxy: names, .suffixes, addresses, networks, host:port, or *',
  },
} as const satisfies Record<string, SettingDefinition>;

type Read = (key: keyof typeof networkTable) => Found | undefined;

/** Reads them, for a control plane at `url`. Throws a `SettingsError`; no message quotes a proxy's login. */
export function readNetwork(
  read: Read,
  url: URL,
): { network: NetworkSettings; proxyLogin: ProxyLogin | undefined } {
  const clientCertificate = absolutePath(read('clientCertificate'));
  const clientKey = absolutePath(read('clientKey'));
  if ((clientCertificate === undefined) !== (clientKey === undefined))
    throw new SettingsError('LEGATE_CLIENT_CERT and LEGATE_CLIENT_KEY: set both, or none');
  const proxy = readProxy(read, url);
  return {
    network: {
      caFile: absolutePath(read('caFile')),
      caFolder: absolutePath(read('caFolder')),
      scriptCa: absolutePath(read('scriptCa')),
      clientCertificate,
      clientKey,
      proxy: proxy?.address,
      proxyControlPlane: oneOf(read('proxyControlPlane'), ['true', 'false'], 'true') === 'true',
      noProxy: noProxyList(read('noProxy')),
    },
    proxyLogin: proxy?.login,
  };
}

function noProxyList(found: Found | undefined): readonly string[] {
  if (!found) return [];
  const parts = noProxyParts(found.text);
  parseNoProxy(parts, bad => {
    // NO_PROXY is everybody's, and other programs read other things into it.
    if (!found.from.startsWith(networkTable.noProxy.name)) return;
    throw new SettingsError(`${found.from}: "${bad}" must be ${noProxyRule}`);
  });
  return parts;
}

interface FoundProxy {
  readonly address: ProxyAddress;
  readonly login: ProxyLogin | undefined;
}

function readProxy(read: Read, url: URL): FoundProxy | undefined {
  const own = read('proxy');
  if (own?.text.toLowerCase() === 'off') return undefined;
  if (own) return proxyOfUrl(own);
  const host = read('proxyHost');
  if (host) return proxyOfParts(read, host);
  const general = read(url.protocol === 'wss:' ? 'httpsProxy' : 'httpProxy');
  return general && proxyOfUrl(general);
}

function proxyOfParts(read: Read, host: Found): FoundProxy {
  const scheme = oneOf(read('proxyScheme'), ['http', 'https'], 'http');
  const name = host.text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(name) === 0 && !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(name))
    throw new SettingsError(`${host.from} must be a name or an address, without scheme, port or login`);
  const port = integer(read('proxyPort'), scheme === 'https' ? 443 : 80, 1, 65_535);
  const user = read('proxyUser');
  return {
    address: { scheme, host: name, port, from: host.from },
    login: user && { user: user.text, password: proxyPassword(read) },
  };
}

function proxyPassword(read: Read): string {
  const direct = read('proxyPassword');
  const file = read('proxyPasswordFile');
  if (direct || !file) return direct?.text ?? '';
  try {
    return readFileSync(file.text, 'utf8').trim();
  } catch (error) {
    throw new SettingsError(`${file.from}: cannot read ${file.text} (${codeOf(error)})`);
  }
}

/** Nothing of the text is repeated where it is wrong: it may hold a password. */
function proxyOfUrl({ text, from }: Found): FoundProxy {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  const scheme = url?.protocol === 'https:' ? 'https' : 'http';
  if (!url || !/^https?:$/.test(url.protocol) || !url.hostname || url.pathname !== '/') {
    throw new SettingsError(
      `${from} must be the address of an HTTP proxy, as in http://proxy.example:3128; ` +
        'in a password, write other characters than letters and digits as %40 and the like',
    );
  }
  const port = Number(url.port) || (scheme === 'https' ? 443 : 80);
  const address = { scheme, host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, from } as const;
  try {
    const login = { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    return { address, login: login.user === '' ? undefined : login };
  } catch {
    throw new SettingsError(`${from}: write "%" in the proxy's user name or password as %25`);
  }
}

/**
 * What scripts' programs read of a proxy, besides what the environment of the delegate says already. An address in it
 * holds the login: nothing else gets a program through.
 */
export function proxyVariables(
  { proxy, noProxy }: NetworkSettings,
  login: ProxyLogin | undefined,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  if (!proxy) return {};
  const user = login ? `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@` : '';
  const host = isIP(proxy.host) === 6 ? `[${proxy.host}]` : proxy.host;
  const address = `${proxy.scheme}://${user}${host}:${proxy.port}`;
  const all = { https_proxy: address, http_proxy: address, no_proxy: noProxy.join(',') };
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) {
    const upper = name.toUpperCase();
    if (value === '' || environment[name] !== undefined || environment[upper] !== undefined) continue;
    variables[name] = value;
    variables[upper] = value;
  }
  return variables;
}
