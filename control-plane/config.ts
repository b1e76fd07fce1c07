/** The control plane's settings, and its one file that reads the environment. A flag is stronger. */
import { resolve } from 'node:path';

/** A wrong setting: one line that names it, the rule and the fix. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface ServerConfig {
  readonly host: string | undefined;
  readonly port: number;
  /** The folder that holds everything that lasts. */
  readonly dataFolder: string;
  /** A Postgres that holds the store; may hold a password. Undefined: a SQLite file in the data folder. */
  readonly databaseUrl: string | undefined;
  /** Where the keys come from that values of the built-in secret manager are encrypted with. */
  readonly keyRing: {
    readonly ring: string | undefined;
    readonly file: string | undefined;
    readonly command: string | undefined;
  };
  /** The audit trail goes here as well, as JSON lines. */
  readonly auditFile: string | undefined;
  /** How many delegates are let in each second. */
  readonly admissionRate: number;
  /** How often a delegate says that it works, and either side that it is there. */
  readonly heartbeatMs: number;
  /** Serve GraphQL's introspection, and a page to try queries with. */
  readonly graphqlExplorer: boolean;
  /** Requests in a minute; 0: without limit. */
  readonly rateLimit: {
    readonly perKey: number;
    /** Of those without a valid key. */
    readonly perAddress: number;
  };
  /** Where metrics are served, without a login; undefined: nowhere. */
  readonly metricsListen: { readonly host: string | undefined; readonly port: number } | undefined;
  /** How often each delegate gets a synthetic task; 0: never. */
  readonly syntheticIntervalMs: number;
  /** OpenTelemetry's own variables: whether and where traces go. May hold a credential. */
  readonly openTelemetry: Readonly<Record<string, string | undefined>>;
  readonly logLevel: string;
  /** Undefined: it listens without TLS. */
  readonly tls?: TlsConfig | undefined;
}

/** Files (PEM), which may change while the server runs. */
export interface TlsConfig {
  readonly certificate: string;
  readonly key: string;
  /** CAs of client certificates. */
  readonly clientCa: string | undefined;
  /** Are delegates asked for a certificate, and refused without one that counts? */
  readonly clientAuth: 'off' | 'optional' | 'required';
}

export const serverFlags = {
  listen: {
    flag: '--listen <address>',
    name: 'LEGATE_LISTEN',
    help: '[host]:port to listen on (default: 127.0.0.1:8080)',
  },
  data: {
    flag: '--data <folder>',
    name: 'LEGATE_DATA',
    help: 'folder for the store and the first key (default: ./legate-data)',
  },
  databaseUrl: {
    flag: '--database-url <url>',
    name: 'LEGATE_DATABASE_URL',
    help: 'Postgres to keep the store in, as in postgres://user@host/legate (default: SQLite in the data folder)',
  },
  keyRingFile: {
    flag: '--key-ring-file <file>',
    name: 'LEGATE_KEY_RING_FILE',
    help: 'keys for the values of the built-in secret manager; or LEGATE_KEY_RING, LEGATE_KEY_COMMAND (default: key-ring in the data folder)',
  },
  auditFile: {
    flag: '--audit-file <file>',
    name: 'LEGATE_AUDIT_FILE',
    help: 'write the audit trail here too, as JSON lines',
  },
  admissionRate: {
    flag: '--admission-rate <number>',
    name: 'LEGATE_ADMISSION_RATE',
    help: 'delegates let in per second; others are told when to come back (default: 400)',
  },
  heartbeat: {
    flag: '--heartbeat <seconds>',
    name: 'LEGATE_HEARTBEAT',
    help: 'how often delegates and control plane hear of each other; twice that is a silence (default: 10)',
  },
  graphqlExplorer: {
    flag: '--graphql-explorer',
    name: 'LEGATE_GRAPHQL_EXPLORER',
    help: 'serve introspection and a page for trying GraphQL queries',
  },
  rateLimit: {
    flag: '--rate-limit <requests>',
    name: 'LEGATE_RATE_LIMIT',
    help: 'requests of an API key in a minute; 0: no limit (default: 6000)',
  },
  authRateLimit: {
    flag: '--auth-rate-limit <requests>',
    name: 'LEGATE_AUTH_RATE_LIMIT',
    help: 'requests without a valid API key from an address in a minute; 0: no limit (default: 120)',
  },
  tlsCert: {
    flag: '--tls-cert <file>',
    name: 'LEGATE_TLS_CERT',
    help: 'certificate (PEM) to listen with TLS; read anew when it changes (default: no TLS)',
  },
  tlsKey: {
    flag: '--tls-key <file>',
    name: 'LEGATE_TLS_KEY',
    help: 'its key (PEM, not encrypted)',
  },
  tlsClientCa: {
    flag: '--tls-client-ca <file>',
    name: 'LEGATE_TLS_CLIENT_CA',
    help: "CAs (PEM) of the delegates' client certificates, old and new ones together",
  },
  tlsClientAuth: {
    flag: '--tls-client-auth <how>',
    name: 'LEGATE_TLS_CLIENT_AUTH',
    help: 'off, optional, or required: delegates need a client certificate (default: optional with --tls-client-ca)',
  },
  metricsListen: {
    flag: '--metrics-listen <address>',
    name: 'LEGATE_METRICS_LISTEN',
    help: '[host]:port to serve metrics on, without a login (default: not at all)',
  },
  syntheticInterval: {
    flag: '--synthetic-interval <seconds>',
    name: 'LEGATE_SYNTHETIC_INTERVAL',
    help: 'try the whole way to each delegate and back this often, with a task that does nothing (default: 0, never)',
  },
  logLevel: {
    flag: '--log-level <level>',
    name: 'LEGATE_LOG_LEVEL',
    help: 'fatal, error, warn, info, debug or trace (default: info)',
  },
} as const;

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** Reads the settings. Throws a `ConfigError` for the first wrong one. */
export function readConfig(
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv = process.env,
): ServerConfig {
  const read = (key: keyof typeof serverFlags) => {
    const { flag, name } = serverFlags[key];
    const given = flags[key];
    if (given === true) return { text: 'true', from: flag };
    if (typeof given === 'string') return { text: given.trim(), from: flag.split(' ')[0] ?? flag };
    const text = env[name]?.trim();
    return text ? { text, from: name } : undefined;
  };
  const metrics = read('metricsListen');
  const level = read('logLevel') ?? { text: 'info', from: 'the default' };
  if (!levels.includes(level.text.toLowerCase())) {
    throw new ConfigError(`${level.from} must be one of ${levels.join(', ')} (got "${level.text}")`);
  }
  const data = read('data') ?? { text: 'legate-data', from: 'the default' };
  // An empty one, as an unset variable of a shell makes it, would be the folder one happens to be in.
  if (data.text === '') throw new ConfigError(`${data.from} must name a folder (got "")`);
  const database = read('databaseUrl');
  // The text is not repeated: it may hold a password.
  if (database && !isPostgresUrl(database.text)) {
    throw new ConfigError(
      `${database.from} must be the URL of a Postgres, as in postgres://user@host:5432/legate; ` +
        'in a password, write other characters than letters and digits as %40 and the like',
    );
  }
  return {
    ...address(read('listen') ?? { text: '127.0.0.1:8080', from: 'the default' }),
    dataFolder: resolve(data.text),
    databaseUrl: database?.text,
    keyRing: {
      ring: env.LEGATE_KEY_RING?.trim() || undefined,
      file: read('keyRingFile')?.text,
      command: env.LEGATE_KEY_COMMAND?.trim() || undefined,
    },
    auditFile: read('auditFile')?.text,
    admissionRate: integer(read('admissionRate'), 400, 1, 100_000),
    heartbeatMs: integer(read('heartbeat'), 10, 1, 60) * 1_000,
    graphqlExplorer: switchOf(read('graphqlExplorer')),
    rateLimit: {
      perKey: perMinute(read('rateLimit'), 6_000),
      perAddress: perMinute(read('authRateLimit'), 120),
    },
    metricsListen: metrics && address(metrics),
    syntheticIntervalMs: integer(read('syntheticInterval'), 0, 0, 86_400) * 1_000,
    openTelemetry: Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('OTEL_'))),
    logLevel: level.text.toLowerCase(),
    tls: readTls(read),
  };
}

