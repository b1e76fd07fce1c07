/** Connections are kept, shared, adapted to their host, replaced and closed: on real servers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { faultProxy } from '../../test/harness/fault-proxy.ts';
import { failureOf, runOn, testHosts } from '../../test/harness/ssh-hosts.ts';
import { type Sshd, startSshd } from '../../test/harness/sshd.ts';

const logins = (server: Sshd) => server.log().match(/Accepted publickey/g)?.length ?? 0;
const never = new AbortController().signal;

/** So many runs at once, each of which must succeed. */
async function crowd(hosts: Parameters<typeof runOn>[0], server: Sshd, count: number, command = 'cat') {
  const target = server.target();
  const runs = await Promise.all(
    Array.from({ length: count }, (_, at) => runOn(hosts, target, { command, input: `input ${at}` })),
  );
  for (const [at, { stdout, exit }] of runs.entries())
    assert.deepEqual([stdout, exit], [`input ${at}`, { exitCode: 0 }]);
}

describe('50 tasks at once succeed on a host', () => {
  for (const [maxSessions, config] of [
    [10, []],
    [2, ['MaxSessions 2']],
    [1, ['MaxSessions 1']],
    [10, ['MaxStartups 2']],
  ] as const) {
    test(`with MaxSessions ${maxSessions}${config[0]?.startsWith('MaxStartups') ? ' and MaxStartups 2' : ''}`, async () => {
      await using server = await startSshd({ config });
      await using hosts = testHosts({ maxSessions: 10 });
      await crowd(hosts, server, 50);
      // What was learnt is no hindrance later.
      await crowd(hosts, server, 50, 'cat; sleep 0.01');
      assert.ok(logins(server) <= 4, `${logins(server)} connections`);
    });
  }
});

test('one connection serves one task after the other', async () => {
  await using server = await startSshd();
  await using hosts = testHosts();
  for (let at = 0; at < 30; at += 1) await runOn(hosts, server.target());
  assert.equal(logins(server), 1);
});

test('who comes later is told what was achieved before', async () => {
  await using server = await startSshd();
  await using hosts = testHosts();
  const first = await runOn(hosts, server.target());
  const second = await runOn(hosts, server.target());
  assert.deepEqual(second.steps, first.steps);
  assert.equal(first.steps.length, 3);
});

test('connections are shared by nobody who names another user, credential, key policy or way', async () => {
  await using server = await startSshd();
  await using hosts = testHosts({ maxConnections: 10 });
  const credential = { kind: 'keyPath', path: server.keyFile } as const;
  const pins = [...server.fingerprints, `SHA256:${'A'.repeat(43)}`];
  const targets = [
    server.target(),
    server.target({ credential }),
    server.target({ hostKeys: pins }),
    server.target({ legacyAlgorithms: true }),
    server.target({ jumps: [server.target()] }),
  ];
  for (const target of targets) await runOn(hosts, target);
  for (const target of targets) await runOn(hosts, target);
  // The way through a jump host is one more.
  assert.equal(logins(server), targets.length + 1);
});

test('a host gets no more connections than the limit, whoever logs in', async () => {
  await using server = await startSshd();
  await using hosts = testHosts({ maxConnections: 1 });
  const credential = { kind: 'keyPath', path: server.keyFile } as const;
  const targets = [server.target(), server.target({ credential })];
  const runs = await Promise.all([...targets, ...targets].map(target => runOn(hosts, target)));
  assert.ok(runs.every(({ stdout }) => stdout === 'hello\n'));
  assert.ok(logins(server) >= 2);
});

