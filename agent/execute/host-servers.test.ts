/** Scripts on servers that are not as OpenSSH comes: others' servers, and what operators restrict. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { limits } from '../../protocol/index.ts';
import { openHost } from '../../test/harness/host-runner.ts';
import { eventually, processesWith } from '../../test/harness/local-runner.ts';
import { startDropbear, startTinysshd } from '../../test/harness/other-sshds.ts';
import { trees } from '../../test/harness/process-trees.ts';
import { resultOf, scriptEnds } from '../../test/harness/script-ends.ts';
import { temporaryUser, testHosts } from '../../test/harness/ssh-hosts.ts';
import { isRoot, makeKey, publicKeyOf } from '../../test/harness/sshd.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import type { End } from './execution.ts';
import { hostRunner } from './host.ts';

const asRoot = isRoot ? {} : { skip: 'only root can make users' };

for (const [name, startServer] of Object.entries({
  dropbear: () => startDropbear(),
  tinysshd: startTinysshd,
})) {
  describe(`${name}:`, asRoot, () => {
    async function open() {
      const folder = temporaryFolder();
      makeKey(folder.file('user'), 'ed25519');
      const user = temporaryUser('/bin/sh');
      user.authorize(publicKeyOf(folder.file('user.pub')));
      const server = await startServer();
      const hosts = testHosts();
      const target = {
        host: '127.0.0.1',
        port: server.port,
        user: user.name,
        credential: { kind: 'key', privateKey: readFileSync(folder.file('user'), 'utf8') },
        hostKeys: [server.fingerprint],
        jumps: [],
      } as const;
      return {
        processes: () => processesWith(`HOME=${user.home}`),
        run(
          program: string,
          killGraceMs = 300,
          signal = new AbortController().signal,
          workingDirectory = user.home,
        ) {
          const runner = hostRunner(hosts, { environment: {}, killGraceMs }).at(target);
          return runner.run(
            { program, inputs: ['in $x'], workingDirectory },
            { remainingMs: 20_000, signal },
          );
        },
        file: (path: string) => `${user.home}/${path}`,
        async [Symbol.asyncDispose]() {
          await hosts.close();
          await server[Symbol.asyncDispose]();
          user[Symbol.dispose]();
          folder[Symbol.dispose]();
        },
      };
    }

    test('a script ends there as here', async () => {
      await using host = await open();
      for (const [script, result] of Object.values(scriptEnds).flat())
        assert.deepEqual(resultOf(await host.run(script)), result, script);
      const large = await host.run(`printf -v secret '%0${limits.value}d' 0`);
      assert.equal(large.collected.value?.length, limits.value);
      assert.equal((await host.run('secret=$__legate_1')).collected.value?.toString(), 'in $x');
      assert.equal((await host.run('x', 300, undefined, '/nonexistent')).collected.directoryMissing, true);
      await eventually('nothing is left there', () => host.processes().length === 0);
    });

    test('a cancelled run leaves nothing', async () => {
      await using host = await open();
      for (const [what, program, forced] of trees) {
        const cancel = new AbortController();
        rmSync(host.file('ready'), { force: true });
        const running = host.run(program, forced ? 150 : 10_000, cancel.signal);
        await eventually(`ready: ${what}`, () => existsSync(host.file('ready')));
        cancel.abort();
        const { end } = await running;
        assert.ok(end.kind === 'cancelled' || end.kind === 'not-started', `${what}: ${JSON.stringify(end)}`);
        await eventually(`nothing is left: ${what}`, () => host.processes().length === 0);
      }
    });
  });
}

describe('an OpenSSH server', () => {
  async function endOf(config: string[]): Promise<End> {
    await using host = await openHost({ config });
    return (await host.run('secret=v', { remainingMs: 3_000 })).end;
  }
  const refused = (end: End) => {
    assert.ok(end.kind === 'not-started' && end.reason === 'host-channel-refused', JSON.stringify(end));
    return end.detail;
  };

  test('with a forced command says that it runs something else, and what that said', async () => {
    const detail = refused(await endOf(['ForceCommand echo only backups here']));
    assert.match(
      detail,
      /ran something else than bash, which ended with exit code 0 and said "only backups here"/,
    );
    assert.match(detail, /is there a forced command/);
    assert.match(refused(await endOf(['ForceCommand exit 127'])), /ended with exit code 127;/);
    assert.match(refused(await endOf(['ForceCommand kill -KILL $$'])), /was ended by (SIG)?KILL;/);
  });

  test('with a forced command that gives back what it reads is not taken for one that ran the script', async () => {
    const end = await endOf(['ForceCommand cat']);
    assert.ok(end.kind === 'not-started' && end.reason === 'timed-out', JSON.stringify(end));
    const first = refused(await endOf(['ForceCommand head -c 1000']));
    assert.ok(!first.includes('legate_'), first);
  });

  test('with SFTP alone says that it runs something else', async () => {
    const end = await endOf(['ForceCommand internal-sftp']);
    assert.ok(end.kind === 'not-started', JSON.stringify(end));
  });

  test('with a forced command that runs what was asked for runs the script', async () => {
    const end = await endOf(['ForceCommand sh -c "$SSH_ORIGINAL_COMMAND"']);
    assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
  });

  test('that forwards nothing runs the script', async () => {
    const end = await endOf(['AllowTcpForwarding no', 'DisableForwarding yes', 'PermitTTY no']);
    assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
  });

  test('that has no sessions for us says so', async () => {
    refused(await endOf(['MaxSessions 0']));
  });
});
