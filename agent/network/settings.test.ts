import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { readSettings, SettingsError } from '../settings.ts';

const least = { LEGATE_URL: 'https://legate.example', LEGATE_TOKEN: 'token' };
const read = (env: Record<string, string>, flags: Record<string, unknown> = {}) =>
  readSettings(flags, { ...least, ...env });
const network = (env: Record<string, string>, flags?: Record<string, unknown>) =>
  read(env, flags).settings.network;

const refused = (env: Record<string, string>, message: RegExp) =>
  assert.throws(
    () => read(env),
    error => error instanceof SettingsError && message.test(error.message) && !/secret/.test(error.message),
    String(message),
  );

test('certificates have names of ours, of Harness, and flags', () => {
  for (const env of [
    { LEGATE_CLIENT_CERT: '/c', LEGATE_CLIENT_KEY: '/k' },
    { DELEGATE_CLIENT_CERTIFICATE_PATH: '/c', DELEGATE_CLIENT_CERTIFICATE_KEY_PATH: '/k' },
  ]) {
    const { clientCertificate, clientKey } = network(env);
    assert.deepEqual([clientCertificate, clientKey], ['/c', '/k']);
  }
  const { caFile, caFolder, clientCertificate } = network(
    { LEGATE_CA_FILE: '/env' },
    { caFile: '/a', caDir: '/b', clientCert: '/c', clientKey: '/k' },
  );
  assert.deepEqual([caFile, caFolder, clientCertificate], ['/a', '/b', '/c']);
  assert.equal(network({ DESTINATION_CA_PATH: '/d' }).scriptCa, '/d');
  refused({ LEGATE_CLIENT_CERT: '/c' }, /^LEGATE_CLIENT_CERT and LEGATE_CLIENT_KEY: set both, or none$/);
  refused({ LEGATE_CA_FILE: 'relative' }, /^LEGATE_CA_FILE must be an absolute path/);
});

test('a proxy is of LEGATE_PROXY, else of PROXY_HOST, else of HTTPS_PROXY or HTTP_PROXY', () => {
  const all = {
    LEGATE_PROXY: 'http://own:1',
    PROXY_HOST: 'parts',
    PROXY_PORT: '2',
    HTTPS_PROXY: 'https://general:3',
    HTTP_PROXY: 'plain:4',
  };
  const order = [
    { scheme: 'http', host: 'own', port: 1, from: 'LEGATE_PROXY' },
    { scheme: 'http', host: 'parts', port: 2, from: 'PROXY_HOST' },
    { scheme: 'https', host: 'general', port: 3, from: 'HTTPS_PROXY' },
    undefined,
  ];
  const left: Record<string, string> = { ...all };
  for (const [at, name] of ['', 'LEGATE_PROXY', 'PROXY_HOST', 'HTTPS_PROXY'].entries()) {
    delete left[name];
    assert.deepEqual(network(left).proxy, order[at], `without ${name} and those before`);
  }
  const plain = { LEGATE_URL: 'http://legate.example', http_proxy: 'plain:4' };
  assert.deepEqual(network(plain).proxy, { scheme: 'http', host: 'plain', port: 4, from: 'http_proxy' });
  assert.equal(network({ ...all, LEGATE_PROXY: 'off' }).proxy, undefined);
  assert.equal(network({ ...all, PROXY_MANAGER: 'FALSE' }).proxyControlPlane, false);
  assert.deepEqual(network({ PROXY_HOST: '::1', PROXY_SCHEME: 'https' }).proxy, {
    scheme: 'https',
    host: '::1',
    port: 443,
    from: 'PROXY_HOST',
  });
});

test('the login of a proxy is in no setting that is logged, and in no environment that others get', () => {
  const env = {
    ...least,
    PROXY_HOST: 'proxy',
    PROXY_USER: 'u ser',
    PROXY_PASSWORD: 'secret@1',
    LEGATE_PROXY: '',
  };
  const { settings, secrets } = readSettings({}, env);
  assert.ok(!JSON.stringify(settings).includes('secret'));
  assert.deepEqual(secrets.proxyLogin, { user: 'u ser', password: 'secret@1' });
  assert.ok(!('PROXY_PASSWORD' in env));
  using folder = temporaryFolder();
  writeFileSync(folder.file('password'), 'secret-of-a-file\n');
  const file = { PROXY_HOST: 'proxy', PROXY_USER: 'u', PROXY_PASSWORD_FILE: folder.file('password') };
  assert.equal(read(file).secrets.proxyLogin?.password, 'secret-of-a-file');
  refused(
    { ...file, PROXY_PASSWORD_FILE: '/nowhere/x' },
    /^PROXY_PASSWORD_FILE: cannot read \/nowhere\/x \(ENOENT\)$/,
  );
});

test('an address of a proxy that is wrong is told without its text', () => {
  for (const text of [
    'socks5://u:secret@p:1',
    'http://u:secret@',
    'http://u:secret@p:99999',
    'http://u:secret@p/path',
  ])
    for (const name of ['LEGATE_PROXY', 'HTTPS_PROXY'])
      refused({ [name]: text }, new RegExp(`^${name} must be the address of an HTTP proxy`));
  refused({ LEGATE_PROXY: 'http://u:secret%@p:1' }, /^LEGATE_PROXY: write "%" .* as %25$/);
  refused(
    { PROXY_HOST: 'http://u:secret@p' },
    /^PROXY_HOST must be a name or an address, without scheme, port or login$/,
  );
  refused({ PROXY_HOST: 'p', PROXY_PORT: '0' }, /^PROXY_PORT must be a whole number from 1 to 65535/);
  refused({ PROXY_HOST: 'p', PROXY_SCHEME: 'socks5' }, /^PROXY_SCHEME must be one of http, https/);
});

test('a list that only we read is checked; one that all programs read is taken for what it is', () => {
  assert.deepEqual(network({ NO_PROXY: 'a, .b 10.*' }).noProxy, ['a', '.b', '10.*']);
  refused(
    { LEGATE_NO_PROXY: 'a,10.*' },
    /^LEGATE_NO_PROXY: "10\.\*" must be a name, \.suffix, address or network/,
  );
});

test('scripts see the proxy by the names that programs know, and what their operator has set stays', () => {
  const parts = {
    PROXY_HOST: 'proxy',
    PROXY_PORT: '3128',
    PROXY_USER: 'u',
    PROXY_PASSWORD: 'p@1',
    NO_PROXY: 'a',
  };
  const address = 'http://u:p%401@proxy:3128';
  const seen = read(parts).secrets.environment;
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'])
    assert.equal(seen[name], address, name);
  assert.equal(seen.NO_PROXY, 'a');
  assert.ok(!('no_proxy' in seen) && !('PROXY_PASSWORD' in seen));
  const own = read({ ...parts, https_proxy: 'http://other:1' }).secrets.environment;
  assert.deepEqual(
    [own.https_proxy, own.HTTPS_PROXY, own.http_proxy],
    ['http://other:1', undefined, address],
  );
  assert.equal(read({ LEGATE_NO_PROXY: 'b', PROXY_HOST: 'proxy' }).secrets.environment.no_proxy, 'b');
});
