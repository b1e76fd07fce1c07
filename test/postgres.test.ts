// The whole route with the store in a Postgres: what is saved is there after a kill, values are encrypted there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { startPostgres } from './harness/postgres.ts';
import { startWorld } from './harness/world.ts';

const documents = [
  {
    secret: {
      name: 'token',
      identifier: 'token',
      type: 'SecretText',
      spec: { valueType: 'Inline', value: 'hunter2' },
    },
  },
  {
    template: {
      name: 'tpl',
      identifier: 'tpl',
      versionLabel: '1',
      type: 'SecretManager',
      spec: {
        shell: 'Bash',
        source: { type: 'Inline', spec: { script: 'secret="got <+secrets.getValue("account.token")>"' } },
      },
    },
  },
  {
    connector: {
      name: 'conn',
      identifier: 'conn',
      type: 'CustomSecretManager',
      spec: { template: { templateRef: 'account.tpl', versionLabel: '1' } },
    },
  },
  {
    secret: {
      name: 'db',
      identifier: 'db',
      type: 'SecretText',
      spec: {
        secretManagerIdentifier: 'account.conn',
        valueType: 'CustomSecretManagerValues',
        value: '',
      },
    },
  },
];

test('a control plane on a Postgres serves, is killed, and goes on with everything that it had said was saved', async () => {
  await using postgres = await startPostgres();
  const databaseUrl = postgres.url('postgres');
  await using world = await startWorld({ databaseUrl });
  await world.connectedAgent();
  const legate = async (...args: string[]) => {
    const { code, out, err } = await world.legate(args);
    assert.equal(code, 0, err);
    return out.toString();
  };
  const input = documents.map(item => JSON.stringify(item)).join('\n---\n');
  const applied = await world.legate(['apply', '-f', '-'], { input });
  assert.equal(applied.code, 0, applied.err);
  assert.equal(await legate('secret', 'get', 'account.db'), 'got hunter2');

  await world.restartServer('SIGKILL');
  assert.match(await legate('server', 'key', 'rotate'), /2 rewrapped/);
  assert.equal(await legate('secret', 'get', 'account.db', '--wait', '30s'), 'got hunter2');
  assert.match(await legate('audit', 'verify'), /records are right/);
  const dumped = execFileSync('psql', [
    databaseUrl,
    '-Atc',
    'select * from encrypted_values, secrets, audit',
  ]);
  assert.ok(dumped.length > 1_000 && !dumped.includes('hunter2'));
});
