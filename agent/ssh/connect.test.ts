/** The way to a host: names, addresses, key exchange and jump hosts, and each thing that can go wrong on it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { faultProxy } from '../../test/harness/fault-proxy.ts';
import { failureOf, runOn, testHosts } from '../../test/harness/ssh-hosts.ts';
import { freePort, startSshd } from '../../test/harness/sshd.ts';
import type { Address } from './address.ts';

const loopback: Address = { address: '127.0.0.1', family: 4 };

/** A server that says this and nothing else. */
async function saying(text: string, thenClose: boolean) {
  const sockets = new Set<Socket>();
  const server: Server = createServer(socket => {
    sockets.add(socket.on('error', () => {}));
    if (thenClose) socket.end(text);
    else socket.write(text);
  });
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

describe('a host that cannot be reached is told', () => {
  test('when its name is none', async () => {
    await using server = await startSshd();
    await using hosts = testHosts();
    const { reason, message } = await failureOf(hosts, server.target({ host: 'nowhere.invalid' }));
    assert.equal(reason, 'host-unreachable');
    assert.match(message, /^the delegate could not resolve the name nowhere\.invalid \(/);
  });

  test('when nobody answers for its name in time', async () => {
    await using server = await startSshd();
    await using hosts = testHosts({}, { resolve: () => new Promise(() => {}) });
    const failure = await failureOf(hosts, server.target({ host: 'db.example' }), { remainingMs: 200 });
    assert.equal(failure.message, 'the delegate could not resolve the name db.example (timed out)');
  });

  test('when it refuses the connection', async () => {
    await using server = await startSshd();
    await using hosts = testHosts();
    const port = await freePort();
    const { reason, message } = await failureOf(hosts, server.target({ port }));
    assert.deepEqual([reason, message], ['host-unreachable', `127.0.0.1:${port} refused the connection`]);
  });

  test('when there is no route to it', async () => {
    await using server = await startSshd();
    await using hosts = testHosts();
    const { reason, message } = await failureOf(hosts, server.target({ host: '255.255.255.255' }), {
      remainingMs: 2_000,
    });
    assert.equal(reason, 'host-unreachable');
    assert.match(message, /is unreachable: there is no route|could not be connected to|timed out/);
  });

  test('when it takes the connection and says nothing', async () => {
    await using server = await startSshd();
    await using silent = await saying('', false);
    await using hosts = testHosts();
    const { reason, message } = await failureOf(hosts, server.target({ port: silent.port }), {
      remainingMs: 300,
    });
    assert.deepEqual([reason, message], ['host-unreachable', 'timed out while exchanging keys']);
  });

  test('when it drops the connection, after some more tries', async () => {
    await using server = await startSshd();
    await using dropping = await saying('', true);
    await using hosts = testHosts();
    const steps: string[] = [];
    const { reason, message } = await failureOf(hosts, server.target({ port: dropping.port }), {
      remainingMs: 2_000,
      steps,
    });
    assert.equal(reason, 'host-unreachable');
    assert.match(message, /^the host closed the connection before keys were exchanged/);
    assert.ok(steps.some(line => line.endsWith('trying again')));
  });

  test('when something else than SSH answers there', async () => {
    await using server = await startSshd();
    await using http = await saying('HTTP/1.1 400 Bad Request\r\n\r\n', true);
    await using hosts = testHosts();
    const { reason } = await failureOf(hosts, server.target({ port: http.port }), { remainingMs: 2_000 });
    assert.ok(reason === 'host-unreachable' || reason === 'host-key-exchange-failed', reason);
  });
});

describe('a name', () => {
  test('is resolved once, and what it resolved to is told', async () => {
    await using server = await startSshd();
    const asked: string[] = [];
    const resolve = async (name: string) => {
      asked.push(name);
      return [loopback];
    };
    await using hosts = testHosts({}, { resolve });
    const { steps } = await runOn(hosts, server.target({ host: 'db.example' }));
    assert.deepEqual(asked, ['db.example']);
    assert.equal(steps[0], 'host: db.example resolved to 127.0.0.1');
    assert.match(
      steps[1] ?? '',
      new RegExp(`^host: connected to 127\\.0\\.0\\.1:${server.port} in [0-9]+ ms$`),
    );
    assert.match(steps[2] ?? '', /^host: host key ssh-ed25519 SHA256:/);
    assert.equal(steps[3], `host: authenticated as ${server.user} with publickey`);
  });

  test('with several addresses is tried at each of them', async () => {
    await using server = await startSshd();
    const resolve = async () => [{ address: '127.0.0.2', family: 4 } as const, loopback];
    await using hosts = testHosts({}, { resolve });
    assert.equal((await runOn(hosts, server.target({ host: 'db.example' }))).stdout, 'hello\n');
  });

  test('that resolves to what is denied is not connected to', async () => {
    await using server = await startSshd();
    await using proxy = await faultProxy(server.port);
    for (const [deny, host] of [
      ['loopback', 'db.example'],
      ['loopback', '127.0.0.1'],
      ['db.*', 'db.example'],
      ['127.0.0.0/8', 'db.example'],
    ] as const) {
      await using hosts = testHosts({ deny: [deny] }, { resolve: async () => [loopback] });
      const { reason, message } = await failureOf(hosts, server.target({ host, port: proxy.port }));
      assert.equal(reason, 'rejected-by-delegate');
      assert.ok(message.includes(`LEGATE_SSH_DENY lists "${deny}"`), message);
    }
    await using hosts = testHosts({ allow: ['deploy@*.example'] }, { resolve: async () => [loopback] });
    assert.equal(
      (await failureOf(hosts, server.target({ host: 'db.example', port: proxy.port }))).reason,
      'rejected-by-delegate',
    );
    assert.equal(proxy.connections(), 0);
  });
});

test('what a shell or an option parser could take for more is not even tried', async () => {
  await using server = await startSshd();
  await using hosts = testHosts();
  for (const changes of [
    { host: '-oProxyCommand=touch /tmp/x' },
    { host: 'a\nb' },
    { host: '`id`' },
    { user: '-oProxyCommand=x' },
    { user: 'a\nb' },
    { user: '$(id)' },
    { port: 0 },
  ])
    assert.match(
      (await failureOf(hosts, server.target(changes))).message,
      /^the target's (host|user|port) must be/,
    );
});

describe('algorithms', () => {
  test('that are old are refused, with what the host offers, and taken where the target asks for them', async () => {
    for (const [line, what] of [
      [
        'KexAlgorithms diffie-hellman-group14-sha1',
        /^no matching key exchange algorithm; the host offers diffie-hellman-group14-sha1/,
      ],
      ['Ciphers aes256-cbc', /^no matching .* cipher; the host offers aes256-cbc/],
    ] as const) {
      await using server = await startSshd({ config: [line] });
      await using hosts = testHosts();
      const { reason, message } = await failureOf(hosts, server.target());
      assert.equal(reason, 'host-key-exchange-failed');
      assert.match(message, what);
      assert.equal((await runOn(hosts, server.target({ legacyAlgorithms: true }))).stdout, 'hello\n');
    }
  });

  test('that are modern are enough, each by itself', async () => {
    for (const line of [
      'KexAlgorithms curve25519-sha256',
      'KexAlgorithms diffie-hellman-group16-sha512',
      'KexAlgorithms diffie-hellman-group14-sha256',
      'Ciphers chacha20-poly1305@openssh.com',
      'Ciphers aes128-gcm@openssh.com',
      'Ciphers aes256-ctr',
    ]) {
      await using server = await startSshd({ config: [line] });
      await using hosts = testHosts();
      assert.equal((await runOn(hosts, server.target())).stdout, 'hello\n', line);
    }
  });

  test('are those with which ssh-audit finds no fault', async () => {
    const port = await freePort();
    const audit = spawn('ssh-audit', ['-n', '-c', '-t', '20', '-p', String(port)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    audit.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const ended = new Promise(resolve => audit.once('close', resolve));
    await using server = await startSshd();
    await using hosts = testHosts();
    // It doesn't say when it listens.
    for (let listens = false; !listens && audit.exitCode === null; ) {
      const { message } = await failureOf(hosts, server.target({ port, hostKeys: [] }), {
        remainingMs: 3_000,
      });
      listens = !message.includes('refused');
      if (!listens) await pause(50);
    }
    await ended;
    assert.match(text, /\(kex\) curve25519-sha256/);
    assert.deepEqual(
      text.split('\n').filter(line => line.includes('[fail]')),
      [],
    );
  });

  test('keep strictly to their order, so that nobody can slip in or cut out a message (Terrapin)', async () => {
    await using server = await startSshd();
    await using proxy = await faultProxy(server.port);
    // SSH_MSG_IGNORE, as it travels before there are keys.
    proxy.inject(Buffer.from([0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    await using hosts = testHosts();
    const { reason, message } = await failureOf(hosts, server.target({ port: proxy.port }));
    assert.equal(reason, 'host-key-exchange-failed');
    assert.match(message, /strict KEX/);
  });
});

describe('jump hosts', () => {
  test('lead to the target, each with its own login, and the story says so', async () => {
    await using first = await startSshd();
    await using second = await startSshd();
    await using server = await startSshd();
    await using hosts = testHosts();
    const target = server.target({ jumps: [first.target(), second.target()] });
    const { stdout, steps } = await runOn(hosts, target);
    assert.equal(stdout, 'hello\n');
    assert.deepEqual(
      steps.map(line => line.replace(/:.*?(connected|host key|authenticated).*/, ' $1')),
      ['jump host 1', 'jump host 2', 'host'].flatMap(hop => [
        `${hop} connected`,
        `${hop} host key`,
        `${hop} authenticated`,
      ]),
    );
    assert.equal(await runOn(hosts, target).then(run => run.stdout), 'hello\n');
    assert.equal(server.log().match(/Accepted publickey/g)?.length, 1);
  });

  test('that fail are named', async () => {
    await using jump = await startSshd();
    await using strict = await startSshd({ config: ['AllowTcpForwarding no'] });
    await using server = await startSshd();
    await using hosts = testHosts();
    const wrongKey = { hostKeys: [`SHA256:${'A'.repeat(43)}`] };
    const port = await freePort();
    const where = `127.0.0.1:${server.port}`;
    for (const [target, reason, message] of [
      [
        server.target({ jumps: [jump.target({ port })] }),
        'host-unreachable',
        `jump host 1 (127.0.0.1:${port}): 127.0.0.1:${port} refused the connection`,
      ],
      [
        server.target({ jumps: [jump.target(wrongKey)] }),
        'host-key-mismatch',
        `jump host 1 (127.0.0.1:${jump.port}): 127.0.0.1:${jump.port} shows`,
      ],
      [
        server.target({ jumps: [jump.target(), strict.target({ user: 'nobody.here' })] }),
        'host-authentication-failed',
        `jump host 2 (127.0.0.1:${strict.port}): the host refused`,
      ],
      [
        server.target({ jumps: [strict.target()] }),
        'host-unreachable',
        `the jump host before it does not forward to ${where}: open failed; see its AllowTcpForwarding`,
      ],
      [
        server.target({ port, jumps: [jump.target()] }),
        'host-unreachable',
        `the jump host before it does not forward to 127.0.0.1:${port}: Connection refused`,
      ],
      [
        server.target({ ...wrongKey, jumps: [jump.target()] }),
        'host-key-mismatch',
        `127.0.0.1:${server.port} shows`,
      ],
    ] as const) {
      const failure = await failureOf(hosts, target);
      assert.equal(failure.reason, reason);
      assert.ok(failure.message.startsWith(message), failure.message);
    }
  });

  test('that go take the connection with them', async () => {
    await using jump = await startSshd();
    await using server = await startSshd();
    await using proxy = await faultProxy(jump.port);
    await using hosts = testHosts();
    const target = server.target({ jumps: [jump.target({ port: proxy.port })] });
    const lease = await hosts.lease(target, { remainingMs: 20_000, signal: new AbortController().signal });
    const { stdout, exit } = await lease.start('echo begun; exec sleep 1000');
    await new Promise(resolve => stdout.once('data', resolve));
    proxy.cut();
    assert.ok('lost' in (await exit));
    lease.release();
    assert.equal((await runOn(hosts, target)).stdout, 'hello\n');
  });
});

test('a value of 1 MiB and a slow network do not change what comes out', async () => {
  await using server = await startSshd();
  await using proxy = await faultProxy(server.port);
  await using hosts = testHosts();
  proxy.delay(20);
  const input = 'x'.repeat(1_048_576);
  const { stdout, exit } = await runOn(hosts, server.target({ port: proxy.port }), { command: 'cat', input });
  assert.ok(stdout === input);
  assert.deepEqual(exit, { exitCode: 0 });
});
