import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Expression, ExpressionSyntax } from '../domain/expression.ts';
import type { Verdict } from './bash-syntax.ts';
import { loadCompiler } from './compile.ts';
import { inputsNamed, valuesFor } from './testing/inputs.ts';
import { runInBash } from './testing/run-in-bash.ts';

const input = (name: string): Expression => ({ kind: 'input', list: 'environmentVariables', name });
const compile = await loadCompiler();

async function programOf(script: string, names: string[] = ['a', 'b'], syntax: ExpressionSyntax = 'NG') {
  const result = await compile(script, inputsNamed(...names), syntax);
  assert.ok(result.ok, JSON.stringify(result));
  return result.program;
}

/** Compiles and runs a script whose inputs have these values. */
async function run(script: string, values: Record<string, string>): Promise<string[][]> {
  const { text, slots } = await programOf(script, Object.keys(values));
  return runInBash([{ program: text, values: valuesFor(slots, values) }])[0] ?? [];
}

test('a script without expressions is its own program', async () => {
  const script = "#!/bin/bash\n# it's \"mine\"\nsecret=$(cat <<'X'\n$HOME\nX\n)\n";
  assert.deepEqual(await programOf(script), {
    text: script,
    digest: `sha256:${createHash('sha256').update(script).digest('hex')}`,
    slots: [],
  });
});

test('an empty script is a program', async () => {
  assert.equal((await programOf('')).text, '');
});

test('slots are numbered in the order of their first use, and each has one variable', async () => {
  const { text, slots } = await programOf(
    'echo "<+spec.environmentVariables.b>" "<+secretManager.environmentVariables.a><+connector.spec.environmentVariables.b>"',
    ['a', 'b', 'unused'],
  );
  assert.equal(text, 'echo "${__legate_1}" "${__legate_2}${__legate_1}"');
  assert.deepEqual(slots, [input('b'), input('a')]);
});

test('an expression in a comment is dropped and uses no input', async () => {
  const { text, slots } = await programOf(
    '# set <+spec.environmentVariables.zz> or <+secrets.getValue("x")> <+\necho <+spec.environmentVariables.a>x # \\',
  );
  assert.equal(text, '# set  or  <+\necho "${__legate_1}"x # \\');
  assert.deepEqual(slots, [input('a')]);
});

test('expressions that mean the same share a variable, whatever they were written like', async () => {
  const { text, slots } = await programOf(
    `echo "<+secrets.getValue("a" + "b")>" "<+ secrets.getValue('ab') >" "<+spec.source.type><+connector.spec.source.type>" ` +
      '"<+secrets.getValue(<+spec.environmentVariables.a>)>" "<+"x">"',
  );
  assert.equal(
    text,
    'echo "${__legate_1}" "${__legate_1}" "${__legate_2}${__legate_2}" "${__legate_3}" "${__legate_4}"',
  );
  assert.deepEqual(slots, [
    { kind: 'secret', by: 'reference', argument: { kind: 'text', text: 'ab' } },
    { kind: 'path', path: 'source.type' },
    { kind: 'secret', by: 'reference', argument: input('a') },
    { kind: 'text', text: 'x' },
  ]);
});

test('in FirstGen syntax declared names and secrets are expressions, and all else is bash', async () => {
  const script = `x=\${a}; y='\${secrets.getValue("my secret")}'; z="\${c} \${x:-\${b}} <+x"`;
  const { text, slots } = await programOf(script, ['a', 'b'], 'FirstGen');
  assert.equal(text, `x="\${__legate_1}"; y=''"\${__legate_2}"''; z="\${c} \${x:-\${__legate_3}} <+x"`);
  assert.deepEqual(slots, [
    input('a'),
    { kind: 'secret', by: 'name', argument: { kind: 'text', text: 'my secret' } },
    input('b'),
  ]);
  const ng = await programOf('echo ${a}', ['a']);
  assert.equal(ng.text, 'echo ${a}');
});

test('a program has as many slots as a task has inputs, and no more', async () => {
  const script = (count: number) => Array.from({ length: count }, (_, i) => `echo "<+"x${i}">"\n`).join('');
  assert.equal((await programOf(script(100))).slots.length, 100);
  assert.deepEqual(await compile(script(102), []), {
    ok: false,
    problems: [{ line: 101, column: 7, message: 'more than 100 different expressions' }],
  });
});

