/** What goes in arrives to the byte and nowhere else; what comes out is bounded. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { inputVariable, limits } from '../../protocol/index.ts';
import { openRunner } from '../../test/harness/local-runner.ts';
import { bootstrap, readRecords, scriptInput } from './bootstrap.ts';

const scripts = await openRunner({ standby: 1 });
after(() => scripts[Symbol.asyncDispose]());

/** Says where two long texts differ; a comparison of the test runner's own takes gigabytes for that. */
function assertBytes(actual: Buffer | undefined, expected: string): void {
  const wanted = Buffer.from(expected);
  const differs = actual?.findIndex((byte, at) => byte !== wanted[at]);
  assert.ok(actual?.equals(wanted), `${actual?.length} bytes for ${wanted.length}, differing at ${differs}`);
}

const everyByte = Array.from({ length: 255 }, (_, byte) => String.fromCharCode(byte + 1)).join('');

const inputs: Record<string, string> = {
  quotes: `'"'"'\\"`,
  'a parameter': '$HOME ${HOME} $(id) $((1+1)) `id`',
  'newlines at both ends': '\n\na\nb\n\n',
  'blanks at both ends': ' \t a  b \t ',
  'a leading option': '-n -e x',
  backslashes: '\\\\ \\n \\0 \\',
  'a here-document and a comment': '<<EOF # x\nEOF\n',
  'text beyond ASCII': 'Grüße 😀 \u00a0\ufeff é',
  'every character up to U+00FF but NUL': everyByte,
  'carriage returns': 'a\r\nb\r',
  'what looks like a record of ours': '=x',
  'what looks like a size line': '12 34\n',
  'a glob': '* ? [a-z] ~',
  nothing: '',
  '64 KiB': 'é\n$'.repeat(limits.input / 4),
};

describe('an input arrives to the byte', () => {
  for (const [what, input] of Object.entries(inputs)) {
    test(what, async () => {
      const { collected } = await scripts.run(`secret=$${inputVariable(0)}`, { inputs: [input] });
      assertBytes(collected.value, input);
    });
  }

  for (const locale of ['C', 'C.UTF-8', 'POSIX', 'nowhere']) {
    test(`in the locale ${locale}`, async () => {
      await using other = await openRunner({ environment: { LC_ALL: locale } });
      const program = `secret=$${inputVariable(0)}-$${inputVariable(1)}`;
      const { collected } = await other.run(program, { inputs: ['Grüße 😀', everyByte] });
      assertBytes(collected.value, `Grüße 😀-${everyByte}`);
    });
  }

  test('as one of a hundred, each in its own variable', async () => {
    const many = Array.from({ length: limits.inputs }, (_, index) =>
      index % 7 === 0 ? '' : `no. ${index}\n`,
    );
    const all = many.map((_, index) => `"$${inputVariable(index)}"`).join(' ');
    const { collected } = await scripts.run(`printf -v secret '[%s]' ${all}`, { inputs: many });
    assert.equal(collected.value?.toString(), many.map(input => `[${input}]`).join(''));
  });
});

test('inputs are in no environment, no argument list and no variable but their own', async () => {
  const input = 'only-in-a-variable';
  const program = `
    own=$(tr '\\0' '\\n' </proc/$$/environ /proc/$$/cmdline; cat /proc/$$/cmdline)
    secret="$own|$(env)|$(export -p)|\${!legate_*}|$legate_program|$*|$-"`;
  const { collected } = await scripts.run(program, { inputs: [input, 'x'] });
  const seen = collected.value?.toString() ?? '';
  assert.match(seen, /\|.*\|/s);
  assert.ok(!seen.includes(input));
  assert.ok(!seen.includes('own='), 'the program is not to be seen either');
});

test('an input that the environment names too is the given one, and stays unexported', async () => {
  const name = inputVariable(0);
  await using other = await openRunner({ environment: { [name]: 'of the environment', secret: 'stale' } });
  const { collected } = await other.run(`secret="$secret$${name} $(env | grep -c given)"`, {
    inputs: ['given'],
  });
  assert.equal(collected.value?.toString(), 'given 0');
});

