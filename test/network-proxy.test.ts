// Delegates behind real proxies: through them, with and without a login, and past them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type CertificateAuthority, certificateAuthority } from './harness/certificates.ts';
import { type ForwardProxy, freePort, squid, tinyproxy } from './harness/forward-proxies.ts';
import { type TemporaryFolder, temporaryFolder } from './harness/temporary-folder.ts';
import { becomesTrue, startWorld, type World } from './harness/world.ts';

const password = 'p@ss:w%rd/of the proxy';
const login = { user: 'edge', password: 'pass-of-the-proxy' };
const cannot = 'cannot connect to the control plane';

describe('with TLS', () => {
  let folder: TemporaryFolder;
  let ca: CertificateAuthority;
  let world: World;
  let open: ForwardProxy;
  let closed: ForwardProxy;

  before(async () => {
    folder = temporaryFolder();
    ca = certificateAuthority(folder.path, 'ca');
    const { certificate, key } = ca.issue('server');
    open = await tinyproxy();
    closed = await tinyproxy({ login });
    world = await startWorld({
      args: ['--tls-cert', certificate, '--tls-key', key],
      cliEnv: { LEGATE_CA_FILE: ca.file, HTTPS_PROXY: `http://127.0.0.1:${open.port}` },
    });
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    await open[Symbol.asyncDispose]();
    await closed[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const through = (proxy: ForwardProxy, more: Readonly<Record<string, string>> = {}) => ({
    LEGATE_CA_FILE: ca.file,
    PROXY_HOST: '127.0.0.1',
    PROXY_PORT: String(proxy.port),
    ...more,
  });

  test('a delegate works through tinyproxy, and so does the command line', async () => {
    const before = open.tunnels().length;
    const agent = await world.connectedAgent({ name: 'through', tags: 'through', env: through(open) });
    assert.ok(open.tunnels().length > before, 'the proxy has made the tunnel');
    const { secret } = await world.script('secret=through', { selectors: ['through'] });
    const commands = open.tunnels().length;
    assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'through');
    assert.ok(open.tunnels().length > commands, 'the command line has gone through it, too');
    await agent.stop();
  });

  test('a proxy that asks for a login gets it, and what is wrong with one is told without it', async () => {
    const bare = await world.agent({ name: 'bare', env: through(closed) });
    const { problem: asked } = await bare.said(cannot);
    const where = `the proxy http://127.0.0.1:${closed.port} (PROXY_HOST)`;
    assert.equal(asked, `${where} asks for a login (407): set PROXY_USER and PROXY_PASSWORD`);
    await bare.stop();
    const env = through(closed, { PROXY_USER: login.user, PROXY_PASSWORD: 'wrong-password' });
    const wrong = await world.agent({ name: 'wrong', env });
    const { problem: refused } = await wrong.said(cannot);
    assert.equal(refused, `${where} does not accept the login (401): check PROXY_USER and PROXY_PASSWORD`);
    await wrong.stop();
    const good = await world.connectedAgent({
      name: 'login',
      env: through(closed, { PROXY_USER: login.user, PROXY_PASSWORD: login.password }),
    });
    await good.stop();
    for (const text of [
      login.password,
      'wrong-password',
      Buffer.from(`edge:${login.password}`).toString('base64'),
    ])
      assert.ok(!world.output().includes(text), 'no password is in any output');
  });

  test('squid takes a login with any characters, over TLS from a CA of our own as well', async () => {
    const own = { user: 'us er', password };
    await using plain = await squid({ login: own });
    const url = `http://us%20er:${encodeURIComponent(password)}@127.0.0.1:${plain.port}`;
    const agent = await world.connectedAgent({
      name: 'squid',
      env: { LEGATE_CA_FILE: ca.file, HTTPS_PROXY: url },
    });
    await agent.stop();
    // It tells of a tunnel when that has ended.
    await becomesTrue(() =>
      plain.tunnels().some(line => /TCP_TUNNEL\/200 .* CONNECT 127\.0\.0\.1/.test(line)),
    );

    await using secure = await squid({ login: own, tls: ca.issue('proxy') });
    const parts = { PROXY_SCHEME: 'https', PROXY_USER: own.user, PROXY_PASSWORD: password };
    const other = await world.connectedAgent({ name: 'secure', env: through(secure, parts) });
    await other.stop();
    await becomesTrue(() =>
      secure.tunnels().some(line => /TCP_TUNNEL\/200 .* CONNECT 127\.0\.0\.1/.test(line)),
    );
    for (const text of [password, encodeURIComponent(password)]) assert.ok(!world.output().includes(text));
  });

  test('a proxy that does not let it through is told in words', async () => {
    await using strict = await squid({ onlyPort: 1 });
    const agent = await world.agent({ name: 'refused', env: through(strict) });
    const { problem } = await agent.said(cannot);
    const target = new URL(world.url).host;
    assert.equal(
      problem,
      `the proxy http://127.0.0.1:${strict.port} (PROXY_HOST) does not allow ${target} (403): have it allowed, or add the host to NO_PROXY`,
    );
    await agent.stop();
    const port = await freePort();
    const lost = await world.agent({
      name: 'lost',
      env: { HTTPS_PROXY: `http://u:hidden-pass@127.0.0.1:${port}` },
    });
    const { problem: unreachable } = await lost.said(cannot);
    assert.match(
      String(unreachable),
      /^cannot get through the proxy http:\/\/127\.0\.0\.1:\d+ \(HTTPS_PROXY\): connect ECONNREFUSED .*; is it there\?$/,
    );
    assert.ok(!world.output().includes('hidden-pass'));
    await lost.stop();
  });

  test('what NO_PROXY names, or all with PROXY_MANAGER=false, is reached directly', async () => {
    const port = await freePort();
    // Nobody listens there: whoever goes through it does not arrive.
    const nowhere = { LEGATE_CA_FILE: ca.file, PROXY_HOST: '127.0.0.1', PROXY_PORT: String(port) };
    const here = new URL(world.url).port;
    for (const [name, more] of [
      ['cidr', { NO_PROXY: '10.0.0.0/8,127.0.0.0/8' }],
      ['port', { NO_PROXY: `other.example:443 127.0.0.1:${here}` }],
      ['all', { no_proxy: '*' }],
      ['manager', { PROXY_MANAGER: 'false' }],
    ] as const) {
      const agent = await world.connectedAgent({ name, env: { ...nowhere, ...more } });
      await agent.stop();
    }
    const url = `https://localhost:${here}`;
    const suffix = await world.connectedAgent({
      name: 'suffix',
      url,
      env: { ...nowhere, NO_PROXY: '.localhost' },
    });
    await suffix.stop();
    const other = await world.agent({
      name: 'other',
      env: { ...nowhere, NO_PROXY: `127.0.0.1:1,10.0.0.0/8` },
    });
    await other.said(cannot);
    await other.stop();
  });

  test('scripts go through the same proxy, and find the same CAs', async () => {
    const env = through(closed, {
      PROXY_USER: login.user,
      PROXY_PASSWORD: login.password,
      NO_PROXY: 'a.example',
    });
    const agent = await world.connectedAgent({ name: 'scripts', tags: 'scripts', env });
    const before = closed.tunnels().length;
    const script = [
      `[ "$NO_PROXY" = a.example ] && [ -z "\${PROXY_PASSWORD-}" ] || exit 3`,
      `secret=$(curl -fsS --max-time 20 ${world.url}/livez)`,
    ].join('\n');
    const { secret } = await world.script(script, { selectors: ['scripts'] });
    const fetched = await world.legate(['secret', 'get', secret]);
    assert.equal(fetched.out.toString(), '{"status":"ok"}', fetched.err);
    assert.ok(closed.tunnels().length > before, 'curl has gone through the proxy');
    const { secret: talkative } = await world.script('echo "by $https_proxy" >&2; exit 3', {
      selectors: ['scripts'],
    });
    const { err } = await world.legate(['secret', 'get', talkative]);
    assert.match(err, /by http:\/\/edge:/);
    assert.ok(!err.includes(login.password), 'what a script says of the proxy is redacted');
    await agent.stop();
  });
});

test('a control plane without TLS is reached by CONNECT as well', async () => {
  await using world = await startWorld();
  await using proxy = await squid({ login });
  const parts = { PROXY_HOST: '127.0.0.1', PROXY_PORT: String(proxy.port) };
  await world.connectedAgent({ env: { ...parts, PROXY_USER: login.user, PROXY_PASSWORD: login.password } });
  const { secret } = await world.script('secret=plain');
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'plain');
  const general = { HTTP_PROXY: `http://${login.user}:${login.password}@127.0.0.1:${proxy.port}` };
  await world.connectedAgent({ name: 'general', env: general });
});
