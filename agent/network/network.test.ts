import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { certificateAuthority, type IssueOptions } from '../../test/harness/certificates.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { type TemporaryFolder, temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { openSocket } from '../connection.ts';
import { SettingsError } from '../setting-values.ts';
import { createNetwork, type NetworkOptions } from './network.ts';
import type { NetworkSettings } from './settings.ts';

const nothing: NetworkSettings = {
  caFile: undefined,
  caFolder: undefined,
  scriptCa: undefined,
  clientCertificate: undefined,
  clientKey: undefined,
  proxy: undefined,
  proxyControlPlane: true,
  noProxy: [],
};

let folder: TemporaryFolder;
let ca: ReturnType<typeof certificateAuthority>;
let other: typeof ca;
before(() => {
  folder = temporaryFolder();
  ca = certificateAuthority(folder.path, 'ca');
  other = certificateAuthority(folder.path, 'other');
});
after(() => folder[Symbol.dispose]());

/** A network with these settings, and what it warned of. */
function networkWith(settings: Partial<NetworkSettings>, options: Partial<NetworkOptions> = {}) {
  const warnings: string[] = [];
  const network = createNetwork({
    settings: { ...nothing, ...settings },
    environment: {},
    workRoot: folder.path,
    warn: message => warnings.push(message),
    mounted: [],
    ...options,
  });
  return { network, warnings, [Symbol.dispose]: () => network.close() };
}

const certificatesIn = (path: string | undefined) =>
  readFileSync(path ?? '', 'utf8').match(/BEGIN CERTIFICATE/g)?.length ?? 0;