describe('a connection is closed', () => {
  test('when nobody has used it for the idle time', async () => {
    await using server = await startSshd();
    const clock = new FakeClock();
    await using hosts = testHosts({ idleMs: 60_000 }, { clock });
    await runOn(hosts, server.target());
    await server.logged('Accepted publickey');
    await clock.advance(59_999);
    await runOn(hosts, server.target());
    assert.equal(logins(server), 1, 'using it begins the time anew');
    await clock.advance(59_999);
    assert.ok(!server.log().includes('disconnect'));
    await clock.advance(1);
    await server.logged(/Connection closed by|Disconnected from|Connection reset/);
    await runOn(hosts, server.target());
    assert.equal(logins(server), 2);
  });

  test('when it is too old, but not under a task', async () => {
    await using server = await startSshd();
    const clock = new FakeClock();
    await using hosts = testHosts({ idleMs: 10_000_000, maxAgeMs: 3_600_000 }, { clock });
    const lease = await hosts.lease(server.target(), { remainingMs: 100_000_000, signal: never });
    const { stdin, stdout, exit } = await lease.start('cat');
    stdout.resume();
    await clock.advance(3_600_000);
    await runOn(hosts, server.target());
    assert.equal(logins(server), 2);
    stdin.end();
    assert.deepEqual(await exit, { exitCode: 0 });
    lease.release();
    await server.logged(/Connection closed by|Disconnected from|Connection reset/);
  });

  test('when its credential is forgotten, as soon as nothing runs on it', async () => {
    await using server = await startSshd();
    await using hosts = testHosts();
    const target = server.target();
    const lease = await hosts.lease(target, { remainingMs: 20_000, signal: never });
    const { stdin, stdout, exit } = await lease.start('cat');
    stdout.resume();
    hosts.forget({ kind: 'password', password: 'another' });
    hosts.forget(target.credential);
    await runOn(hosts, target);
    assert.equal(logins(server), 2, 'nobody else gets it');
    stdin.end();
    assert.deepEqual(await exit, { exitCode: 0 });
    lease.release();
    await server.logged(/Connection closed by|Disconnected from|Connection reset/);
    hosts.forget(target.credential);
    await runOn(hosts, target);
    assert.equal(logins(server), 3);
  });

  test('with all the others, when the delegate stops', async () => {
    await using server = await startSshd();
    const clock = new FakeClock();
    const hosts = testHosts({}, { clock });
    await runOn(hosts, server.target());
    const lease = await hosts.lease(server.target(), { remainingMs: 20_000, signal: never });
    const { exit } = await lease.start('cat');
    await hosts.close();
    assert.ok('lost' in (await exit));
    lease.release();
    await assert.rejects(hosts.lease(server.target(), { remainingMs: 1_000, signal: never }), /stopping/);
    await clock.advance(0);
    clock.assertNoTimers();
  });
});

describe('a connection that broke', () => {
  test('while nobody used it is replaced before the next task notices', async () => {
    await using server = await startSshd();
    await using hosts = testHosts();
    await runOn(hosts, server.target());
    for (let round = 0; round < 3; round += 1) {
      server.killSessions();
      assert.equal((await runOn(hosts, server.target())).stdout, 'hello\n');
    }
  });

  test('under a running command is told as lost, and the next task gets another one', async () => {
    await using server = await startSshd();
    await using proxy = await faultProxy(server.port);
    await using hosts = testHosts();
    const target = server.target({ port: proxy.port });
    const lease = await hosts.lease(target, { remainingMs: 20_000, signal: never });
    const { stdout, exit } = await lease.start('echo begun; exec sleep 1000');
    await new Promise(resolve => stdout.once('data', resolve));
    proxy.cut();
    const end = await exit;
    assert.ok('lost' in end && end.lost !== '');
    lease.release();
    assert.equal((await runOn(hosts, target)).stdout, 'hello\n');
    assert.equal(proxy.connections(), 2);
  });

  test('without a word is noticed when it is used, and replaced', async () => {
    await using server = await startSshd();
    await using proxy = await faultProxy(server.port);
    await using hosts = testHosts({}, { limits: { channelPatienceMs: 300 } });
    const target = server.target({ port: proxy.port });
    await runOn(hosts, target);
    proxy.freeze();
    assert.equal((await runOn(hosts, target)).stdout, 'hello\n');
    assert.equal(proxy.connections(), 2);
  });

  test('without a word under a running command is noticed by keepalives', async () => {
    await using server = await startSshd();
    await using proxy = await faultProxy(server.port);
    await using hosts = testHosts({}, { keepaliveMs: 50 });
    const lease = await hosts.lease(server.target({ port: proxy.port }), {
      remainingMs: 20_000,
      signal: never,
    });
    const { stdout, exit } = await lease.start('echo begun; exec sleep 1000');
    await new Promise(resolve => stdout.once('data', resolve));
    proxy.freeze();
    assert.deepEqual(await exit, { lost: 'the connection broke: Keepalive timeout' });
    lease.release();
  });
});