test('standard input is empty, and positional parameters are none', async () => {
  const program = 'secret="$(cat)$#$(readlink /proc/self/fd/0)"; read -r line && secret=$line';
  const { collected } = await scripts.run(program, { inputs: ['x'] });
  assert.equal(collected.value?.toString(), '0/dev/null');
});

test("line numbers in bash's messages are those of the script", async () => {
  const { stderr } = await scripts.run('true\n\nno-such-program-1\n(\n  no-such-program-2\n)\nsecret=v');
  assert.match(stderr.toString(), /line 3: no-such-program-1:/);
  assert.match(stderr.toString(), /line 5: no-such-program-2:/);
});

test('a program of the largest size runs', async () => {
  const rest = "secret=''";
  const text = 'x'.repeat(limits.program - rest.length);
  const { collected } = await scripts.run(`secret='${text}'`);
  assertBytes(collected.value, text);
});

test('a value of exactly the largest size arrives whole', async () => {
  const program = `secret=$(head -c ${limits.value} /dev/zero | tr '\\0' x)`;
  const { end, collected } = await scripts.run(program);
  assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
  assertBytes(collected.value, 'x'.repeat(limits.value));
});

test('a value that is one byte larger ends the run as too large', async () => {
  const program = `secret=$(head -c ${limits.value + 1} /dev/zero | tr '\\0' x)`;
  const { end, collected } = await scripts.run(program);
  assert.deepEqual(end, { kind: 'too-large', forced: false });
  assert.equal(collected.value, undefined);
});

test('of error output far beyond what is kept, the end is kept', async () => {
  const program = 'for i in {1..40000}; do echo "line $i of many, many lines"; done >&2; secret=v';
  const { collected, stderr } = await scripts.run(program);
  assert.equal(collected.value?.toString(), 'v');
  assert.ok(stderr.length <= 65_536);
  const lines = stderr.toString().trimEnd().split('\n');
  assert.equal(lines.at(-1), 'line 40000 of many, many lines');
  assert.ok(lines.length > 1_500);
});

test('standard output of any size holds nothing up', async () => {
  const { collected } = await scripts.run('head -c 20000000 /dev/zero; secret=v');
  assert.equal(collected.value?.toString(), 'v');
});

test('background children that keep the pipes open do not hold the value up, and are ended', async () => {
  const begun = performance.now();
  const { collected } = await scripts.run('sleep 60 & (sleep 60; true) & disown; secret=v');
  assert.equal(collected.value?.toString(), 'v');
  assert.ok(performance.now() - begun < 5_000);
});

describe('of the value channel only a complete record of ours is read', () => {
  const channels: [channel: string, collected: ReturnType<typeof readRecords>][] = [
    ['', { directoryMissing: false }],
    ['=cut off', { directoryMissing: false }],
    ['\0', { directoryMissing: false }],
    ['\0=v\0', { directoryMissing: false }],
    ['x=v\0', { directoryMissing: false }],
    ['=\0', { value: Buffer.alloc(0), directoryMissing: false }],
    ['=v\0', { value: Buffer.from('v'), directoryMissing: false }],
    ['=v\0!w\0', { value: Buffer.from('v'), directoryMissing: false }],
    ['!v\0', { uncollected: Buffer.from('v'), directoryMissing: false }],
    ['?\0', { directoryMissing: true }],
  ];
  for (const [channel, collected] of channels) {
    test(JSON.stringify(channel), () => assert.deepEqual(readRecords(Buffer.from(channel)), collected));
  }
});

describe('bash that gets only part of its input runs nothing of it', () => {
  const run = { program: 'echo ran >&2; secret=v', inputs: ['abc'], workingDirectory: '/tmp' };
  const whole = scriptInput(run);
  for (const length of [0, 3, 9, 11, 14, 18, whole.length - 1]) {
    test(`${length} of ${whole.length} bytes`, () => {
      const input = whole.subarray(0, length);
      const { status, output } = spawnSync('bash', ['--norc', '-c', bootstrap], { input });
      assert.equal(status, 125);
      assert.equal(output.join(''), '');
    });
  }
});