type Read = (key: keyof typeof serverFlags) => { text: string; from: string } | undefined;

function readTls(read: Read): TlsConfig | undefined {
  const certificate = read('tlsCert');
  const key = read('tlsKey');
  const clientCa = read('tlsClientCa');
  const how = read('tlsClientAuth');
  if (!certificate && !key) {
    const alone = clientCa ?? how;
    if (alone) throw new ConfigError(`${alone.from} needs --tls-cert and --tls-key`);
    return undefined;
  }
  if (!certificate || !key) throw new ConfigError('--tls-cert and --tls-key: set both, or none');
  const clientAuth = how?.text.toLowerCase() ?? (clientCa ? 'optional' : 'off');
  if (clientAuth !== 'off' && clientAuth !== 'optional' && clientAuth !== 'required')
    throw new ConfigError(`${how?.from} must be off, optional or required (got "${how?.text}")`);
  if (clientAuth !== 'off' && !clientCa)
    throw new ConfigError(`${how?.from}: ${clientAuth} needs --tls-client-ca, the CAs to judge by`);
  return {
    certificate: resolve(certificate.text),
    key: resolve(key.text),
    clientCa: clientCa && resolve(clientCa.text),
    clientAuth,
  };
}

function integer(
  given: { text: string; from: string } | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (!given) return fallback;
  const value = /^[0-9]{1,9}$/.test(given.text) ? Number(given.text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new ConfigError(
      `${given.from} must be a whole number from ${least} to ${most} (got "${given.text}")`,
    );
  }
  return value;
}

function perMinute(given: { text: string; from: string } | undefined, fallback: number): number {
  if (!given) return fallback;
  if (/^[0-9]{1,7}$/.test(given.text)) return Number(given.text);
  throw new ConfigError(
    `${given.from} must be a number of requests a minute, 0 for no limit (got "${given.text}")`,
  );
}

function address({ text, from }: { text: string; from: string }): { host: string | undefined; port: number } {
  const match = /^(.*):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535)
    throw new ConfigError(`${from} must be [host]:port, as in 127.0.0.1:8080 (got "${text}")`);
  return { host: match[1]?.replace(/^\[(.*)\]$/, '$1') || undefined, port };
}

function switchOf(given: { text: string; from: string } | undefined): boolean {
  const text = given?.text.toLowerCase() ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ConfigError(`${given?.from} must be true or false (got "${given?.text}")`);
}

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//i.test(text) && URL.canParse(text);
}