describe('who waits', () => {
  test('can be called off, and then the connection is not made for anybody', async () => {
    await using server = await startSshd();
    await using proxy = await faultProxy(server.port);
    proxy.freezeNew(true);
    await using hosts = testHosts();
    const calling = new AbortController();
    const waiting = hosts.lease(server.target({ port: proxy.port }), {
      remainingMs: 20_000,
      signal: calling.signal,
    });
    const reason = new Error('called off');
    setImmediate(() => calling.abort(reason));
    await assert.rejects(waiting, reason);
    await hosts.close();
    assert.equal(logins(server), 0);
  });

  test('for a channel longer than there is time for is told so', async () => {
    await using server = await startSshd();
    const clock = new FakeClock();
    await using hosts = testHosts({ maxSessions: 1, maxConnections: 1 }, { clock });
    const lease = await hosts.lease(server.target(), { remainingMs: 1_000_000, signal: never });
    const late = failureOf(hosts, server.target(), { remainingMs: 5_000 });
    await clock.advance(5_000);
    const { reason, message } = await late;
    assert.equal(reason, 'host-channel-refused');
    assert.equal(message, 'timed out while waiting for a free channel');
    lease.release();
  });
});

test('a host that never gives a channel is told from one that is busy', async () => {
  await using server = await startSshd({ config: ['MaxSessions 0'] });
  await using hosts = testHosts({}, { limits: { refusalMs: 200 } });
  const { reason, message } = await failureOf(hosts, server.target());
  assert.equal(reason, 'host-channel-refused');
  assert.match(message, /^the host gave no channel: open failed; see its MaxSessions$/);
});

test('a lease runs one command after the other, and giving it back ends what runs', async () => {
  await using server = await startSshd();
  await using hosts = testHosts();
  const lease = await hosts.lease(server.target(), { remainingMs: 20_000, signal: never });
  for (const code of [3, 4]) {
    const { stdout, stderr, exit } = await lease.start(`exit ${code}`);
    stdout.resume();
    stderr.resume();
    assert.deepEqual(await exit, { exitCode: code });
  }
  const { exit } = await lease.start('exec cat');
  lease.release();
  lease.release();
  assert.deepEqual(await exit, { lost: 'the delegate closed the channel' });
  await assert.rejects(lease.start('true'), /given back/);
});

test('1,000 tasks leave no socket and no timer behind', async () => {
  await using server = await startSshd();
  const count = (name: string) => process.getActiveResourcesInfo().filter(kind => kind === name).length;
  const before = count('TCPSocketWrap');
  const hosts = testHosts();
  const target = server.target();
  for (let round = 0; round < 40; round += 1) {
    await Promise.all(Array.from({ length: 25 }, () => runOn(hosts, target, { command: 'true' })));
  }
  assert.ok(logins(server) <= 4);
  await hosts.close();
  // What a destroyed socket leaves goes with the next turns of the event loop.
  for (let turns = 0; turns < 100; turns += 1) await new Promise(resolve => setImmediate(resolve));
  assert.ok(count('TCPSocketWrap') <= before);
});

test('a command that starts in the moment in which its task is called off does not stay on the host', async () => {
  await using server = await startSshd({ config: ['MaxSessions 1'] });
  await using hosts = testHosts({ maxConnections: 1 });
  const calling = new AbortController();
  const lease = await hosts.lease(server.target(), { remainingMs: 10_000, signal: calling.signal });
  const starting = lease.start('cat');
  calling.abort(new Error('called off'));
  await assert.rejects(starting, /called off/);
  lease.release();
  assert.equal((await runOn(hosts, server.target())).stdout, 'hello\n');
  assert.equal(logins(server), 1);
});