/** A server that lets anybody in who gets through the handshake. */
async function listen(issued: IssueOptions & { from?: typeof ca }) {
  const { certificate, key } = (issued.from ?? ca).issue('server', issued);
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) });
  const sockets = new WebSocketServer({ server });
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  return {
    url: new URL(`wss://localhost:${typeof address === 'object' && address ? address.port : 0}`),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

async function problemWith(url: URL, settings: Partial<NetworkSettings>): Promise<string> {
  using made = networkWith(settings);
  const { signal } = new AbortController();
  const opened = await openSocket({ url, token: 'token', network: made.network, signal });
  if ('problem' in opened) return opened.problem;
  opened.socket.terminate();
  return 'none';
}

describe('what is wrong with a server is told in words', () => {
  test('a CA that is unknown here', async () => {
    await using server = await listen({});
    assert.equal(await problemWith(server.url, { caFile: ca.file }), 'none');
    const unknown =
      /^the server's certificate is not from a CA that this delegate trusts: put .* into LEGATE_CA_FILE or LEGATE_CA_DIR \([A-Z_]+\)$/;
    assert.match(await problemWith(server.url, { caFile: other.file }), unknown);
    assert.match(await problemWith(server.url, {}), unknown);
  });

  test('a certificate that has expired', async () => {
    await using server = await listen({ expired: true });
    assert.match(
      await problemWith(server.url, { caFile: ca.file }),
      /^the server's certificate, or one of its CAs, has expired: .* \(CERT_HAS_EXPIRED\)$/,
    );
  });

  test('a certificate for other names', async () => {
    await using server = await listen({ names: 'DNS:a.example,DNS:b.example' });
    assert.equal(
      await problemWith(server.url, { caFile: ca.file }),
      "the server's certificate is for a.example, b.example, not for localhost: is LEGATE_URL right? (ERR_TLS_CERT_ALTNAME_INVALID)",
    );
  });

  test('no TLS at all', async () => {
    const server = createTcpServer(socket => {
      socket.on('error', () => {}).resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await new Promise(resolve => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const problem = await problemWith(new URL(`wss://127.0.0.1:${port}`), {});
    await new Promise(resolve => server.close(resolve));
    assert.match(
      problem,
      /^what answers there does not speak TLS: is it http instead of https in LEGATE_URL/,
    );
  });
});

test('a proxy that never answers is given up, at once where the agent stops', async () => {
  const server = createTcpServer(socket => socket.on('error', () => {}).resume());
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const proxy = { scheme: 'http', host: '127.0.0.1', port, from: 'PROXY_HOST' } as const;
  using made = networkWith({ proxy });
  const accepted = new Promise(resolve => server.once('connection', resolve));
  const url = new URL('wss://legate.example');
  const opening = openSocket({
    url,
    token: 't',
    network: made.network,
    signal: new AbortController().signal,
  });
  await accepted;
  made.network.close();
  const opened = await opening;
  assert.ok('problem' in opened);
  assert.match(
    opened.problem,
    /^cannot get through the proxy http:\/\/127\.0\.0\.1:\d+ \(PROXY_HOST\): it was called off/,
  );
  await new Promise(resolve => server.close(resolve));
});

describe('the bundle of scripts', () => {
  test('holds what their programs trusted before, and every certificate of the settings once', () => {
    const home = folder.file('authorities');
    mkdirSync(home);
    writeFileSync(join(home, 'a.pem'), `# ours\n${ca.pem}${other.pem}`);
    copyFileSync(ca.file, join(home, 'the-same.crt'));
    // A key that somebody has put there is nobody else's business.
    const { key } = ca.issue('somebody');
    copyFileSync(key, join(home, 'somebody.key'));
    mkdirSync(join(home, '..data'));
    const usual = certificateAuthority(folder.path, 'usual');
    const environment = { SSL_CERT_FILE: usual.file, CURL_CA_BUNDLE: usual.file };
    using made = networkWith({ caFolder: home }, { environment });
    const { scriptVariables } = made.network;
    const names = [
      'SSL_CERT_FILE',
      'CURL_CA_BUNDLE',
      'GIT_SSL_CAINFO',
      'REQUESTS_CA_BUNDLE',
      'NODE_EXTRA_CA_CERTS',
    ];
    assert.deepEqual(Object.keys(scriptVariables).sort(), names.sort());
    const bundle = scriptVariables.SSL_CERT_FILE;
    assert.equal(new Set(Object.values(scriptVariables)).size, 1);
    assert.equal(certificatesIn(bundle), 3);
    assert.ok(!readFileSync(bundle ?? '', 'utf8').includes('KEY'));
    assert.deepEqual(made.warnings, []);
    made.network.close();
    assert.ok(!existsSync(bundle ?? ''));
  });

  test('holds the usual roots where nothing else was set, and certificates for scripts only', async () => {
    await using server = await listen({});
    using made = networkWith({ scriptCa: ca.file });
    assert.ok(certificatesIn(made.network.scriptVariables.SSL_CERT_FILE) > 50);
    assert.match(
      await problemWith(server.url, { scriptCa: ca.file }),
      /not from a CA that this delegate trusts/,
    );
  });

  test('there is none without certificates of its own', () => {
    using made = networkWith({}, { mounted: [folder.file('nobody-mounted-this')] });
    assert.deepEqual(made.network.scriptVariables, {});
  });

  test('follows the files, also when somebody has cleaned it away', async () => {
    const home = folder.file('followed');
    mkdirSync(home);
    copyFileSync(ca.file, join(home, 'a.pem'));
    const clock = new FakeClock();
    using made = networkWith({}, { mounted: [home], environment: { SSL_CERT_FILE: ca.file } });
    let changes = 0;
    const stop = made.network.watch(clock, () => {
      changes += 1;
    });
    const bundle = made.network.scriptVariables.SSL_CERT_FILE ?? '';
    assert.equal(certificatesIn(bundle), 1);
    copyFileSync(other.file, join(home, 'b.pem'));
    await clock.advance(5_000);
    assert.deepEqual([certificatesIn(bundle), changes], [2, 1]);
    rmSync(join(bundle, '..'), { recursive: true });
    await clock.advance(5_000);
    assert.deepEqual([certificatesIn(bundle), changes], [2, 1]);
    for (const name of ['a.pem', 'b.pem']) writeFileSync(join(home, name), 'cut off');
    await clock.advance(5_000);
    assert.deepEqual([certificatesIn(bundle), changes], [2, 1]);
    assert.match(made.warnings.join('\n'), /none are left in the files; those of before stay trusted/);
    stop();
    clock.assertNoTimers();
  });
});

describe('a file that is named and cannot be used ends the start', () => {
  const refused = (settings: Partial<NetworkSettings>, message: RegExp) =>
    assert.throws(
      () => networkWith(settings),
      error => error instanceof SettingsError && message.test(error.message),
      String(message),
    );

  test('certificates to trust', () => {
    const empty = folder.file('empty.pem');
    writeFileSync(empty, '');
    refused({ caFile: folder.file('nowhere') }, /^LEGATE_CA_FILE: cannot read .*nowhere \(ENOENT\) \(PEM\)$/);
    refused({ caFile: empty }, /^LEGATE_CA_FILE: .*empty\.pem holds no certificate \(PEM\)$/);
    refused({ caFolder: folder.file('nowhere') }, /^LEGATE_CA_DIR: cannot read .*nowhere \(ENOENT\)$/);
    refused({ scriptCa: empty }, /^LEGATE_SCRIPT_CA_FILE: /);
  });

  test('a client certificate', () => {
    const one = ca.issue('one');
    const two = ca.issue('two');
    const pair = (clientCertificate: string, clientKey: string) => ({ clientCertificate, clientKey });
    refused(
      pair(one.certificate, two.key),
      /^LEGATE_CLIENT_KEY: the key in .* is not that of the certificate in /,
    );
    refused(pair(one.key, one.key), /^LEGATE_CLIENT_CERT: .* does not begin with a certificate \(PEM\)$/);
    refused(pair(one.certificate, one.certificate), /^LEGATE_CLIENT_KEY: .* does not hold a private key/);
    refused(
      pair(one.certificate, folder.file('no-key')),
      /^LEGATE_CLIENT_KEY: cannot read .*no-key \(ENOENT\)$/,
    );
  });
});

test('a pair whose halves change one after the other is used when it is whole', async () => {
  const [certificate, key] = [folder.file('half.crt'), folder.file('half.key')];
  const put = (issued: { certificate: string; key: string }, part: 'certificate' | 'key') =>
    copyFileSync(issued[part], part === 'key' ? key : certificate);
  const first = ca.issue('first', { days: 5 });
  put(first, 'certificate');
  put(first, 'key');
  const clock = new FakeClock();
  using made = networkWith({ clientCertificate: certificate, clientKey: key });
  assert.match(made.warnings.join('\n'), /^the client certificate ends at .*: renew it$/);
  let changes = 0;
  const stop = made.network.watch(clock, () => {
    changes += 1;
  });
  const ends = made.network.clientCertificateEnds() ?? 0;
  const second = ca.issue('second', { days: 300 });
  put(second, 'certificate');
  await clock.advance(5_000);
  assert.deepEqual([changes, made.network.clientCertificateEnds()], [0, ends]);
  assert.match(
    made.warnings.at(-1) ?? '',
    /is not that of the certificate in .*; the one of before stays in use$/,
  );
  put(second, 'key');
  await clock.advance(5_000);
  assert.equal(changes, 1);
  assert.ok((made.network.clientCertificateEnds() ?? 0) > ends);
  stop();
});
