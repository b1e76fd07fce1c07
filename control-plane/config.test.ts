import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import test from 'node:test';
import { ConfigError, readConfig } from './config.ts';

const refused = (flags: Record<string, unknown>, env: NodeJS.ProcessEnv, message: string) =>
  assert.throws(
    () => readConfig(flags, env),
    error => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.message, message);
      return true;
    },
  );

/** What the settings are that a test does not name. */
const rest = {
  keyRing: { ring: undefined, file: undefined, command: undefined },
  auditFile: undefined,
  admissionRate: 400,
  heartbeatMs: 10_000,
  graphqlExplorer: false,
  rateLimit: { perKey: 6_000, perAddress: 120 },
  tls: undefined,
  metricsListen: undefined,
  openTelemetry: {},
  syntheticIntervalMs: 0,
};

test('without settings it listens on this machine only, in a folder beside', () => {
  assert.deepEqual(readConfig({}, {}), {
    ...rest,
    host: '127.0.0.1',
    port: 8080,
    dataFolder: resolve('legate-data'),
    databaseUrl: undefined,
    logLevel: 'info',
  });
});

test('a flag is stronger than the environment, and either than the default', () => {
  const env = {
    LEGATE_LISTEN: '10.0.0.1:1',
    LEGATE_DATA: '/env',
    LEGATE_LOG_LEVEL: 'debug',
    LEGATE_DATABASE_URL: 'postgres://env/d',
  };
  const flags = { listen: '10.0.0.2:2', data: '/flag', logLevel: 'warn', databaseUrl: 'postgresql://flag/d' };
  assert.deepEqual(readConfig(flags, env), {
    ...rest,
    host: '10.0.0.2',
    port: 2,
    dataFolder: '/flag',
    databaseUrl: 'postgresql://flag/d',
    logLevel: 'warn',
  });
  assert.deepEqual(readConfig({}, env), {
    ...rest,
    host: '10.0.0.1',
    port: 1,
    dataFolder: '/env',
    databaseUrl: 'postgres://env/d',
    logLevel: 'debug',
  });
});

test('a variable that is empty or blank is none', () => {
  const env = { LEGATE_LISTEN: '', LEGATE_DATA: '  ', LEGATE_LOG_LEVEL: '', LEGATE_DATABASE_URL: ' ' };
  assert.deepEqual(readConfig({}, env), readConfig({}, {}));
});

test('an address is a host and a port, of which the host may be missing or in brackets', () => {
  const addresses: [text: string, host: string | undefined, port: number][] = [
    [':8080', undefined, 8080],
    ['localhost:0', 'localhost', 0],
    ['[::1]:65535', '::1', 65_535],
    ['::1:80', '::1', 80],
    [' 0.0.0.0:1 ', '0.0.0.0', 1],
  ];
  for (const [listen, host, port] of addresses) {
    const config = readConfig({ listen }, {});
    assert.deepEqual([config.host, config.port], [host, port]);
  }
});

test('an address that is none is refused, with the name of the setting it came from', () => {
  for (const listen of ['8080', 'localhost', 'localhost:', ':65536', ':-1', ':80a', ''])
    refused({ listen }, {}, `--listen must be [host]:port, as in 127.0.0.1:8080 (got "${listen}")`);
  refused({}, { LEGATE_LISTEN: 'x' }, 'LEGATE_LISTEN must be [host]:port, as in 127.0.0.1:8080 (got "x")');
});

test('metrics are served where a setting says so, and nowhere else', () => {
  const { metricsListen } = readConfig({ metricsListen: '[::1]:9464' }, {});
  assert.deepEqual(metricsListen, { host: '::1', port: 9464 });
  assert.equal(readConfig({}, { LEGATE_METRICS_LISTEN: '' }).metricsListen, undefined);
  const rule = 'must be [host]:port, as in 127.0.0.1:8080 (got "on")';
  refused({}, { LEGATE_METRICS_LISTEN: 'on' }, `LEGATE_METRICS_LISTEN ${rule}`);
});

test('synthetic tasks are sent as often as a setting says, and never without it', () => {
  assert.equal(readConfig({ syntheticInterval: '60' }, {}).syntheticIntervalMs, 60_000);
  const rule = 'must be a whole number from 0 to 86400';
  refused({ syntheticInterval: '1m' }, {}, `--synthetic-interval ${rule} (got "1m")`);
  refused({}, { LEGATE_SYNTHETIC_INTERVAL: '86401' }, `LEGATE_SYNTHETIC_INTERVAL ${rule} (got "86401")`);
});

test('a log level is one of the list, in any case', () => {
  assert.equal(readConfig({ logLevel: 'DEBUG' }, {}).logLevel, 'debug');
  const list = 'fatal, error, warn, info, debug, trace, silent';
  refused({ logLevel: 'loud' }, {}, `--log-level must be one of ${list} (got "loud")`);
  refused({}, { LEGATE_LOG_LEVEL: '5' }, `LEGATE_LOG_LEVEL must be one of ${list} (got "5")`);
});

