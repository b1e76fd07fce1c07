// What the images start with, outside of one: the agent's entrypoint, and the health check of both.
// scripts/try-images builds and runs the images themselves.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { certificateAuthority } from './harness/certificates.ts';
import { temporaryFolder } from './harness/temporary-folder.ts';

const path = (name: string) => fileURLToPath(new URL(`../deploy/image/${name}`, import.meta.url));
const token = 'token-of-the-delegate';

interface Started {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The entrypoint, which becomes `env` instead of the agent. */
function start(
  initScript: string | undefined,
  env: Readonly<Record<string, string>> = {},
  command = ['env'],
): Started {
  const run = spawnSync('bash', [path('agent-entrypoint'), ...command], {
    env: {
      PATH: process.env.PATH ?? '',
      LEGATE_TOKEN: token,
      LEGATE_HEALTH_LISTEN: 'off',
      ...(initScript === undefined ? {} : { INIT_SCRIPT: initScript }),
      ...env,
    },
    encoding: 'utf8',
    input: 'what the container is given on standard input\n',
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
}

test('without INIT_SCRIPT, or with an empty one, it becomes the agent and says nothing', () => {
  for (const script of [undefined, '']) {
    const { code, out, err } = start(script);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /LEGATE_TOKEN=token-of-the-delegate/);
  }
});

test('INIT_SCRIPT runs first, without the token and without standard input; the agent does not see its text', () => {
  using folder = temporaryFolder();
  const seen = folder.file('seen');
  const { code, out, err } = start(`env >${seen}; cat >>${seen}; echo said; echo "$$ 'quoted'" # $(NAME)`);
  assert.equal(code, 0, err);
  assert.doesNotMatch(readFileSync(seen, 'utf8'), /token-of|INIT_SCRIPT|standard input/);
  assert.match(out, /^said\n[0-9]+ 'quoted'\n/);
  assert.match(out, /LEGATE_TOKEN=token-of-the-delegate/);
  assert.doesNotMatch(out, /INIT_SCRIPT/);
  assert.match(err, /INIT_SCRIPT succeeded after [0-9]+ seconds\n$/);
});

test('while INIT_SCRIPT runs the container is alive and not ready, and then the port is free for the agent', async () => {
  const listen = `127.0.0.1:${await freePort()}`;
  const ask = (path: string) => `curl -s -o /dev/null -w '%{http_code} ' http://${listen}${path}`;
  const script = `until ${ask('/livez')}; do sleep 0.05; done; ${['/readyz', '/api/health', '/api/ready', '/api/metrics', '/readyz?exclude=capacity'].map(ask).join(';')}`;
  const agent = ['bash', '-c', `${ask('/livez')} || echo free; jobs -p; pgrep -P $$ || true`];
  const { code, out, err } = start(script, { LEGATE_HEALTH_LISTEN: listen }, agent);
  assert.equal(code, 0, err);
  assert.match(out, /^(000 )*200 503 200 503 503 503 000 free\n$/);
});

test('a script that fails, can not be read or takes too long ends the container in words, without its text', () => {
  const cases: [script: string, code: number, says: RegExp, env?: Record<string, string>][] = [
    ['x=private-word; exit 3', 20, /INIT_SCRIPT failed with exit code 3; the agent is not started/],
    ['private-word() { ', 20, /INIT_SCRIPT is not valid bash; the agent is not started/],
    [
      'x=private-word; sleep 60',
      20,
      /ran for more than 1 seconds \(LEGATE_INIT_TIMEOUT\)/,
      { LEGATE_INIT_TIMEOUT: '1' },
    ],
    ['x=private-word', 2, /LEGATE_INIT_TIMEOUT must be a whole number/, { LEGATE_INIT_TIMEOUT: '1m' }],
  ];
  for (const [script, expected, says, env] of cases) {
    const { code, out, err } = start(script, env);
    assert.equal(code, expected, err);
    assert.match(err, says);
    assert.equal(out, '', 'the agent is not started');
    assert.doesNotMatch(err, /private-word|token-of/);
  }
});

test("the text of INIT_SCRIPT is in no process's arguments", () => {
  // Of this run alone: others on this machine may try the same.
  const end = randomBytes(8).toString('hex');
  const look = `cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | grep -c "private[-]${end}" || true # private-${end}`;
  const { out, code } = start(look, {}, ['true']);
  assert.deepEqual([code, out], [0, '0\n']);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

test('the health check says what the process beside it says, wherever it listens', async () => {
  let status = 200;
  const server = createServer((request, response) =>
    response.writeHead(request.url === '/livez' ? status : 404).end('{}'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const check = async (env: Readonly<Record<string, string>>) => {
    const child = spawn(process.execPath, [path('health.mjs')], { env, stdio: 'ignore' });
    const [code]: unknown[] = await once(child, 'exit');
    return code;
  };
  for (const host of ['', '0.0.0.0', '127.0.0.1', '[::]']) {
    assert.equal(await check({ LEGATE_HEALTH_LISTEN: `${host}:${address.port}` }), 0, host);
  }
  assert.equal(await check({ LEGATE_LISTEN: `:${address.port}` }), 0);
  status = 503;
  assert.equal(await check({ LEGATE_HEALTH_LISTEN: `:${address.port}` }), 1);
  server.close();
  await once(server, 'close');
  assert.equal(await check({ LEGATE_HEALTH_LISTEN: `:${address.port}` }), 1);
  assert.equal(await check({ LEGATE_HEALTH_LISTEN: 'off' }), 0);
});

test('the health check of a control plane with TLS asks with TLS, whatever its certificate is for', async () => {
  using folder = temporaryFolder();
  const { certificate, key } = certificateAuthority(folder.path, 'ca').issue('server', {
    names: 'DNS:a.example',
  });
  const files = { cert: readFileSync(certificate), key: readFileSync(key) };
  const server = createSecureServer(files, (_, response) => response.end('{}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const env = { LEGATE_LISTEN: `:${address.port}`, LEGATE_TLS_CERT: certificate };
  const child = spawn(process.execPath, [path('health.mjs')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (said += String(chunk)));
  const [code]: unknown[] = await once(child, 'close');
  assert.deepEqual([code, said], [0, '{}']);
  server.close();
  await once(server, 'close');
});
