// Certificates on both sides of a connection, swapped while it lasts.
import assert from 'node:assert/strict';
import { copyFile, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { execa } from 'execa';
import {
  type CertificateAuthority,
  certificateAuthority,
  type IssuedCertificate,
  placeCertificate,
} from './harness/certificates.ts';
import { temporaryFolder } from './harness/temporary-folder.ts';
import { becomesTrue, startWorld, type World } from './harness/world.ts';

async function tlsWorld(
  ca: CertificateAuthority,
  own: { certificate: string; key: string },
  ...args: string[]
) {
  return await startWorld({
    args: ['--tls-cert', own.certificate, '--tls-key', own.key, ...args],
    cliEnv: { LEGATE_CA_FILE: ca.file },
  });
}

/** The name in the certificate that a server shows. */
function shownBy(world: World, ca: CertificateAuthority): Promise<string> {
  const { port } = new URL(world.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), ca: ca.pem }, () => {
      resolve(String(socket.getPeerX509Certificate()?.subject));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

interface Listed {
  readonly name: string;
  readonly clientCertificate?: { readonly subject: string; readonly problem?: string };
}

async function delegates(world: World): Promise<Listed[]> {
  return JSON.parse((await world.legate(['get', 'delegates', '-o', 'json'])).out.toString());
}

const connections = (lines: readonly Readonly<Record<string, unknown>>[]) =>
  lines.filter(({ msg }) => msg === 'connected to the control plane').length;

test('a certificate that is swapped on the server is shown to the next ones, and ends no connection', async () => {
  using folder = temporaryFolder();
  const ca = certificateAuthority(folder.path, 'ca');
  const own = await placeCertificate(folder.path, 'server', ca.issue('first'));
  await using world = await tlsWorld(ca, own);
  assert.match(world.url, /^https:/);
  const agent = await world.connectedAgent({ env: { LEGATE_CA_FILE: ca.file } });
  const { secret } = await world.script('secret=over-tls');
  const fetched = async () => (await world.legate(['secret', 'get', secret])).out.toString();
  assert.equal(await fetched(), 'over-tls');

  await own.put(ca.issue('second'));
  await world.server.said('the new TLS files are in use');
  assert.equal(await shownBy(world, ca), 'CN=second');
  assert.equal(await fetched(), 'over-tls');
  await world.connectedAgent({ name: 'another', env: { LEGATE_CA_FILE: ca.file } });

  await writeFile(own.certificate, 'no certificate');
  const told = await world.server.said('the new TLS files cannot be used; those of before stay in use');
  assert.match(String(told.problem), /^--tls-cert: .*server\.crt does not begin with a certificate/);
  assert.equal(await shownBy(world, ca), 'CN=second');
  assert.equal(connections(agent.lines()), 1);
});

test('a mounted secret is noticed: its files are links, and all of them change at once', async () => {
  using folder = temporaryFolder();
  const ca = certificateAuthority(folder.path, 'ca');
  const mount = join(folder.path, 'mount');
  await mkdir(mount);
  const put = async (version: string, { certificate, key }: IssuedCertificate) => {
    await mkdir(join(mount, version));
    await copyFile(certificate, join(mount, version, 'tls.crt'));
    await copyFile(key, join(mount, version, 'tls.key'));
    await symlink(version, join(mount, '..data.new'));
    await rename(join(mount, '..data.new'), join(mount, '..data'));
  };
  await put('..1', ca.issue('first'));
  for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(mount, name));
  await using world = await tlsWorld(ca, {
    certificate: join(mount, 'tls.crt'),
    key: join(mount, 'tls.key'),
  });
  assert.equal(await shownBy(world, ca), 'CN=first');
  await put('..2', ca.issue('second', { days: 3 }));
  await world.server.said('the TLS certificate of this server (--tls-cert) ends soon: renew it');
  assert.equal(await shownBy(world, ca), 'CN=second');
});

test('delegates need a client certificate where the server says so, and nobody else does', async () => {
  using folder = temporaryFolder();
  const ca = certificateAuthority(folder.path, 'ca');
  const clients = certificateAuthority(folder.path, 'clients');
  const strangers = certificateAuthority(folder.path, 'strangers');
  const own = ca.issue('server');
  const auth = ['--tls-client-ca', clients.file, '--tls-client-auth', 'required'];
  await using world = await tlsWorld(ca, own, ...auth);
  const variables = (issued: IssuedCertificate | undefined) => ({
    LEGATE_CA_FILE: ca.file,
    ...(issued ? { LEGATE_CLIENT_CERT: issued.certificate, LEGATE_CLIENT_KEY: issued.key } : {}),
  });
  for (const [name, issued, reason] of [
    ['none', undefined, 'a client certificate is required, and none was shown'],
    [
      'expired',
      clients.issue('expired', { expired: true }),
      'the client certificate that was shown does not count: it has expired',
    ],
    [
      'stranger',
      strangers.issue('stranger'),
      'the client certificate that was shown does not count: its CA is not among those of --tls-client-ca',
    ],
  ] as const) {
    const agent = await world.agent({ name, env: variables(issued) });
    const told = await agent.said(
      'the control plane refused the connection: set LEGATE_CLIENT_CERT and LEGATE_CLIENT_KEY to a certificate that has not ended, from a CA in its --tls-client-ca',
    );
    assert.equal(told.reason, reason);
    await world.server.said('delegate refused', { code: 4420, reason });
    await agent.stop();
  }
  await world.connectedAgent({ name: 'good', env: variables(clients.issue('good')) });
  // The command line and a probe have none.
  const items = await delegates(world);
  assert.deepEqual(
    items.map(item => [item.name, item.clientCertificate?.subject]),
    [['good', 'CN=good']],
  );
});

test('before certificates are required, the list of delegates says who has none that counts', async () => {
  using folder = temporaryFolder();
  const ca = certificateAuthority(folder.path, 'ca');
  const clients = certificateAuthority(folder.path, 'clients');
  await using world = await tlsWorld(ca, ca.issue('server'), '--tls-client-ca', clients.file);
  const good = clients.issue('good');
  const expired = clients.issue('old', { expired: true });
  const trusting = { LEGATE_CA_FILE: ca.file };
  const shown = ({ certificate, key }: IssuedCertificate) => ({
    LEGATE_CLIENT_CERT: certificate,
    LEGATE_CLIENT_KEY: key,
  });
  await world.connectedAgent({ name: 'bare', env: trusting });
  await world.connectedAgent({ name: 'good', env: { ...trusting, ...shown(good) } });
  const old = await world.connectedAgent({ name: 'old', env: { ...trusting, ...shown(expired) } });
  assert.match(old.output(), /the client certificate has ended at /);
  const items = await delegates(world);
  const seen = items.map((item): [string, string] => [
    item.name,
    item.clientCertificate ? (item.clientCertificate.problem ?? 'counts') : 'none',
  ]);
  assert.deepEqual(
    new Map(seen),
    new Map([
      ['bare', 'none'],
      ['good', 'counts'],
      ['old', 'it has expired'],
    ]),
  );
  for (const problem of ['none was shown', 'it has expired'])
    await world.server.said('delegate has no client certificate that counts; "required" would refuse it', {
      problem,
    });
});

/** A delegate that is connected with a client certificate, which is required. */
async function withClientCertificate(folder: string) {
  const ca = certificateAuthority(folder, 'ca');
  const clients = certificateAuthority(folder, 'clients');
  const auth = ['--tls-client-ca', clients.file, '--tls-client-auth', 'required'];
  const world = await tlsWorld(ca, ca.issue('server'), ...auth);
  const client = await placeCertificate(folder, 'client', clients.issue('first'));
  const shown = { LEGATE_CLIENT_CERT: client.certificate, LEGATE_CLIENT_KEY: client.key };
  const agent = await world.connectedAgent({ env: { LEGATE_CA_FILE: ca.file, ...shown } });
  return { world, clients, client, agent, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

test('a client certificate that changes is tried, and shown from the next connection on', async () => {
  using folder = temporaryFolder();
  await using scene = await withClientCertificate(folder.path);
  const { world, clients, client, agent } = scene;
  await client.put(clients.issue('second'));
  await agent.said('the changed certificates are good; the next connection uses them');
  assert.equal(connections(agent.lines()), 1);
  await world.restartServer('SIGTERM');
  await world.server.said('delegate connected');
  assert.equal((await delegates(world))[0]?.clientCertificate?.subject, 'CN=second');
});

test('a changed client certificate that is refused ends no connection, and keeps no delegate out', async () => {
  using folder = temporaryFolder();
  await using scene = await withClientCertificate(folder.path);
  const { world, client, agent } = scene;
  const { secret } = await world.script('secret=still-here');
  await client.put(certificateAuthority(folder.path, 'strangers').issue('wrong'));
  const told = await agent.said('a connection with the changed certificates is not possible');
  assert.match(String(told.problem), /code 4420, the client certificate that was shown does not count/);
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'still-here');
  // The one of before is still known, so that not even the end of the connection is one of the delegate.
  await world.restartServer('SIGTERM');
  await world.server.said('delegate connected');
  await becomesTrue(() => connections(agent.lines()) === 2);
});

test('CAs rotate on both sides without a restart of the delegate, and its scripts follow', async () => {
  using folder = temporaryFolder();
  const older = certificateAuthority(folder.path, 'older');
  const newer = certificateAuthority(folder.path, 'newer');
  const own = await placeCertificate(folder.path, 'server', older.issue('first'));
  const trusted = join(folder.path, 'trusted');
  await mkdir(trusted);
  await copyFile(older.file, join(trusted, 'older.pem'));
  const both = join(folder.path, 'both.pem');
  await writeFile(both, older.pem + newer.pem);
  await using world = await tlsWorld({ ...older, file: both }, own);
  const agent = await world.connectedAgent({ env: { LEGATE_CA_DIR: trusted } });
  const { secret } = await world.script(`secret=$(curl -fsS --max-time 20 ${world.url}/livez)`);
  const fetched = async () => await world.legate(['secret', 'get', secret]);
  assert.equal((await fetched()).out.toString(), '{"status":"ok"}');

  await own.put(newer.issue('second'));
  await world.server.said('the new TLS files are in use');
  const refused = await fetched();
  assert.equal(refused.code, 1);
  assert.match(refused.err, /certificate/);
  await copyFile(newer.file, join(trusted, 'newer.pem'));
  await agent.said('the changed certificates are good; the next connection uses them');
  assert.equal((await fetched()).out.toString(), '{"status":"ok"}');
  assert.equal(connections(agent.lines()), 1);
});

test('a server that is not trusted is named in words by the delegate, its check and the command line', async () => {
  using folder = temporaryFolder();
  const ca = certificateAuthority(folder.path, 'ca');
  const other = certificateAuthority(folder.path, 'other');
  await using world = await tlsWorld(ca, ca.issue('server'));
  const agent = await world.agent({ env: { LEGATE_CA_FILE: other.file } });
  const { problem } = await agent.said('cannot connect to the control plane');
  assert.match(String(problem), /not from a CA that this delegate trusts: .*LEGATE_CA_FILE/);
  // Node ends the connection without a word to the server; others say why.
  await execa('curl', ['--cacert', other.file, '--max-time', '20', world.url], { reject: false });
  const said = await world.server.said('a TLS handshake failed');
  assert.match(String(said.problem), /does not trust the CA of this server's certificate/);
  const check = await world.agent({ args: ['--check'], env: { LEGATE_CA_FILE: other.file } });
  assert.equal((await check.ended).code, 1);
  assert.match(check.output(), /FAIL {2}control plane: .* not from a CA that this delegate trusts/);
  const good = await world.agent({ args: ['--check'], env: { LEGATE_CA_FILE: ca.file } });
  assert.equal((await good.ended).code, 0, good.output());
});