test('an empty folder is refused, and not taken for the one we are in', () => {
  refused({ data: '' }, {}, '--data must name a folder (got "")');
});

test('a database is named by the URL of a Postgres, and a wrong one is refused without repeating it', () => {
  for (const url of [
    'postgres://u:p%40@h:1/d?sslmode=verify-full',
    'postgres:///d?host=/run/postgresql',
    'POSTGRESQL://h',
  ])
    assert.equal(readConfig({ databaseUrl: url }, {}).databaseUrl, url);
  const rule =
    'must be the URL of a Postgres, as in postgres://user@host:5432/legate; ' +
    'in a password, write other characters than letters and digits as %40 and the like';
  for (const url of [
    'mysql://u:hunter2@h/d',
    'h/d',
    'postgres://u:hunter2@h:port/d',
    'postgres://u:hun/ter2@h/d',
    '',
  ]) {
    refused({ databaseUrl: url }, {}, `--database-url ${rule}`);
    if (url) refused({}, { LEGATE_DATABASE_URL: url }, `LEGATE_DATABASE_URL ${rule}`);
  }
});

test('the pace and the heartbeat are whole numbers within bounds', () => {
  const env = { LEGATE_ADMISSION_RATE: '50', LEGATE_HEARTBEAT: '1' };
  const { admissionRate, heartbeatMs } = readConfig({}, env);
  assert.deepEqual([admissionRate, heartbeatMs], [50, 1_000]);
  for (const text of ['0', '-1', '1.5', 'fast', '100001'])
    refused(
      { admissionRate: text },
      {},
      `--admission-rate must be a whole number from 1 to 100000 (got "${text}")`,
    );
  refused({}, { LEGATE_HEARTBEAT: '61' }, 'LEGATE_HEARTBEAT must be a whole number from 1 to 60 (got "61")');
});

test('the key ring comes from one place, and the explorer is off unless it is switched on', () => {
  const env = {
    LEGATE_KEY_RING: 'a',
    LEGATE_KEY_RING_FILE: '/ring',
    LEGATE_KEY_COMMAND: 'pass ring',
    LEGATE_AUDIT_FILE: '/audit.jsonl',
    LEGATE_GRAPHQL_EXPLORER: 'TRUE',
  };
  const { keyRing, auditFile, graphqlExplorer } = readConfig({}, env);
  assert.deepEqual(keyRing, { ring: 'a', file: '/ring', command: 'pass ring' });
  assert.deepEqual([auditFile, graphqlExplorer], ['/audit.jsonl', true]);
  assert.equal(readConfig({ graphqlExplorer: true }, {}).graphqlExplorer, true);
  refused(
    {},
    { LEGATE_GRAPHQL_EXPLORER: 'maybe' },
    'LEGATE_GRAPHQL_EXPLORER must be true or false (got "maybe")',
  );
});

test('rate limits are numbers of requests a minute, and 0 is none', () => {
  const { rateLimit } = readConfig({ rateLimit: '0' }, { LEGATE_AUTH_RATE_LIMIT: '5' });
  assert.deepEqual(rateLimit, { perKey: 0, perAddress: 5 });
  for (const text of ['-1', '1.5', 'off', '10/s', '99999999'])
    refused(
      {},
      { LEGATE_RATE_LIMIT: text },
      `LEGATE_RATE_LIMIT must be a number of requests a minute, 0 for no limit (got "${text}")`,
    );
});

test('TLS is files, a certificate with its key, and client certificates are judged by a CA', () => {
  const files = { tlsCert: '/c', tlsKey: '/k' };
  const tls = (flags: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) => readConfig(flags, env).tls;
  const least = { certificate: '/c', key: '/k', clientCa: undefined, clientAuth: 'off' };
  assert.deepEqual(tls(files), least);
  assert.deepEqual(tls({}, { LEGATE_TLS_CERT: '/c', LEGATE_TLS_KEY: '/k' }), least);
  const withCa = { ...files, tlsClientCa: '/a' };
  assert.deepEqual(tls(withCa), { ...least, clientCa: '/a', clientAuth: 'optional' });
  for (const clientAuth of ['off', 'optional', 'required'])
    assert.deepEqual(tls({ ...withCa, tlsClientAuth: clientAuth }), { ...least, clientCa: '/a', clientAuth });

  refused({ tlsCert: '/c' }, {}, '--tls-cert and --tls-key: set both, or none');
  refused({ tlsClientCa: '/a' }, {}, '--tls-client-ca needs --tls-cert and --tls-key');
  refused(
    {},
    { LEGATE_TLS_CLIENT_AUTH: 'required' },
    'LEGATE_TLS_CLIENT_AUTH needs --tls-cert and --tls-key',
  );
  const strict = { ...files, tlsClientAuth: 'required' };
  refused(strict, {}, '--tls-client-auth: required needs --tls-client-ca, the CAs to judge by');
  const strange = { ...withCa, tlsClientAuth: 'strict' };
  refused(strange, {}, '--tls-client-auth must be off, optional or required (got "strict")');
});
