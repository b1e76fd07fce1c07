/**
 * The agent's settings, and the one file of the agent that reads the environment. Strength: command-line
 * flag, then environment, then settings file, then default.
 */
import { readFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { delegateNamePattern } from '../protocol/index.ts';
import { scriptEnvironment } from './execute/environment.ts';
import { type NetworkSettings, type ProxyLogin, proxyVariables, readNetwork } from './network/settings.ts';
import { type ObserveSettings, observeSettings } from './observe/settings.ts';
import { sanitizePatterns } from './sanitize-settings.ts';
import type { FindMatches } from './script/custom-patterns.ts';
import { configFile, type SettingDefinition, type SettingKey, table } from './setting-definitions.ts';
import { absolutePath, codeOf, type Found, integer, list, oneOf, SettingsError } from './setting-values.ts';
import { parsePattern, patternRule } from './ssh/allow.ts';
import type { SshSettings } from './ssh/hosts.ts';
import { isToken } from './token-file.ts';
import type { PollWhen } from './transport-choice.ts';

export { settingDefinitions } from './setting-definitions.ts';
export { codeOf, SettingsError } from './setting-values.ts';

/** Everything about an agent that may be logged. */
export interface AgentSettings {
  /** The control plane's websocket address. */
  readonly url: URL;
  readonly name: string;
  readonly tags: readonly string[];
  /** Where health is served; undefined when it is off. */
  readonly healthListen: { host: string | undefined; port: number } | undefined;
  readonly maxTasks: number;
  /** So many bytes of values are kept in memory for connectors that allow it; 0: none. */
  readonly cacheBytes: number;
  readonly logLevel: string;
  /** When to poll instead of using a websocket. */
  readonly poll: PollWhen;
  /** What becomes of running tasks after SIGTERM. */
  readonly drain: 'finish' | 'cancel';
  /** How long a draining agent waits for running tasks. */
  readonly drainTimeoutMs: number;
  /** The folder in which private working directories are made. */
  readonly workRoot: string;
  /** Names of environment variables that scripts may see besides the built-in allow-list. */
  readonly scriptEnvironment: readonly string[];
  /** The memory, in MiB, that each process of a script here may make its own; undefined: all there is. */
  readonly taskMemoryMib: number | undefined;
  /** How it logs in to target hosts. */
  readonly ssh: SshSettings;
  /** How it reaches the control plane. */
  readonly network: NetworkSettings;
  /** Health and metrics. */
  readonly observe: ObserveSettings;
}

/** The secrets of an agent, kept apart so that settings can be logged. */
export interface AgentSecrets {
  readonly token: string;
  /** The file that the token is from; undefined: the environment. */
  readonly tokenFile: string | undefined;
  /** The environment of scripts, complete. Proxy addresses in it may hold passwords. */
  readonly environment: Readonly<Record<string, string>>;
  /** The operator's patterns for what is masked; they may hold it. */
  readonly sanitize: FindMatches;
  readonly proxyLogin: ProxyLogin | undefined;
}

/** Flags as commander hands them over: by the camel-case of the flag. */
export type FlagValues = Readonly<Record<string, unknown>>;

/**
 * Reads the agent's settings. Throws a `SettingsError` for the first wrong one. The token's variables are
 * deleted from `env`, so that nothing started later inherits them.
 */
export function readSettings(
  flags: FlagValues,
  env: NodeJS.ProcessEnv = process.env,
): { settings: AgentSettings; secrets: AgentSecrets } {
  const read = reader(flags, env);
  const url = websocketUrl(read('url'));
  const { network, proxyLogin } = readNetwork(read, url);
  const settings: AgentSettings = {
    url,
    name: delegateName(read('name')),
    tags: tagList(read('tags')),
    healthListen: listenAddress(read('healthListen')),
    maxTasks: integer(read('maxTasks'), 50, 1, 10_000),
    cacheBytes: integer(read('cache'), 16, 0, 1_024) * 1_048_576,
    logLevel: oneOf(read('logLevel'), ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    poll: pollWhen(read('poll')),
    drain: oneOf(read('drain'), ['finish', 'cancel'], 'finish'),
    drainTimeoutMs: integer(read('drainTimeout'), 540, 0, 86_400) * 1_000,
    workRoot: absolutePath(read('workRoot')) ?? tmpdir(),
    scriptEnvironment: variableNames(read('scriptEnvironment')),
    taskMemoryMib: taskMemory(read('taskMemory')),
    ssh: sshSettings(read),
    network,
    observe: observeSettings(read),
  };
  const environment = scriptEnvironment(env, settings.scriptEnvironment);
  const secrets = {
    ...token(read('token'), read('tokenFile')),
    environment: { ...environment, ...proxyVariables(network, proxyLogin, environment) },
    proxyLogin,
    sanitize: sanitizePatterns(read('sanitizePatterns'), env.HOME),
  };
  const secretNames = [table.token.name, ...table.token.aliases, table.proxyPassword.name, table.proxy.name];
  for (const name of secretNames) delete env[name];
  return { settings, secrets };
}

function reader(flags: FlagValues, env: NodeJS.ProcessEnv): (key: SettingKey) => Found | undefined {
  const path = find(configFile, flags, env, {});
  const file = path ? readSettingsFile(path) : {};
  return key => find(table[key], flags, env, file);
}

function find(
  definition: SettingDefinition,
  flags: FlagValues,
  env: NodeJS.ProcessEnv,
  file: NodeJS.Dict<string>,
): Found | undefined {
  const long = definition.flag?.split(' ')[0] ?? '';
  const flag = long && flags[long.slice(2).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
  if (long && typeof flag === 'string') return { text: flag.trim(), from: long, strength: 3 };
  for (const source of [env, file]) {
    for (const name of [definition.name, ...(definition.aliases ?? [])]) {
      // Short aliases such as NAME or URL are those of an env file; in a process environment they are
      // too common to mean us.
      if (source === env && !name.includes('_')) continue;
      const text = source[name]?.trim();
      // An empty variable counts as absent: manifests often pass every variable, filled or not.
      if (!text) continue;
      return source === file
        ? { text, from: `${name} in the settings file`, strength: 1 }
        : { text, from: name, strength: 2 };
    }
  }
  return undefined;
}

function readSettingsFile({ text: path, from }: Found): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SettingsError(`${from}: cannot read the settings file ${path} (${codeOf(error)})`);
  }
}

function sshSettings(read: (key: SettingKey) => Found | undefined): SshSettings {
  const trust = oneOf(read('sshTrust'), ['strict', 'first-use'], 'strict');
  const knownHosts = absolutePath(read('knownHosts'));
  if (trust === 'first-use' && knownHosts === undefined)
    throw new SettingsError('LEGATE_SSH_TRUST: first-use needs LEGATE_KNOWN_HOSTS, where the keys are kept');
  return {
    knownHosts,
    trust,
    keys: absolutePath(read('sshKeys')),
    agent: absolutePath(read('sshAgent')),
    allow: hostPatterns(read('sshAllow')),
    deny: hostPatterns(read('sshDeny'), ['metadata']),
    maxSessions: integer(read('sshMaxSessions'), 8, 1, 1_000),
    maxConnections: integer(read('sshMaxConnections'), 4, 1, 1_000),
    idleMs: integer(read('sshIdle'), 60, 0, 86_400) * 1_000,
    maxAgeMs: integer(read('sshMaxAge'), 3_600, 1, 86_400) * 1_000,
  };
}

function pollWhen(found: Found | undefined): PollWhen {
  const when = oneOf(found, ['true', 'false', 'auto'], 'auto');
  // Manifests with Harness's name always say it; there it means no more than the usual way.
  return when === 'false' && found?.from.startsWith('POLL_FOR_TASKS') ? 'auto' : when;
}

function taskMemory(found: Found | undefined): number | undefined {
  // With less bash itself does not come to the script.
  return found && integer(found, 0, 16, 1_048_576);
}

function hostPatterns(found: Found | undefined, fallback: readonly string[] = []): readonly string[] {
  if (!found) return fallback;
  const patterns = list(found.text);
  const bad = patterns.find(text => !parsePattern(text));
  if (bad !== undefined) throw new SettingsError(`${found.from}: "${bad}" must be ${patternRule}`);
  return patterns;
}

function websocketUrl(found: Found | undefined): URL {
  if (!found) {
    throw new SettingsError(
      'LEGATE_URL is required: the address of the control plane, as in https://legate.example',
    );
  }
  const url = URL.parse(/^[a-z]+:\/\//i.test(found.text) ? found.text : `https://${found.text}`);
  const scheme = url && { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' }[url.protocol];
  if (!url || !scheme) {
    throw new SettingsError(
      `${found.from} must be an address with http, https, ws or wss, as in https://legate.example`,
    );
  }
  if (url.username || url.password)
    throw new SettingsError(`${found.from} must not hold a user name or a password`);
  return new URL(`${scheme}//${url.host}${url.pathname.replace(/\/+$/, '')}`);
}

function delegateName(found: Found | undefined): string {
  const { text, from } = found ?? { text: hostname(), from: 'LEGATE_NAME (from the host name)' };
  if (!new RegExp(delegateNamePattern).test(text)) {
    throw new SettingsError(
      `${from} must be 1 to 128 letters, digits, ".", "_" or "-", and begin with a letter or digit (got "${text}")`,
    );
  }
  return text;
}

function tagList(found: Found | undefined): string[] {
  const tags = list(found?.text);
  if (tags.length > 200)
    throw new SettingsError(`${found?.from} must hold at most 200 tags (got ${tags.length})`);
  const long = tags.find(tag => tag.length > 256);
  if (long)
    throw new SettingsError(
      `${found?.from}: a tag may have at most 256 characters ("${long.slice(0, 20)}…")`,
    );
  return tags;
}

function variableNames(found: Found | undefined): string[] {
  const names = list(found?.text);
  const bad = names.find(name => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (bad !== undefined) throw new SettingsError(`${found?.from}: "${bad}" is not a variable name`);
  // Its own credential is the one thing that a script never gets, whatever the operator lists.
  const own = names.find(name => [table.token.name, ...table.token.aliases].some(secret => secret === name));
  if (own !== undefined)
    throw new SettingsError(`${found?.from}: "${own}" holds the delegate's own token; remove it`);
  return names;
}

function listenAddress(found: Found | undefined): { host: string | undefined; port: number } | undefined {
  if (!found) return { host: undefined, port: 3_460 };
  const { text, from } = found;
  if (text === 'off') return undefined;
  const match = /^(.*):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) {
    throw new SettingsError(
      `${from} must be [host]:port or "off", as in ":3460" or "127.0.0.1:3460" (got "${text}")`,
    );
  }
  return { host: match[1]?.replace(/^\[(.*)\]$/, '$1') || undefined, port };
}

function token(
  direct: Found | undefined,
  file: Found | undefined,
): Pick<AgentSecrets, 'token' | 'tokenFile'> {
  // What is stronger counts, also where it is another setting for the same thing.
  const preferFile = !direct || (file !== undefined && file.strength > direct.strength);
  const text = preferFile ? file && readTokenFile(file) : direct.text;
  if (text === undefined) {
    throw new SettingsError(
      'LEGATE_TOKEN or LEGATE_TOKEN_FILE is required: make a token with "legate delegate token create NAME"',
    );
  }
  // A token travels in a header; what can't be one is a mistake in the file, not a wrong token.
  if (!isToken(text)) {
    throw new SettingsError(
      `${preferFile ? file?.from : direct.from} does not hold a token: it must be one line of printable text, at most 512 characters or a JWT`,
    );
  }
  return { token: text, tokenFile: preferFile ? file && resolve(file.text) : undefined };
}

function readTokenFile({ text: path, from }: Found): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new SettingsError(`${from}: cannot read the token file ${path} (${codeOf(error)})`);
  }
}
