/** Logins with whatever there is, and what is told of those that fail. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import ssh2, { type AuthContext } from 'ssh2';
import { startDropbear, startTinysshd } from '../../test/harness/other-sshds.ts';
import { failureOf, runOn, temporaryUser, testHosts } from '../../test/harness/ssh-hosts.ts';
import { fingerprintOf, isRoot, makeKey, publicKeyOf, startSshd } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { authentication } from './authenticate.ts';
import { openLogin } from './credentials.ts';

const rootOnly = isRoot ? {} : { skip: 'only root can make users' };

describe('a key', () => {
  for (const [type, bits] of [
    ['ed25519'],
    ['ecdsa', '256'],
    ['ecdsa', '384'],
    ['ecdsa', '521'],
    ['rsa', '2048'],
  ] as const) {
    test(`${type} ${bits ?? ''} logs in, locked or not, sealed or as a file of the delegate`, async () => {
      await using server = await startSshd();
      using folder = temporaryFolder();
      const path = folder.file('key');
      makeKey(path, type, ...(bits ? ['-b', bits] : []));
      writeFileSync(server.file('authorized_keys'), readFileSync(`${path}.pub`));
      await using hosts = testHosts({ keys: folder.path });
      const text = readFileSync(path, 'utf8');
      execFileSync('ssh-keygen', ['-q', '-p', '-a', '2', '-N', 'open sesame', '-f', path]);
      const locked = readFileSync(path, 'utf8');
      for (const credential of [
        { kind: 'key', privateKey: text },
        { kind: 'key', privateKey: locked, passphrase: 'open sesame' },
        { kind: 'keyPath', path, passphrase: 'open sesame' },
      ] as const) {
        const { stdout, steps } = await runOn(hosts, server.target({ credential }));
        assert.equal(stdout, 'hello\n');
        assert.equal(steps.at(-1), `host: authenticated as ${server.user} with publickey`);
      }
      writeFileSync(path, text);
      assert.equal(
        (await runOn(hosts, server.target({ credential: { kind: 'delegate', name: 'key' } }))).stdout,
        'hello\n',
      );
    });
  }

  test('that the host does not know is refused, with what was tried and what is offered', async () => {
    await using server = await startSshd();
    using folder = temporaryFolder();
    makeKey(folder.file('key'), 'ed25519');
    await using hosts = testHosts();
    const credential = { kind: 'key', privateKey: readFileSync(folder.file('key'), 'utf8') } as const;
    const { reason, message } = await failureOf(hosts, server.target({ credential }));
    assert.equal(reason, 'host-authentication-failed');
    assert.match(
      message,
      new RegExp(`^the host refused the login of ${server.user}: tried publickey; the host offers publickey`),
    );
  });

  test('that is not enough by itself is told so', async () => {
    await using server = await startSshd({
      config: ['AuthenticationMethods publickey,password', 'PasswordAuthentication yes'],
    });
    await using hosts = testHosts();
    const { reason, message } = await failureOf(hosts, server.target());
    assert.equal(reason, 'host-authentication-failed');
    assert.match(message, /offers password; it accepted that, but wants another method as well/);
  });

  test('of RSA never signs with SHA-1, unless the target asks for older algorithms', () => {
    using folder = temporaryFolder();
    makeKey(folder.file('key'), 'rsa', '-b', '2048');
    const credential = { kind: 'key', privateKey: readFileSync(folder.file('key'), 'utf8') } as const;
    const login = openLogin(credential, { keys: undefined, agent: undefined });
    const signed = (legacy: boolean, hash?: string) => {
      const { handler, explain } = authentication('deploy', login, legacy);
      const method = handler(null, null);
      assert.ok(
        method && method.type === 'publickey' && typeof method.key === 'object' && 'sign' in method.key,
      );
      try {
        return String(method.key.sign('data', hash).length);
      } catch {
        return explain();
      }
    };
    // Without a hash is what ssh2 asks for when a host says nothing of better ones.
    for (const hash of [undefined, 'sha1']) {
      assert.equal(
        signed(false, hash),
        'tried publickey; it takes RSA keys with SHA-1 only, which is not safe any more',
      );
      assert.equal(signed(true, hash), '256');
    }
    for (const hash of ['sha256', 'sha512']) assert.equal(signed(false, hash), '256');
  });
});

test('a user who does not exist is refused like one whose key is wrong', async () => {
  await using server = await startSshd();
  await using hosts = testHosts();
  const { reason } = await failureOf(hosts, server.target({ user: 'nobody.here' }));
  assert.equal(reason, 'host-authentication-failed');
});

describe('a password', () => {
  test('logs in, and a wrong one is tried once', rootOnly, async () => {
    using user = temporaryUser();
    await using server = await startSshd({
      user: user.name,
      config: ['PasswordAuthentication yes', 'KbdInteractiveAuthentication no'],
    });
    await using hosts = testHosts();
    const { steps } = await runOn(
      hosts,
      server.target({ credential: { kind: 'password', password: user.password } }),
    );
    assert.equal(steps.at(-1), `host: authenticated as ${user.name} with password`);
    const { reason, message } = await failureOf(
      hosts,
      server.target({ credential: { kind: 'password', password: 'hunter2' } }),
    );
    assert.equal(reason, 'host-authentication-failed');
    assert.match(message, /: tried password; the host offers publickey, password$/);
    assert.ok(!message.includes('hunter2'));
    assert.equal(server.log().match(/Failed password/g)?.length, 1);
  });

  test('answers the question of a host that asks for it by keyboard-interactive', rootOnly, async () => {
    using user = temporaryUser();
    await using server = await startSshd({
      user: user.name,
      config: ['PasswordAuthentication no', 'KbdInteractiveAuthentication yes', 'UsePAM yes'],
    });
    await using hosts = testHosts();
    const { steps } = await runOn(
      hosts,
      server.target({ credential: { kind: 'password', password: user.password } }),
    );
    assert.equal(steps.at(-1), `host: authenticated as ${user.name} with keyboard-interactive`);
  });

  for (const [what, prompts, note] of [
    ['one hidden question', [{ prompt: 'Password: ', echo: false }], undefined],
    [
      'a question that is shown',
      [{ prompt: 'Favourite colour: ', echo: true }],
      'it asked something else than a password',
    ],
    [
      'two questions',
      [
        { prompt: 'Password: ', echo: false },
        { prompt: 'Code: ', echo: false },
      ],
      'it asked something else than a password',
    ],
  ] as const) {
    test(`is ${note ? 'kept from' : 'given to'} a host with ${what}`, async () => {
      const answers: string[] = [];
      await using server = await scriptedServer(context => {
        if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
        context.prompt([...prompts], given => {
          answers.push(...given);
          if (given[0] === 'hunter2') context.accept();
          else context.reject(['keyboard-interactive']);
        });
      });
      await using hosts = testHosts();
      const { target } = server;
      if (!note) return assert.equal((await runOn(hosts, target)).stdout, 'hello\n');
      const { reason, message } = await failureOf(hosts, target);
      assert.equal(reason, 'host-authentication-failed');
      assert.equal(
        message,
        `the host refused the login of deploy: tried password, keyboard-interactive; the host offers keyboard-interactive; ${note}`,
      );
      assert.ok(!answers.includes('hunter2'));
    });
  }
});

/** A server in this process, which runs nothing but says hello. */
async function scriptedServer(authenticate: (context: AuthContext) => void) {
  using folder = temporaryFolder();
  makeKey(folder.file('key'), 'ed25519');
  const server = new ssh2.Server({ hostKeys: [readFileSync(folder.file('key'))] }, client => {
    client.on('error', () => {});
    client.on('authentication', authenticate);
    client.on('session', accept => {
      accept().on('exec', start => {
        const channel = start();
        channel.write('hello\n');
        channel.exit(0);
        channel.end();
      });
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  return {
    target: {
      host: '127.0.0.1',
      port: address.port,
      user: 'deploy',
      credential: { kind: 'password', password: 'hunter2' },
      hostKeys: [fingerprintOf(publicKeyOf(folder.file('key.pub')))],
      jumps: [],
    } as const,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => server.close(() => resolve())),
  };
}

test('an ssh-agent of the delegate logs in, and one that cannot is told from a refusal', async () => {
  await using server = await startSshd();
  using folder = temporaryFolder();
  const socket = folder.file('agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise(resolve => agent.once('close', resolve));
  try {
    await new Promise(resolve => agent.stdout.once('data', resolve));
    const credential = { kind: 'delegate', name: 'agent' } as const;
    await using hosts = testHosts({ agent: socket });
    assert.match(
      (await failureOf(hosts, server.target({ credential }))).message,
      /the ssh-agent holds no key/,
    );
    execFileSync('ssh-add', ['-q', server.keyFile], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
      stdio: 'ignore',
    });
    assert.equal((await runOn(hosts, server.target({ credential }))).stdout, 'hello\n');
    await using without = testHosts({ agent: folder.file('gone') });
    const { reason, message } = await failureOf(without, server.target({ credential }));
    assert.equal(reason, 'host-authentication-failed');
    assert.match(message, /gone/);
  } finally {
    agent.kill();
    await ended;
  }
});

test('a key that others can read is not used', async () => {
  await using server = await startSshd();
  await using hosts = testHosts();
  chmodSync(server.keyFile, 0o644);
  const { message } = await failureOf(
    hosts,
    server.target({ credential: { kind: 'keyPath', path: server.keyFile } }),
  );
  assert.match(message, /can be read by others/);
});

describe('other servers', rootOnly, () => {
  test('dropbear runs commands, with each type of host key and user key', async () => {
    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
      using user = temporaryUser();
      using folder = temporaryFolder();
      makeKey(folder.file('key'), type);
      user.authorize(publicKeyOf(folder.file('key.pub')));
      await using server = await startDropbear(type);
      await using hosts = testHosts();
      const credential = { kind: 'key', privateKey: readFileSync(folder.file('key'), 'utf8') } as const;
      const target = {
        host: '127.0.0.1',
        port: server.port,
        user: user.name,
        credential,
        hostKeys: [server.fingerprint],
        jumps: [],
      };
      const { stdout, stderr, exit } = await runOn(hosts, target, {
        command: 'cat; echo err >&2; exit 3',
        input: 'in',
      });
      assert.deepEqual([stdout, stderr, exit], ['in', 'err\n', { exitCode: 3 }]);
      const many = await Promise.all(Array.from({ length: 20 }, () => runOn(hosts, target)));
      assert.deepEqual(
        many.filter(run => run.stdout !== 'hello\n'),
        [],
      );
    }
  });

  test('tinysshd runs commands', async () => {
    using user = temporaryUser();
    using folder = temporaryFolder();
    makeKey(folder.file('key'), 'ed25519');
    user.authorize(publicKeyOf(folder.file('key.pub')));
    await using server = await startTinysshd();
    await using hosts = testHosts();
    const credential = { kind: 'key', privateKey: readFileSync(folder.file('key'), 'utf8') } as const;
    const target = {
      host: '127.0.0.1',
      port: server.port,
      user: user.name,
      credential,
      hostKeys: [server.fingerprint],
      jumps: [],
    };
    const { stdout, stderr, exit } = await runOn(hosts, target, {
      command: 'cat; echo err >&2; exit 3',
      input: 'in',
    });
    assert.deepEqual([stdout, stderr, exit], ['in', 'err\n', { exitCode: 3 }]);
    const many = await Promise.all(Array.from({ length: 10 }, () => runOn(hosts, target)));
    assert.deepEqual(
      many.filter(run => run.stdout !== 'hello\n'),
      [],
    );
  });
});
