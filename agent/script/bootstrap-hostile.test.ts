/** Whatever a script does to its shell, its value arrives, and nothing else does. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { disturbances } from '../../test/harness/disturbances.ts';
import { openRunner } from '../../test/harness/local-runner.ts';

const scripts = await openRunner({ standby: 1 });
after(() => scripts[Symbol.asyncDispose]());

async function fetched(program: string): Promise<string> {
  const { end, collected, stderr } = await scripts.run(program);
  assert.deepEqual(end, { kind: 'exited', exitCode: 0 }, stderr.toString());
  assert.ok(collected.value, stderr.toString());
  return collected.value.toString();
}

describe('a value arrives although the script begins with', () => {
  for (const disturbance of disturbances) {
    test(JSON.stringify(disturbance), async () => {
      assert.equal(await fetched(`${disturbance}\nsecret='the value: v'`), 'the value: v');
    });
  }
});

test('a value arrives although every builtin that bash lets one redefine is a function', async () => {
  const names = '$(compgen -b | grep -v -e "^[.:[]$" -e "^eval$" -e "^unset$" -e "^exit$")';
  const program = `for name in ${names}; do eval "function $name { return 1; }"; done\nsecret=v`;
  assert.equal(await fetched(program), 'v');
});

describe('an execution trace shows nothing, as it shows every value', () => {
  for (const program of ['set -x\nsecret=hunter2', 'set -o xtrace\nf() { local x=hunter2; }\nf\nsecret=v']) {
    test(JSON.stringify(program), async () => {
      const { stderr, collected } = await scripts.run(program);
      assert.ok(collected.value);
      assert.equal(stderr.toString(), '');
    });
  }
});

describe('what a script itself writes to the value channel', () => {
  const garbage = [
    'echo garbage >&190',
    "printf 'x\\0' >&190",
    "printf '\\0\\0' >&190",
    'head -c 100000 /dev/zero >&190',
    'head -c 5000 /dev/urandom | tr "=!?" x >&190',
  ];
  for (const program of garbage) {
    test(`counts as nothing: ${program}`, async () => {
      const { end, collected } = await scripts.run(`${program}\nsecret=v`);
      assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
      assert.deepEqual(collected, { directoryMissing: false });
    });
  }

  test('does not turn a failure into a success', async () => {
    const { end } = await scripts.run("printf '=forged\\0' >&190\nexit 3");
    assert.deepEqual(end, { kind: 'exited', exitCode: 3 });
  });

  test('is its own loss when it closes the channel', async () => {
    const { collected } = await scripts.run('exec 190>&-\nsecret=v');
    assert.equal(collected.value, undefined);
  });
});

describe('a script that ends itself by a signal', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL', 'SIGSEGV', 'SIGPIPE', 'SIGABRT']) {
    test(`is reported with it: ${signal}`, async () => {
      const { end, collected } = await scripts.run(`secret=v\nkill -${signal.slice(3)} $$\nsleep 5`);
      assert.deepEqual(end, { kind: 'signalled', signal });
      assert.equal(collected.value, undefined);
    });
  }

  test('delivers when it has a trap that goes on', async () => {
    assert.equal(await fetched("trap 'echo no' TERM INT\nkill $$\nkill -INT $$\nsecret=v"), 'v');
  });
});

describe('what the variable held when the script ended early is known for redaction', () => {
  for (const program of [
    'secret=v\nexit 3',
    'secret=v\nexit 0',
    'secret=v\nset -e\nfalse',
    'secret=v\nkill $$',
  ])
    test(JSON.stringify(program), async () => {
      const { collected } = await scripts.run(program);
      assert.deepEqual(collected, { uncollected: Buffer.from('v'), directoryMissing: false });
    });
});
