/** Host keys are always checked, on servers that show real ones. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { failureOf, runOn, testHosts } from '../../test/harness/ssh-hosts.ts';
import { fingerprintOf, makeKey, publicKeyOf, type Sshd, startSshd } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { printHostKeys } from './scan-host.ts';

const keyStep = (steps: readonly string[]) => steps.find(line => line.includes('host key')) ?? 'none';

/** Another key than the server's. */
function otherKey(folder: { file(name: string): string }, name = 'other'): string {
  makeKey(folder.file(name), 'ed25519');
  return publicKeyOf(folder.file(`${name}.pub`));
}

const where = ({ port }: Sshd) => `127.0.0.1:${port}`;

describe('a key in known_hosts', () => {
  test('lets the delegate in, and the line is told', async () => {
    await using server = await startSshd();
    using folder = temporaryFolder();
    const knownHosts = folder.file('known');
    writeFileSync(knownHosts, `# mine\n${server.knownHosts()}`);
    await using hosts = testHosts({ knownHosts });
    const { stdout, steps } = await runOn(hosts, server.target({ hostKeys: [] }));
    assert.equal(stdout, 'hello\n');
    assert.equal(keyStep(steps), `host: host key ssh-ed25519 ${server.fingerprints[0]} (known_hosts line 2)`);
  });

  test('of a type that the host would not show by itself is asked for', async () => {
    await using server = await startSshd({ hostKeys: ['ed25519', 'rsa', 'ecdsa'] });
    using folder = temporaryFolder();
    const knownHosts = folder.file('known');
    for (const at of [1, 2]) {
      writeFileSync(knownHosts, `[127.0.0.1]:${server.port} ${server.hostKeys[at]}\n`);
      await using hosts = testHosts({ knownHosts });
      const { steps } = await runOn(hosts, server.target({ hostKeys: [] }));
      assert.ok(keyStep(steps).includes(server.fingerprints[at] ?? ''));
    }
  });

  test('that is another one is told, with both fingerprints and the commands that help', async () => {
    await using server = await startSshd();
    using folder = temporaryFolder();
    const knownHosts = folder.file('known');
    const other = otherKey(folder);
    writeFileSync(knownHosts, `[127.0.0.1]:${server.port} ${other}\n`);
    await using hosts = testHosts({ knownHosts });
    const { reason, message } = await failureOf(hosts, server.target({ hostKeys: [] }));
    assert.equal(reason, 'host-key-mismatch');
    for (const part of [
      `${where(server)} shows the host key ssh-ed25519 ${server.fingerprints[0]}`,
      `expects ssh-ed25519 ${fingerprintOf(other)} (line 1)`,
      `ssh-keygen -R '[127.0.0.1]:${server.port}' -f ${knownHosts}`,
      `legate delegate scan-host ${where(server)} >> ${knownHosts}`,
    ])
      assert.ok(message.includes(part), `${part} in ${message}`);
    assert.ok(!server.log().includes('Accepted'), 'nobody has logged in');
    // Doing what it says helps.
    execFileSync('ssh-keygen', ['-R', `[127.0.0.1]:${server.port}`, '-f', knownHosts], { stdio: 'ignore' });
    await printHostKeys(
      where(server),
      line => appendFileSync(knownHosts, `${line}\n`),
      () => {},
    );
    assert.equal((await runOn(hosts, server.target({ hostKeys: [] }))).stdout, 'hello\n');
  });

  test('of another type is a change as well: who has not the known key would come with such a one', async () => {
    await using server = await startSshd({ hostKeys: ['rsa'] });
    using folder = temporaryFolder();
    const knownHosts = folder.file('known');
    writeFileSync(knownHosts, `[127.0.0.1]:${server.port} ${otherKey(folder)}\n`);
    for (const trust of ['strict', 'first-use'] as const) {
      await using hosts = testHosts({ knownHosts, trust });
      assert.equal((await failureOf(hosts, server.target({ hostKeys: [] }))).reason, 'host-key-mismatch');
    }
  });

  test('that is revoked lets nobody in, whatever else says so', async () => {
    await using server = await startSshd();
    using folder = temporaryFolder();
    const knownHosts = folder.file('known');
    writeFileSync(knownHosts, `${server.knownHosts()}@revoked * ${server.hostKeys[0]}\n`);
    for (const trust of ['strict', 'first-use'] as const) {
      await using hosts = testHosts({ knownHosts, trust });
      for (const hostKeys of [[], server.fingerprints]) {
        const { reason, message } = await failureOf(hosts, server.target({ hostKeys }));
        assert.equal(reason, 'host-key-mismatch');
        assert.match(message, /\(line 2\) marks as revoked/);
      }
    }
  });
});

test('a key that nobody has listed is told with its fingerprint and what to do about it', async () => {
  await using server = await startSshd();
  using folder = temporaryFolder();
  const knownHosts = folder.file('known');
  await using hosts = testHosts({ knownHosts });
  const { reason, message } = await failureOf(hosts, server.target({ hostKeys: [] }));
  assert.equal(reason, 'host-key-unknown');
  assert.ok(message.includes(`shows the host key ssh-ed25519 ${server.fingerprints[0]}`));
  assert.ok(message.includes(`"legate delegate scan-host ${where(server)} >> ${knownHosts}"`));
  assert.ok(!existsSync(knownHosts), 'nothing was pinned');
  assert.ok(!server.log().includes('Accepted'), 'nobody has logged in');
  await using without = testHosts();
  assert.match((await failureOf(without, server.target({ hostKeys: [] }))).message, /no LEGATE_KNOWN_HOSTS/);
});

