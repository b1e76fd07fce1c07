// The original's request for a target host, to a host with that address: an OpenSSH server in a network of its own.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { isRoot } from './harness/sshd.ts';

const journey = fileURLToPath(new URL('harness/first-gen-host.ts', import.meta.url));
const own = 'ip link set lo up && ip addr add 10.0.0.17/32 dev lo && exec "$@"';

test('the request for a target host runs as it is, its script on that host', {
  skip: isRoot ? false : 'only root can make a network of its own',
}, async () => {
  const { stdout } = await execa('unshare', [
    ...['--net', 'bash', '-c', own, 'journey'],
    ...[process.execPath, journey],
  ]);
  const { created, fetched, runs, hasLoggedIn } = JSON.parse(stdout.split('\n').at(-1) ?? '');
  assert.match(created, /^\{"data":\{"createSecretManager":\{"secretManager":\{"id":"[^"]+"\}\}\}\}$/);
  assert.deepEqual(JSON.parse(fetched), { data: { legate: { fetch: { value: 'got the path' } } } });
  assert.equal(hasLoggedIn, true);
  // Once for the manager's test, once for the secret's, once for the fetch.
  const parameters = 'the engineName/the path/the key in /xxxx/xxxxxxx\n';
  assert.equal(runs, `xxxx/xxxx/xxxx in /xxxx/xxxxxxx\n${parameters.repeat(2)}`);
});
