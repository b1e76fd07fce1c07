/** How the program itself ends, as a process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('main.ts', import.meta.url));

/** Runs a command; with `deaf`, whoever should read its output is gone. */
async function legate(args: readonly string[], env: Record<string, string> = {}, deaf = false) {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  if (deaf) child.stdout.destroy();
  const [code] = await once(child, 'close');
  return { code: Number(code), out, err };
}

const key = { LEGATE_API_KEY: 'key' };

test('a usage error is one line and exit code 2', async () => {
  assert.deepEqual(await legate(['get', 'pipelines'], key), {
    code: 2,
    out: '',
    err: 'legate: get: <kind> must be one of templates, connectors, secrets, applications, delegates (got "pipelines")\n',
  });
});

test('output that nobody reads any more is no reason for a stack trace', async () => {
  const server = createServer((_, response) => response.end('{"items":[]}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const env = { ...key, LEGATE_SERVER: `http://127.0.0.1:${port}` };
  assert.deepEqual(await legate(['get', 'secrets'], env, true), { code: 1, out: '', err: '' });
  server.close();
  server.closeAllConnections();
});

test('output that cannot be written is told in one line', async () => {
  const server = createServer((_, response) => response.end('{"items":[]}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const full = openSync('/dev/full', 'w');
  const env = { ...key, LEGATE_SERVER: `http://127.0.0.1:${port}` };
  const child = spawn(process.execPath, [program, 'get', 'secrets'], {
    env,
    stdio: ['ignore', full, 'pipe'],
  });
  let err = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = await once(child, 'close');
  assert.deepEqual([code, err], [1, 'legate: cannot write the output (ENOSPC)\n']);
  closeSync(full);
  server.close();
  server.closeAllConnections();
});
