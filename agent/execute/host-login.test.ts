/** Whatever shell an user has and whatever its start-up files do, the same comes in and goes out. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { inputVariable, limits } from '../../protocol/index.ts';
import { openHost, type TestHost } from '../../test/harness/host-runner.ts';
import { temporaryUser } from '../../test/harness/ssh-hosts.ts';
import { isRoot } from '../../test/harness/sshd.ts';

const asRoot = isRoot ? {} : { skip: 'only root can make users' };
const shells = ['/bin/sh', '/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/bin/tcsh'];
const everyByte = Array.from({ length: 255 }, (_, byte) => String.fromCharCode(byte + 1)).join('');

/** Start-up files of all these shells that talk, and leave things in the environment. */
function noisy(host: TestHost): void {
  const home = host.server.file('home');
  const said = ['echo "Welcome to a noisy host"', 'printf "no line end"', 'echo "stdin: is not a tty" >&2'];
  const posix = [...said, 'export NOISE=loud', 'export BASH_ENV=/nonexistent/env', ''].join('\n');
  for (const name of ['.bashrc', '.profile', '.zshenv', '.zshrc']) writeFileSync(`${home}/${name}`, posix);
  writeFileSync(`${home}/.tcshrc`, [...said.slice(0, 2), 'setenv NOISE loud', ''].join('\n'));
  mkdirSync(`${home}/.config/fish`, { recursive: true });
  writeFileSync(`${home}/.config/fish/config.fish`, [...said, 'set -gx NOISE loud', ''].join('\n'));
}

async function value(host: TestHost, program: string, inputs: string[] = []): Promise<string> {
  const { end, collected, stderr } = await host.run(program, { inputs });
  assert.deepEqual(end, { kind: 'exited', exitCode: 0 }, stderr.toString());
  return collected.value?.toString() ?? assert.fail(stderr.toString());
}

