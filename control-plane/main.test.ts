import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import test from 'node:test';
import { emptyDatabase } from '../test/harness/database.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { ConfigError, type ServerConfig } from './config.ts';
import { startServer } from './main.ts';
import { openDatabase } from './store/database.ts';

const config = (dataFolder: string, port = 0, databaseUrl?: string): ServerConfig => ({
  host: '127.0.0.1',
  port,
  dataFolder,
  databaseUrl,
  keyRing: { ring: undefined, file: undefined, command: undefined },
  auditFile: undefined,
  admissionRate: 400,
  heartbeatMs: 10_000,
  graphqlExplorer: false,
  rateLimit: { perKey: 0, perAddress: 0 },
  metricsListen: undefined,
  openTelemetry: {},
  syntheticIntervalMs: 0,
  logLevel: 'silent',
});

async function refusal(starting: ServerConfig): Promise<string> {
  try {
    await (await startServer(starting)).close();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return assert.fail('it started');
}

test("the first start makes a private folder and the administrator's key, which later starts keep", async () => {
  using folder = temporaryFolder();
  const data = folder.file('data');
  const first = await startServer(config(data));
  const key = readFileSync(`${data}/admin.key`, 'utf8');
  assert.match(key, /^lgk_[A-Za-z0-9_-]{43}\n$/);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  assert.equal(statSync(`${data}/admin.key`).mode & 0o777, 0o600);
  const headers = { 'x-api-key': key.trim() };
  assert.equal((await fetch(`${first.url}/api/v1/secrets`, { headers })).status, 200);
  assert.equal((await fetch(`${first.url}/readyz`)).status, 200);
  await first.close();

  const second = await startServer(config(data));
  assert.equal(readFileSync(`${data}/admin.key`, 'utf8'), key);
  assert.equal((await fetch(`${second.url}/api/v1/secrets`, { headers })).status, 200);
  await second.close();
});

test('a key file that others could read is theirs no longer', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('admin.key'), '');
  chmodSync(folder.file('admin.key'), 0o644);
  await (await startServer(config(folder.path))).close();
  assert.equal(statSync(folder.file('admin.key')).mode & 0o777, 0o600);
});

test('a folder that cannot be used is one clear line', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('file'), 'x');
  assert.equal(
    await refusal(config(folder.file('file'))),
    `--data: cannot use the folder ${folder.file('file')} (EEXIST)`,
  );
  writeFileSync(folder.file('legate.db'), 'this is no database, whatever its name says'.repeat(50));
  assert.equal(
    await refusal(config(folder.path)),
    `--data: cannot use the folder ${folder.path} (ERR_SQLITE_ERROR)`,
  );
});

test('a store that a newer version wrote is one clear line, and is left as it is', async () => {
  using folder = temporaryFolder();
  await (await startServer(config(folder.path))).close();
  const database = openDatabase(folder.file('legate.db'));
  await database.insertInto('migrations').values({ number: 99, applied_at: 'later' }).execute();
  await database.destroy();
  assert.equal(
    await refusal(config(folder.path)),
    `--data: cannot use the folder ${folder.path}: the store was written by a newer version of Legate; start that version`,
  );
});

test('a Postgres holds the store, and the data folder only the key', async () => {
  using folder = temporaryFolder();
  await using postgres = await emptyDatabase('postgres');
  for (const _start of ['first', 'second']) {
    const server = await startServer(config(folder.path, 0, postgres.target));
    const headers = { 'x-api-key': readFileSync(folder.file('admin.key'), 'utf8').trim() };
    assert.equal((await fetch(`${server.url}/api/v1/secrets`, { headers })).status, 200);
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
    await server.close();
  }
  assert.equal(existsSync(folder.file('legate.db')), false);
});

test('a Postgres that cannot be used is one clear line, without the password', async () => {
  using folder = temporaryFolder();
  assert.equal(
    await refusal(config(folder.path, 0, 'postgres://user:hunter2@127.0.0.1:1/legate')),
    '--database-url: cannot use the store (ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1)',
  );
  await using postgres = await emptyDatabase('postgres');
  assert.equal(
    await refusal(config(folder.path, 0, postgres.target.replace(/test_[0-9]+/, 'absent'))),
    '--database-url: cannot use the store (3D000: database "absent" does not exist)',
  );
});

test('a port that is taken is one clear line', async () => {
  using folder = temporaryFolder();
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  assert.equal(
    await refusal(config(folder.path, port)),
    `--listen: cannot listen on 127.0.0.1:${port} (EADDRINUSE)`,
  );
  other.close();
});
