/**
 * The agent's settings by name: one table says for each its names, its flag and what it is for. Flags, aliases, errors and
 * `--help` all come from it.
 */
import { networkTable } from './network/settings.ts';
import { observeTable } from './observe/settings.ts';

export interface SettingDefinition {
  /** The name in the environment and in the settings file. */
  readonly name: string;
  /** Other names that existing deployments use. */
  readonly aliases?: readonly string[];
  /** The long flag, with its value's placeholder as commander writes it. */
  readonly flag?: string;
  readonly help: string;
}

export const table = {
  url: {
    name: 'LEGATE_URL',
    aliases: ['MANAGER_HOST_AND_PORT', 'URL'],
    flag: '--url <url>',
    help: 'address of the control plane, for instance https://legate.example',
  },
  token: {
    name: 'LEGATE_TOKEN',
    aliases: ['DELEGATE_TOKEN', 'TOKEN'],
    help: 'delegate token (no flag: other users can read command lines)',
  },
  tokenFile: {
    name: 'LEGATE_TOKEN_FILE',
    aliases: ['DELEGATE_TOKEN_FILE'],
    flag: '--token-file <file>',
    help: 'file that holds the delegate token, or a JWT of an issuer that the control plane trusts',
  },
  name: {
    name: 'LEGATE_NAME',
    aliases: ['DELEGATE_NAME', 'NAME'],
    flag: '--name <name>',
    help: 'name of this delegate; instances of one name are replicas (default: the host name)',
  },
  tags: {
    name: 'LEGATE_TAGS',
    aliases: ['DELEGATE_TAGS', 'TAGS'],
    flag: '--tags <list>',
    help: 'tags that selectors are matched with, separated by commas',
  },
  healthListen: {
    name: 'LEGATE_HEALTH_LISTEN',
    flag: '--health-listen <address>',
    help: '[host]:port of the health endpoints, or "off" (default: ":3460")',
  },
  maxTasks: {
    name: 'LEGATE_MAX_TASKS',
    aliases: ['DELEGATE_TASK_CAPACITY', 'DELEGATE_TASK_LIMIT'],
    flag: '--max-tasks <number>',
    help: 'most tasks at once (default: 50)',
  },
  cache: {
    name: 'LEGATE_CACHE',
    flag: '--cache <MiB>',
    help: 'memory for values of connectors with cacheTtlSeconds, in MiB; 0 keeps none (default: 16)',
  },
  logLevel: {
    name: 'LEGATE_LOG_LEVEL',
    aliases: ['LOGGING_LEVEL'],
    flag: '--log-level <level>',
    help: 'fatal, error, warn, info, debug or trace (default: info)',
  },
  poll: {
    name: 'LEGATE_POLL',
    aliases: ['POLL_FOR_TASKS'],
    flag: '--poll <when>',
    help: 'long polling instead of a websocket: true, false, or auto where websockets do not work (default: auto)',
  },
  drain: {
    name: 'LEGATE_DRAIN',
    flag: '--drain <how>',
    help: 'running tasks after SIGTERM: finish, or cancel and let other delegates have them (default: finish)',
  },
  drainTimeout: {
    name: 'LEGATE_DRAIN_TIMEOUT',
    flag: '--drain-timeout <seconds>',
    help: 'how long running tasks may take to finish after SIGTERM (default: 540)',
  },
  workRoot: {
    name: 'LEGATE_WORK_DIR',
    flag: '--work-dir <folder>',
    help: "folder for the scripts' private working directories (default: the system's temporary folder)",
  },
  scriptEnvironment: {
    name: 'LEGATE_SCRIPT_ENV',
    flag: '--script-env <list>',
    help: 'names of further environment variables that scripts may see, separated by commas',
  },
  sanitizePatterns: {
    name: 'LEGATE_SANITIZE_PATTERNS',
    flag: '--sanitize-patterns <file>',
    help: 'file of regular expressions, one a line, for what is masked in what scripts print (default: sanitize-patterns.txt in the home folder or /opt/harness-delegate, where there is one)',
  },
  taskMemory: {
    name: 'LEGATE_TASK_MEMORY',
    flag: '--task-memory <MiB>',
    help: 'most memory of each process that a script starts here, in MiB (default: no limit)',
  },
  knownHosts: {
    name: 'LEGATE_KNOWN_HOSTS',
    flag: '--known-hosts <file>',
    help: 'known_hosts file with the keys of target hosts (default: none, so that only pinned keys count)',
  },
  sshTrust: {
    name: 'LEGATE_SSH_TRUST',
    flag: '--ssh-trust <how>',
    help: 'strict, or first-use: pin the first key that a host shows in the known_hosts file (default: strict)',
  },
  sshKeys: {
    name: 'LEGATE_SSH_KEYS',
    flag: '--ssh-keys <folder>',
    help: 'folder of SSH keys that only this delegate holds: NAME, and NAME-cert.pub where there is one',
  },
  sshAgent: {
    name: 'LEGATE_SSH_AGENT',
    flag: '--ssh-agent <socket>',
    help: 'socket of an ssh-agent, which connectors name "agent"',
  },
  sshAllow: {
    name: 'LEGATE_SSH_ALLOW',
    flag: '--ssh-allow <list>',
    help: 'target hosts, as [user@]host[:port], separated by commas (default: all)',
  },
  sshDeny: {
    name: 'LEGATE_SSH_DENY',
    flag: '--ssh-deny <list>',
    help: 'hosts that are no target, also by metadata, loopback, link-local or 10.0.0.0/8 (default: metadata)',
  },
  sshMaxSessions: {
    name: 'LEGATE_SSH_MAX_SESSIONS',
    flag: '--ssh-max-sessions <number>',
    help: 'most tasks at once on one SSH connection (default: 8)',
  },
  sshMaxConnections: {
    name: 'LEGATE_SSH_MAX_CONNECTIONS',
    flag: '--ssh-max-connections <number>',
    help: 'most SSH connections to one target host (default: 4)',
  },
  sshIdle: {
    name: 'LEGATE_SSH_IDLE',
    flag: '--ssh-idle <seconds>',
    help: 'how long an SSH connection is kept that nobody uses (default: 60)',
  },
  sshMaxAge: {
    name: 'LEGATE_SSH_MAX_AGE',
    flag: '--ssh-max-age <seconds>',
    help: 'how old an SSH connection may become (default: 3600)',
  },
  ...networkTable,
  ...observeTable,
} as const satisfies Record<string, SettingDefinition>;

export type SettingKey = keyof typeof table;

export const configFile: SettingDefinition = {
  name: 'LEGATE_CONFIG',
  flag: '--config <file>',
  help: 'settings file: lines of NAME=value with the names of the environment variables',
};

/** The definitions, for flags and help. */
export const settingDefinitions: readonly SettingDefinition[] = [configFile, ...Object.values(table)];