test('the forms of a reference', async () => {
  const forms: [string, string][] = [
    ['echo §', 'echo ${__legate_1:+"${__legate_1}"}'],
    ['echo x§', 'echo x"${__legate_1}"'],
    ['x=§', 'x="${__legate_1}"'],
    ['[ § = a ]', '[ "${__legate_1}" = a ]'],
    ['cat < §', 'cat < "${__legate_1}"'],
    ['echo "§"', 'echo "${__legate_1}"'],
    ['echo "D\\§"', 'echo "D\\\\${__legate_1}"'],
    ["echo '§'", `echo ''"\${__legate_1}"''`],
    ["echo $'§'", `echo $''"\${__legate_1}"$''`],
    ["cat <<'X'\n$§\nX", 'cat <<__legate_end_1\n\\$${__legate_1}\n__legate_end_1'],
  ];
  for (const [script, text] of forms) {
    assert.equal((await programOf(script.replaceAll('§', '<+spec.environmentVariables.a>'))).text, text);
  }
});

test('CRLF line ends become newlines, and positions stay true', async () => {
  const script = "cat <<'X'\r\n<+spec.environmentVariables.a>\r\nX\r\necho 'a\r b'\r\n";
  assert.equal(
    (await programOf(script)).text,
    "cat <<__legate_end_1\n${__legate_1}\n__legate_end_1\necho 'a\r b'\n",
  );
  const result = await compile('echo\r\necho <+spec.environmentVariables.c>\r\n', inputsNamed('a'));
  assert.deepEqual(!result.ok && result.problems.map(({ line, column }) => [line, column]), [[2, 6]]);
});

test('a value as the target of a redirection is a file of that name', async () => {
  for (const name of ['plain', 'two words', '$(touch PWNED)', "it's *", '&1', '-n']) {
    const shown = await run('echo x > <+spec.environmentVariables.a>; show *; rm -- *', { a: name });
    assert.deepEqual(shown, [[name]]);
  }
});

test('a value that names a command runs that command, and nothing else', async () => {
  assert.deepEqual(await run('<+spec.environmentVariables.a> x; show y', { a: 'show' }), [['x'], ['y']]);
  assert.deepEqual(await run('<+spec.environmentVariables.a> show z; show y', { a: '' }), [['z'], ['y']]);
  for (const a of ['touch PWNED', '$(touch PWNED)', 'show x; touch PWNED', 'a=b']) {
    assert.deepEqual(await run('<+spec.environmentVariables.a> x; show y', { a }), [['y']]);
  }
});

test('valid bash that the grammar cannot read is accepted, and so is an expression at its top', async () => {
  const gaps = [
    'shopt -s extglob\nls @(a|b)\n',
    'for i do :; done\n',
    'cat <<A 3<<B\n1\nA\n2\nB\n',
    'f() { [ "$1" "$2" ]; }\n',
    "x=y; case $x in\n?*' '?*)\nesac\n",
    'coproc NAME { cat; }\n',
  ];
  for (const gap of gaps) {
    assert.equal((await programOf(gap)).text, gap);
    const { text } = await programOf(`v="<+spec.environmentVariables.a>"\n${gap}`);
    assert.equal(text, `v="\${__legate_1}"\n${gap}`);
  }
});

test('extended patterns are bash only for a script that turns them on', async () => {
  assert.equal((await compile('echo @(a|b)\n', [])).ok, false);
  assert.equal((await compile('shopt -s extglob\necho @(a|b)\n', [])).ok, true);
});

test('where there is no bash, the grammar decides alone', async () => {
  const alone = await loadCompiler(async () => ({ kind: 'unknown' }));
  const good = await alone("echo '<+spec.environmentVariables.a>'", inputsNamed('a'));
  assert.equal(good.ok && good.program.text, `echo ''"\${__legate_1}"''`);
  assert.deepEqual(await alone('echo\n  for i do :; done\n', []), {
    ok: false,
    problems: [
      { line: 2, column: 3, message: 'this is not understood as bash, and there is no bash here to ask' },
    ],
  });
  assert.deepEqual(await alone('echo\ncat <<X\n', []), {
    ok: false,
    problems: [
      { line: 2, column: 5, message: 'this here-document is never closed: no line holds just its delimiter' },
    ],
  });
});

test('a program that bash does not take is never given out', async () => {
  const verdicts: Verdict[] = [
    { kind: 'valid', leavesHereDocumentOpen: false },
    { kind: 'invalid', line: 1, message: 'near x' },
  ];
  const broken = await loadCompiler(async () => verdicts.shift() ?? { kind: 'unknown' });
  await assert.rejects(broken('echo <+spec.environmentVariables.a>', inputsNamed('a')), /^Error: internal:/);
});

test('absurd nesting is refused, not a crash', async () => {
  const nested = `echo ${'<+f('.repeat(5_000)}${')>'.repeat(5_000)}`;
  assert.equal((await compile(nested, inputsNamed('a'))).ok, false);
  const script = `echo ${'$('.repeat(5000)}<+spec.environmentVariables.a>${')'.repeat(5000)}`;
  const result = await compile(script, inputsNamed('a'));
  assert.equal(result.ok, false);
});