describe('a fingerprint of the connector', () => {
  test('is found among the keys of the host, whichever it shows first', async () => {
    await using server = await startSshd({ hostKeys: ['ed25519', 'rsa', 'ecdsa'] });
    for (const pinned of server.fingerprints) {
      await using hosts = testHosts();
      const { steps } = await runOn(hosts, server.target({ hostKeys: [pinned] }));
      assert.match(keyStep(steps), /\(pinned by the connector\)$/);
      assert.ok(keyStep(steps).includes(pinned));
    }
  });

  test('counts instead of known_hosts, and one that fits no key is a mismatch', async () => {
    await using server = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
    using folder = temporaryFolder();
    const knownHosts = folder.file('known');
    writeFileSync(knownHosts, server.knownHosts());
    await using hosts = testHosts({ knownHosts, trust: 'first-use' });
    const wrong = fingerprintOf(otherKey(folder));
    const { reason, message } = await failureOf(hosts, server.target({ hostKeys: [wrong] }));
    assert.equal(reason, 'host-key-mismatch');
    assert.ok(message.includes(`the connector expects ${wrong}`));
    assert.ok(message.includes(server.fingerprints[0] ?? '-'));
  });
});

describe('trust on first use', () => {
  test('pins the first key, says so, and takes no other one later', async () => {
    await using server = await startSshd();
    using folder = temporaryFolder();
    const knownHosts = folder.file('a/b/known');
    const pinned: unknown[] = [];
    const told = { pinned: (facts: unknown) => void pinned.push(facts) };
    {
      await using hosts = testHosts({ knownHosts, trust: 'first-use' }, told);
      const runs = await Promise.all(
        Array.from({ length: 5 }, () => runOn(hosts, server.target({ hostKeys: [] }))),
      );
      assert.match(keyStep(runs[0]?.steps ?? []), /\(known_hosts line 1, trusted on first use\)$/);
    }
    assert.equal(
      readFileSync(knownHosts, 'utf8'),
      `[127.0.0.1]:${server.port} ${server.hostKeys[0]} first use\n`,
    );
    const [fingerprint] = server.fingerprints;
    assert.deepEqual(pinned, [{ host: '127.0.0.1', port: server.port, type: 'ssh-ed25519', fingerprint }]);
    const { port } = server;
    await server.stop();
    await using other = await startSshd({ port });
    await using hosts = testHosts({ knownHosts, trust: 'first-use' }, told);
    assert.equal((await failureOf(hosts, other.target({ hostKeys: [] }))).reason, 'host-key-mismatch');
    assert.equal(pinned.length, 1);
  });

  test('adds to a file, whatever its last line ends with, and leaves no lock', async () => {
    await using server = await startSshd();
    using folder = temporaryFolder();
    const knownHosts = folder.file('known');
    writeFileSync(knownHosts, '# no line end');
    await using hosts = testHosts({ knownHosts, trust: 'first-use' });
    await runOn(hosts, server.target({ hostKeys: [] }));
    assert.deepEqual(readFileSync(knownHosts, 'utf8').split('\n').slice(0, 2), [
      '# no line end',
      `[127.0.0.1]:${server.port} ${server.hostKeys[0]} first use`,
    ]);
    assert.ok(!existsSync(`${knownHosts}.lock`));
  });

  test('that cannot be written down is a failure', async () => {
    await using server = await startSshd();
    using folder = temporaryFolder();
    writeFileSync(folder.file('file'), '');
    await using hosts = testHosts({ knownHosts: folder.file('file/known'), trust: 'first-use' });
    const { reason, message } = await failureOf(hosts, server.target({ hostKeys: [] }));
    assert.equal(reason, 'internal');
    assert.match(message, /ENOTDIR|EEXIST/);
  });
});

test('a name with a dot at its end is pinned as the same name without it', async () => {
  await using server = await startSshd();
  using folder = temporaryFolder();
  const knownHosts = folder.file('known');
  const resolve = async () => [{ address: '127.0.0.1', family: 4 } as const];
  await using hosts = testHosts({ knownHosts, trust: 'first-use' }, { resolve });
  for (const host of ['db.example.', 'DB.example'])
    assert.equal((await runOn(hosts, server.target({ host, hostKeys: [] }))).stdout, 'hello\n');
  assert.equal(readFileSync(knownHosts, 'utf8').trim().split('\n').length, 1);
});

test('a key that is revoked takes away the connections that are there', async () => {
  await using server = await startSshd();
  using folder = temporaryFolder();
  const knownHosts = folder.file('known');
  writeFileSync(knownHosts, server.knownHosts());
  await using hosts = testHosts({ knownHosts });
  const target = server.target({ hostKeys: [] });
  assert.equal((await runOn(hosts, target)).stdout, 'hello\n');
  appendFileSync(knownHosts, `@revoked * ${server.hostKeys[0]}\n`);
  assert.equal((await failureOf(hosts, target)).reason, 'host-key-mismatch');
});
