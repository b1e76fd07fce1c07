/** Certificates, of users and of hosts, by the system's ssh. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { failureOf, runOn, testHosts } from '../../test/harness/ssh-hosts.ts';
import { type HostKeyType, makeKey, publicKeyOf, startSshd } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';

const never = new AbortController().signal;
const folders = () => readdirSync(tmpdir()).filter(name => name.startsWith('legate-ssh-'));

/** An authority, and a key with a certificate of it. */
function authority(type: HostKeyType = 'ed25519', user = 'root', validity = '+1h') {
  const folder = temporaryFolder();
  makeKey(folder.file('ca'), 'ed25519');
  makeKey(folder.file('key'), type);
  const sign = ['-q', '-s', folder.file('ca'), '-I', 'test', '-n', user, '-V', validity];
  execFileSync('ssh-keygen', [...sign, folder.file('key.pub')]);
  const read = (name: string) => readFileSync(folder.file(name), 'utf8');
  return {
    folder,
    config: `TrustedUserCAKeys ${folder.file('ca.pub')}`,
    credential: { kind: 'key', privateKey: read('key'), certificate: read('key-cert.pub') } as const,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('a certificate of the user', () => {
  for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
    test(`with a key of type ${type} runs commands, and leaves nothing behind`, async () => {
      const before = folders();
      await using probe = await startSshd();
      using ca = authority(type, probe.user);
      await using server = await startSshd({ config: [ca.config, 'MaxSessions 2'] });
      {
        await using hosts = testHosts();
        const target = server.target({ credential: ca.credential });
        const { stdout, stderr, exit, steps } = await runOn(hosts, target, {
          command: 'cat; echo err >&2; exit 3',
          input: 'in',
        });
        assert.deepEqual([stdout, stderr, exit], ['in', 'err\n', { exitCode: 3 }]);
        assert.match(steps.at(-1) ?? '', /^host: authenticated as .* with publickey, by the system's ssh$/);
        const many = await Promise.all(Array.from({ length: 10 }, () => runOn(hosts, target)));
        assert.ok(many.every(run => run.stdout === 'hello\n'));
        assert.match(server.log(), /Accepted publickey .*-CERT/);
      }
      assert.deepEqual(folders(), before);
    });
  }

  test('that has run out is refused, with a hint', async () => {
    await using probe = await startSshd();
    using ca = authority('ed25519', probe.user, '-2h:-1h');
    await using server = await startSshd({ config: [ca.config] });
    await using hosts = testHosts();
    const { reason, message } = await failureOf(hosts, server.target({ credential: ca.credential }));
    assert.equal(reason, 'host-authentication-failed');
    assert.match(message, /the host offers publickey.*see that the certificate is valid now/);
  });

  test('does not keep from checking the host key', async () => {
    await using probe = await startSshd();
    using ca = authority('ed25519', probe.user);
    await using server = await startSshd({ config: [ca.config] });
    await using hosts = testHosts();
    const { credential } = ca;
    assert.equal(
      (await failureOf(hosts, server.target({ credential, hostKeys: [] }))).reason,
      'host-key-unknown',
    );
    const wrong = server.target({ credential, hostKeys: [`SHA256:${'A'.repeat(43)}`] });
    assert.equal((await failureOf(hosts, wrong)).reason, 'host-key-mismatch');
    assert.ok(!server.log().includes('Accepted'));
  });

  test('goes through jump hosts, which may want one, too', async () => {
    await using probe = await startSshd();
    using ca = authority('ed25519', probe.user);
    await using jump = await startSshd({ config: [ca.config] });
    await using server = await startSshd({ config: [ca.config] });
    await using hosts = testHosts();
    const { credential } = ca;
    for (const jumps of [[jump.target()], [jump.target({ credential })]])
      assert.equal((await runOn(hosts, server.target({ credential, jumps }))).stdout, 'hello\n');
  });

  test('of an ssh-agent is found there', async () => {
    await using probe = await startSshd();
    using ca = authority('ed25519', probe.user);
    await using server = await startSshd({ config: [ca.config] });
    const socket = ca.folder.file('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise(resolve => agent.once('close', resolve));
    try {
      await new Promise(resolve => agent.stdout.once('data', resolve));
      const env = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync('ssh-add', ['-q', ca.folder.file('key')], { env, stdio: 'ignore' });
      await using hosts = testHosts({ agent: socket });
      const target = server.target({ credential: { kind: 'delegate', name: 'agent' } });
      assert.equal((await runOn(hosts, target)).stdout, 'hello\n');
    } finally {
      agent.kill();
      await ended;
    }
  });

  test('whose connection breaks is told as lost, and replaced', async () => {
    await using probe = await startSshd();
    using ca = authority('ed25519', probe.user);
    await using server = await startSshd({ config: [ca.config] });
    await using hosts = testHosts();
    const target = server.target({ credential: ca.credential });
    const lease = await hosts.lease(target, { remainingMs: 20_000, signal: never });
    const { stdout, stderr, exit } = await lease.start('echo begun; exec sleep 1000');
    stderr.resume();
    await new Promise(resolve => stdout.once('data', resolve));
    server.killSessions();
    assert.ok('lost' in (await exit));
    lease.release();
    assert.equal((await runOn(hosts, target)).stdout, 'hello\n');
  });
});

describe('a certificate of the host', () => {
  /** A server whose key an authority has signed for these names. */
  async function certified(names: string) {
    const folder = temporaryFolder();
    makeKey(folder.file('ca'), 'ed25519');
    makeKey(folder.file('host'), 'ed25519');
    const sign = ['-q', '-h', '-s', folder.file('ca'), '-I', 'host', '-n', names, '-V', '+1h'];
    execFileSync('ssh-keygen', [...sign, folder.file('host.pub')]);
    const config = [`HostKey ${folder.file('host')}`, `HostCertificate ${folder.file('host-cert.pub')}`];
    const server = await startSshd({ config, hostKeys: [] });
    const knownHosts = folder.file('known');
    writeFileSync(knownHosts, `@cert-authority *.example ${publicKeyOf(folder.file('ca.pub'))}\n`);
    return {
      server,
      knownHosts,
      [Symbol.asyncDispose]: () => server.stop().then(() => folder[Symbol.dispose]()),
    };
  }
  const resolve = async () => [{ address: '127.0.0.1', family: 4 } as const];

  test('counts where its authority is listed, for keys without a certificate, too', async () => {
    await using host = await certified('db.example');
    await using hosts = testHosts({ knownHosts: host.knownHosts }, { resolve });
    const { stdout, steps } = await runOn(hosts, host.server.target({ host: 'db.example', hostKeys: [] }));
    assert.equal(stdout, 'hello\n');
    assert.ok(steps.some(line => line.startsWith('host: host key certified by an authority that')));
  });

  test('counts at the port that its authority is listed for, and nothing that is listed for another', async () => {
    await using host = await certified('db.example');
    const target = host.server.target({ host: 'db.example', hostKeys: [] });
    const there = `[db.example]:${host.server.port}`;
    const authority = readFileSync(host.knownHosts, 'utf8').split(' ').slice(2).join(' ');
    writeFileSync(host.knownHosts, `@cert-authority ${there} ${authority}`);
    await using hosts = testHosts({ knownHosts: host.knownHosts }, { resolve });
    assert.equal((await runOn(hosts, target)).stdout, 'hello\n');

    using folder = temporaryFolder();
    makeKey(folder.file('other'), 'ed25519');
    const lines = [
      `@cert-authority ${there} ${publicKeyOf(folder.file('other.pub'))}`,
      `@cert-authority db.example ${authority}`,
    ];
    writeFileSync(host.knownHosts, lines.join('\n'));
    await using others = testHosts({ knownHosts: host.knownHosts }, { resolve });
    assert.equal((await failureOf(others, target)).reason, 'host-key-unknown');
  });

  test('for another name does not', async () => {
    await using host = await certified('web.example');
    await using hosts = testHosts({ knownHosts: host.knownHosts }, { resolve });
    const { reason } = await failureOf(hosts, host.server.target({ host: 'db.example', hostKeys: [] }));
    assert.equal(reason, 'host-key-unknown');
    assert.ok(!host.server.log().includes('Accepted'));
  });

  test('is of no use for a login with a password, which is told', async () => {
    await using host = await certified('db.example');
    await using hosts = testHosts({ knownHosts: host.knownHosts }, { resolve });
    const credential = { kind: 'password', password: 'hunter2' } as const;
    const { reason, message } = await failureOf(
      hosts,
      host.server.target({ host: 'db.example', hostKeys: [], credential }),
    );
    assert.equal(reason, 'host-key-unknown');
    assert.match(message, /lists only a certificate authority/);
  });
});

test('a machine without the program ssh is told so, and nothing else breaks', async () => {
  await using server = await startSshd();
  using ca = authority();
  await using hosts = testHosts();
  const { PATH } = process.env;
  try {
    process.env.PATH = '/nonexistent';
    const { reason, message } = await failureOf(hosts, server.target({ credential: ca.credential }));
    assert.equal(reason, 'internal');
    assert.match(message, /the program ssh, which is not on its PATH/);
  } finally {
    process.env.PATH = PATH;
  }
});
