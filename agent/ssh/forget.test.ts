import assert from 'node:assert/strict';
import test from 'node:test';
import { faultProxy } from '../../test/harness/fault-proxy.ts';
import { failureOf, runOn, testHosts } from '../../test/harness/ssh-hosts.ts';
import { startSshd } from '../../test/harness/sshd.ts';

test('a credential that has changed or is gone takes the connections along that were made with it', async () => {
  await using server = await startSshd();
  await using hosts = testHosts();
  const named = (credentialId: string) => server.target({ credentialId });
  const logins = () => server.log().match(/Accepted publickey/g)?.length ?? 0;
  await runOn(hosts, named('login'));
  await runOn(hosts, named('login'));
  assert.equal(logins(), 1);

  hosts.forgetId('another');
  await runOn(hosts, named('login'));
  assert.equal(logins(), 1);

  hosts.forgetId('login');
  await server.logged(/Connection closed by|Disconnected from/);
  await runOn(hosts, named('login'));
  assert.equal(logins(), 2);

  // The same login by another credential: the next task says so, whether anybody has told us or not.
  const replaced = server.target({
    credentialId: 'login',
    credential: { kind: 'keyPath', path: server.keyFile },
  });
  const gone = () => server.log().match(/Connection closed by|Disconnected from/g)?.length ?? 0;
  const before = gone();
  await runOn(hosts, replaced);
  assert.equal(logins(), 3);
  const until = performance.now() + 10_000;
  while (gone() === before && performance.now() < until) await new Promise(next => setTimeout(next, 20));
  assert.equal(gone(), before + 1);
});

test('a credential that is taken back during a login fails it, and says so', async () => {
  await using server = await startSshd();
  await using proxy = await faultProxy(server.port);
  await using hosts = testHosts();
  proxy.freezeNew(true);
  const steps: string[] = [];
  const failing = failureOf(hosts, server.target({ port: proxy.port, credentialId: 'login' }), { steps });
  while (steps.length === 0) await new Promise(next => setImmediate(next));
  hosts.forgetId('login');
  const { reason, message } = await failing;
  assert.equal(reason, 'host-authentication-failed');
  assert.match(message, /was replaced or taken back/);
});