describe('with the login shell', asRoot, () => {
  for (const shell of shells) {
    const skip = existsSync(shell) ? false : `${shell} is not installed`;
    test(`${shell}, quiet and noisy: values, inputs, errors and failures are the same`, {
      skip,
    }, async () => {
      using user = temporaryUser(shell);
      await using host = await openHost({ user: user.name, config: ['Banner /etc/passwd'] });
      for (const round of ['quiet', 'noisy']) {
        if (round === 'noisy') noisy(host);
        const inputs = ['$HOME `id` \'"\\\n', 'Grüße 😀', everyByte, ''];
        const all = inputs.map((_, index) => `[$${inputVariable(index)}]`).join('');
        assert.equal(
          await value(host, `secret="${all}"`, inputs),
          inputs.map(input => `[${input}]`).join(''),
        );
        assert.equal(await value(host, 'secret="$(whoami) $PWD $-"'), `${user.name} /tmp hBc`);
        assert.equal(
          await value(host, `secret="\${NOISE-quiet} \${BASH_ENV-quiet} \${SSH_CONNECTION-quiet}"`),
          'quiet quiet quiet',
        );
        const failed = await host.run('echo why >&2; exit 127');
        assert.deepEqual(failed.end, { kind: 'exited', exitCode: 127 });
        assert.equal(failed.stderr.toString(), 'why\n');
        const lost = await host.run('secret=v', { workingDirectory: '/nonexistent' });
        assert.equal(lost.collected.directoryMissing, true);
        const killed = await host.run('kill -KILL $$');
        assert.deepEqual(killed.end, { kind: 'signalled', signal: 'SIGKILL' });
      }
    });
  }

  test('that finds no bash: shell-missing, and not for a script that ends with 127 itself', async () => {
    using user = temporaryUser('/bin/dash');
    await using host = await openHost({ user: user.name, config: ['SetEnv PATH=/nonexistent HOME=/'] });
    const { end } = await host.run('secret=v');
    assert.deepEqual(end, {
      kind: 'not-started',
      reason: 'shell-missing',
      detail: `there is no bash on the PATH that ${user.name} has on 127.0.0.1`,
    });
  });

  test('that runs no commands: what it said instead', async () => {
    using user = temporaryUser('/usr/sbin/nologin');
    await using host = await openHost({ user: user.name });
    const { end } = await host.run('secret=v');
    assert.ok(end.kind === 'not-started' && end.reason === 'host-channel-refused', JSON.stringify(end));
    assert.match(end.detail, /ended with exit code 1 and said "This account is currently not available/);
  });

  test('whose start-up file eats what is meant for the script: nothing of it is evaluated', async () => {
    using user = temporaryUser('/bin/bash');
    await using host = await openHost({ user: user.name });
    for (const eat of ['head -c 100 >/dev/null', 'read -r x', 'cat >/dev/null']) {
      writeFileSync(`${host.server.file('home')}/.bashrc`, `${eat}\n`);
      const { end } = await host.run('secret=v; touch /tmp/never', {
        inputs: ['touch /tmp/never\n'],
        remainingMs: 1_500,
      });
      assert.equal(end.kind, 'not-started', eat);
      assert.ok(end.kind === 'not-started' && end.reason !== 'internal');
      assert.match(end.detail, /reads? the standard input/);
    }
    assert.equal(existsSync('/tmp/never'), false);
  });
});

describe('in the locale', () => {
  for (const locale of ['C', 'POSIX', 'de_DE.ISO-8859-1', 'nowhere']) {
    test(`${locale}, inputs and values arrive to the byte`, async () => {
      await using host = await openHost({ config: [`SetEnv LC_ALL=${locale} HOME=/`] });
      const program = `secret=$${inputVariable(0)}`;
      assert.equal(await value(host, program, [`Grüße 😀 ${everyByte}`]), `Grüße 😀 ${everyByte}`);
    });
  }
});

describe('values and inputs of the largest size', () => {
  test('arrive whole, and one byte more ends the script', async () => {
    await using host = await openHost();
    const make = (size: number) => `secret=$(head -c ${size} /dev/zero | tr '\\0' x)`;
    assert.ok((await value(host, make(limits.value))) === 'x'.repeat(limits.value));
    const over = await host.run(make(limits.value + 1));
    assert.deepEqual(over.end, { kind: 'too-large', forced: false });
    assert.equal(over.collected.value, undefined);
    const inputs = Array.from({ length: 16 }, (_, at) => `${at}é\n$`.repeat(limits.input / 8));
    const all = inputs.map((_, index) => `"$${inputVariable(index)}"`).join('');
    assert.ok((await value(host, `secret=${all}`, inputs)) === inputs.join(''));
  });
});

describe('what a run needs of its host', () => {
  test('is no file: a full disk and a home that is read-only or missing do not matter', asRoot, async () => {
    using user = temporaryUser('/bin/bash');
    await using host = await openHost({
      user: user.name,
      config: ['SetEnv HOME=/nonexistent TMPDIR=/dev/full/nowhere'],
    });
    assert.equal(await value(host, 'secret="$TMPDIR"', ['x'.repeat(60_000)]), '/dev/full/nowhere');
  });

  test('is told step by step, and the directory and the version of bash are the last steps', async () => {
    await using host = await openHost();
    await host.run('secret=v');
    assert.match(host.steps.at(-1) ?? '', /^host: bash \d+\.\d+\.\d+/);
    assert.equal(host.steps.at(-2), 'host: working directory /tmp');
  });
});

test('what a login leaves running and what that prints later does not get between', asRoot, async () => {
  using user = temporaryUser('/bin/bash');
  await using host = await openHost({ user: user.name });
  const loud =
    'while sleep 0.01; do echo "noise $$"; done & noise=$!; (sleep 3; kill $noise) >/dev/null 2>&1 &\n';
  writeFileSync(`${host.server.file('home')}/.bashrc`, loud);
  assert.equal(await value(host, 'sleep 0.3; secret=v'), 'v');
});
