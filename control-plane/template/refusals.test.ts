import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCompiler, type Problem } from './compile.ts';
import { inputsNamed } from './testing/inputs.ts';

const EXPRESSION = '<+spec.environmentVariables.a>';
const compile = await loadCompiler();

async function problemsOf(script: string): Promise<Problem[]> {
  const result = await compile(script.replaceAll('§', EXPRESSION), inputsNamed('a', 'b'));
  return result.ok ? [] : result.problems;
}

/** Scripts that cannot be compiled, with `§` for an expression, where the problem is, and what it says. */
const REFUSED: Record<string, [script: string, position: string, message: RegExp][]> = {
  'a name': [
    ['§=1', '1:1', /cannot be the name of a variable or a function/],
    ['x§+=1', '1:2', /cannot be the name/],
    ['§[0]=1', '1:1', /cannot be the name/],
    ['§() { :; }', '1:1', /cannot be the name/],
    ['function § { :; }', '1:10', /cannot be the name/],
    ['for § in a; do :; done', '1:5', /cannot be the name/],
    ['select § in a; do :; done', '1:8', /cannot be the name/],
    ['export §', '1:8', /cannot be the name/],
    ['export "§"=1', '1:9', /cannot be the name/],
    ['f() { local §=1; }', '1:13', /cannot be the name/],
    ['declare -p §', '1:12', /cannot be the name/],
    ['declare -n x=§', '1:14', /cannot be the name/],
    ['declare -n x; x=§', '1:17', /cannot be the name/],
    ['printf -v § x', '1:11', /cannot be the name/],
    ['printf -v§ x', '1:10', /cannot be the name/],
    ['printf -"§" x', '1:10', /cannot be the name/],
    ['[ -v § ]', '1:6', /cannot be the name/],
    ['test -v "§"', '1:10', /cannot be the name/],
    ['[[ -v § ]]', '1:7', /cannot be the name/],
    ['unset §', '1:7', /unset takes names of variables/],
    ["unset 'x[§]'", '1:10', /unset takes names/],
    ['read -r x "§" <<< y', '1:12', /read takes names/],
    ['mapfile -t § <<< y', '1:12', /mapfile takes names/],
    ['readarray § <<< y', '1:11', /readarray takes names/],
    ['getopts ab §', '1:12', /getopts takes names/],
    ['wait -n -p §', '1:12', /wait takes names/],
    ['echo $§', '1:7', /cannot be part of a variable name; write \$\{name\}<\+…>/],
    ['echo "$§"', '1:8', /cannot be part of a variable name/],
    ['echo "$HOME§"', '1:12', /cannot be part of a variable name/],
    ['echo ${§}', '1:8', /cannot be part of a variable name/],
    ['echo ${x§:-y}', '1:9', /cannot be part of a variable name/],
    ['echo ${!§}', '1:9', /cannot be part of a variable name/],
  ],
  arithmetic: [
    [
      'echo $((§ + 1))',
      '1:9',
      /^in arithmetic bash would also run commands that the value holds; assign it first and check/,
    ],
    ['echo "$(( x["§"] ))"', '1:14', /^in arithmetic/],
    ['(( § > 1 ))', '1:4', /^in arithmetic/],
    ['echo $[§]', '1:8', /^in arithmetic/],
    ['for ((i = 0; i < §; i++)); do :; done', '1:18', /^in arithmetic/],
    ['let x=§', '1:7', /^in let/],
    ["let 'x = §'", '1:10', /^in let/],
    ['declare -i x=§', '1:14', /^in x, which is declared an integer,/],
    ['typeset -ri x="§"', '1:16', /^in x, which is declared an integer,/],
    ['declare -i x; x=§', '1:17', /^in x, which is declared an integer,/],
    ['local -ai x; x=(1 §)', '1:19', /^in x, which is declared an integer,/],
    ['x[§]=1', '1:3', /^in an array index/],
    ['x["§"]=1', '1:4', /^in an array index/],
    ['x=([§]=1)', '1:5', /^in an array index/],
    ['declare -A x=([a]=b ["§"]=1)', '1:23', /^in an array index/],
    ['echo ${x[§]}', '1:10', /^in an array index/],
    ['echo "${x["§"]}"', '1:12', /^in an array index/],
    ['[[ § -eq 1 ]]', '1:4', /^beside -eq in \[\[ \]\]/],
    ['[[ x == y && 1 -lt "§" ]]', '1:21', /^beside -lt in \[\[ \]\]/],
    ["[[ '§' -ge 1 ]]", '1:5', /^beside -ge in \[\[ \]\]/],
    ['OPTIND=§', '1:8', /^bash evaluates what OPTIND holds/],
    ['export RANDOM="§"', '1:16', /^bash evaluates what RANDOM holds/],
  ],
  code: [
    [
      'eval "x=§"',
      '1:9',
      /^in eval the value would run as code; pass it as an argument or in a variable: v=<\+…>/,
    ],
    ["eval 'echo §'", '1:12', /^in eval/],
    ['A=1 command -p eval §', '1:21', /^in eval/],
    ['if ! { time -p e"va"l §; }; then :; fi', '1:23', /^in eval/],
    ['for x do eval "§"; done', '1:16', /^in eval/],
    ['case x in y) >/dev/null eval "§" ;; esac', '1:31', /^in eval/],
    ["trap 'rm §' EXIT", '1:10', /^in trap/],
    ['source §', '1:8', /^in source/],
    ['. "§/lib.sh"', '1:4', /^in \. the value/],
    ['. /dev/stdin <<< §', '1:18', /^in the input of a shell/],
    ['alias x=§', '1:9', /^in alias/],
    ['compgen -W "§"', '1:13', /^in compgen/],
    ["bash -c 'echo §'", '1:15', /^behind -c the value would run as code/],
    ['sudo -u x /bin/sh -ec "§" a', '1:24', /^behind -c/],
    ["xargs -n1 sh -c '§'", '1:18', /^behind -c/],
    ['bash <<< "§"', '1:11', /^in the input of a shell the value would run as code/],
    ['cat x | env bash -s <<\'E\'\necho "§"\nE', '2:7', /^in the input of a shell/],
    ['PS4=§', '1:5', /^bash evaluates what PS4 holds/],
    ['BASH_ENV="§" cmd', '1:11', /^bash evaluates what BASH_ENV holds/],
    ['declare -a x=§', '1:14', /^declare would expand the value as the words of an array; write x=\("\$v"\)/],
    ['f() { local -A x; local x="§"; }', '1:28', /^local would expand the value/],
    ['§ "$x"', '1:1', /^a value that names the command cannot be used with other values/],
    ['§ §', '1:1', /^a value that names the command/],
    ['§ < <(cat)', '1:1', /^a value that names the command/],
    ['test "$x" §', '1:11', /^the test could take the value for an operator/],
    ['printf §', '1:8', /^a value cannot be the format of printf; write printf '%s' in front of it/],
    ['printf "§\\n"', '1:9', /^a value cannot be the format of printf/],
  ],
  'a word that would mean something else': [
    ['[[ $x =~ § ]]', '1:10', /compared as plain text, not as a pattern/],
    ['[[ $x =~ ^(§)$ ]]', '1:12', /compared as plain text/],
    ['echo ${x#§}', '1:10', /cannot stand behind "#" in \$\{ \}; assign it to a variable first/],
    ['echo "${x%%§}"', '1:12', /cannot stand behind "%%"/],
    ['echo ${x/a/"§"}', '1:13', /cannot stand behind "\/"/],
    ['echo ${x:§}', '1:10', /cannot stand behind ":"/],
    ['echo ${x^^"§"}', '1:12', /cannot stand behind "\^\^"/],
    ['echo {a,§}', '1:9', /cannot be part of a brace expansion/],
    ['echo {1..§}', '1:10', /cannot be part of a brace expansion/],
    ['echo ~§/.ssh', '1:7', /"~" is not expanded in front of a value/],
    ['echo x\\§', '1:8', /remove the backslash in front of the value/],
    ['echo "${x:-\\§}"', '1:13', /remove the backslash/],
    ["echo $'\\§'", '1:9', /part of an escape sequence/],
    ["echo $'\\\\\\x4§'", '1:13', /part of an escape sequence/],
    ['{§}> x', '1:2', /cannot stand here/],
  ],
  'unclear quoting': [
    ['((§x "b") | (cat; cat))', '1:3', /^the quoting around this expression is unclear/],
    ["cat <<E\nx\\\nE\n'§'\nE", '4:2', /^the quoting around this expression is unclear/],
    ['x=`echo "\\$y" §`', '1:15', /^the quoting inside these backticks is unclear; write \$\( \) instead/],
    ['x="`echo \\"§\\"`"', '1:12', /^the quoting inside these backticks/],
    ['echo "${x#\'§\'}"', '1:12', /^the quoting inside this \$\{ \} is unclear/],
    [
      'echo "${x:-\'§\'}"',
      '1:13',
      /^the quoting around this expression is unclear; assign it to a variable at the top/,
    ],
    ["echo $'\\\\' '§'", '1:13', /^the quoting around this expression is unclear/],
    ["cat <<E 3<<'F'\n§\nE\nF", '2:1', /^the quoting around this expression is unclear/],
  ],
};

for (const [kind, scripts] of Object.entries(REFUSED)) {
  for (const [script, position, message] of scripts) {
    test(`a value is refused as ${kind}: ${JSON.stringify(script)}`, async () => {
      const [problem, ...more] = await problemsOf(script);
      assert.ok(problem !== undefined, 'compiled');
      assert.match(problem.message, message);
      assert.equal(`${problem.line}:${problem.column}`, position);
      // The second expression of a command may have the same problem, but nothing else may be wrong.
      assert.ok(
        more.every(other => other.message === problem.message),
        JSON.stringify(more),
      );
    });
  }
}

/** Scripts with faults of their own; every problem with its position. */
const FAULTY: [promise: string, script: string, problems: string[]][] = [
  [
    'a mistake that the grammar would let pass is found',
    'x=1\nfi\n',
    ["2:1 syntax error: near unexpected token `fi'"],
  ],
  [
    'a mistake is shown where bash sees it',
    'echo a\n  echo b )\n',
    ["2:10 syntax error: near unexpected token `)'"],
  ],
  ['an end that comes too early', 'if true; then\n  echo\n', ['3:1 syntax error: unexpected end of file']],
  ['a command that ends too early', 'foo &&', ['1:7 syntax error: unexpected end of file']],
  [
    'an expression in a message of bash is not shown as its placeholder',
    'x () §',
    ["1:6 syntax error: near unexpected token `<+…>'"],
  ],
  [
    'a double quote that is never closed is named where it opens',
    'a="x"\necho "a\nb',
    ['2:6 this " is never closed'],
  ],
  ['a single quote that is never closed', "echo 'a", ["1:6 this ' is never closed"]],
  ['a substitution that is never closed', 'x=$(echo', ['1:3 this $( is never closed']],
  ['an expansion that is never closed', 'echo ${a', ['1:6 this ${ is never closed']],
  ['backticks that are never closed', 'x=`echo', ['1:3 this ` is never closed']],
  [
    'a here-document without its last line',
    'cat <<X\na\n X\n',
    ['1:5 this here-document is never closed: no line holds just its delimiter'],
  ],
  [
    'the same in a substitution',
    'x=$(\ncat <<-X\na\n)',
    ['2:5 this here-document is never closed: no line holds just its delimiter'],
  ],
  [
    'a value for a delimiter',
    'cat <<x§\ny\n',
    [
      '1:5 this here-document is never closed: no line holds just its delimiter',
      '1:8 a value cannot be the delimiter of a here-document',
    ],
  ],
  [
    'a continued last line',
    'echo a\necho b \\',
    ['2:8 the script ends in a line continuation; remove the backslash'],
  ],
  [
    'a continued last line and a newline',
    'echo b \\\n',
    ['1:8 the script ends in a line continuation; remove the backslash'],
  ],
  ['a NUL', 'echo\nx\0y', ['2:2 bash cannot read a NUL character']],
  [
    'a name of ours',
    'x=$__legate_1; y="${__legate_x}"',
    [
      '1:4 __legate_1 is reserved: names that begin with __legate_ hold the inputs',
      '1:21 __legate_x is reserved: names that begin with __legate_ hold the inputs',
    ],
  ],
  [
    'an expression without an end',
    'x=1\necho "<+spec.a" b',
    ['2:7 <+spec.a" b has no closing > on its line'],
  ],
  [
    'an input that is not declared',
    'echo <+spec.environmentVariables.c>',
    ['1:6 unknown input "c"; the template declares: a, b'],
  ],
  [
    'an input that is not declared, inside another expression',
    'echo "<+secrets.getValue("a" + <+spec.inputVariables.a>)>"',
    ['1:7 unknown input "inputVariables.a"; the template declares: a, b'],
  ],
  [
    'an expression that is none',
    'x=1\n  y="<+secrets.get("x")>"',
    [
      '2:6 <+secrets.get("x")> is not understood; write <+secretManager.environmentVariables.NAME> for an input, or <+secrets.getValue("account.NAME")> for a secret',
    ],
  ],
  [
    '<+input>',
    'echo <+input>',
    [
      '1:6 <+input> stands only as the whole value of an input; name the input here: <+secretManager.environmentVariables.NAME>',
    ],
  ],
  [
    'a name that would pass for an expression, where there is one',
    '/opt/x__l_y/bash -c "echo §"',
    ['1:7 __l_y is reserved: names that begin with __l_ stand for the inputs'],
  ],
];

for (const [promise, script, problems] of FAULTY) {
  test(`refused with its position: ${promise}`, async () => {
    const found = await problemsOf(script);
    assert.deepEqual(
      found.map(({ line, column, message }) => `${line}:${column} ${message}`),
      problems,
    );
  });
}

test('all problems come together, in the order of the text and at their places in the author’s script', async () => {
  const script = [
    'a="é😀<+spec.environmentVariables.nope>"; b=<+x>\r',
    '# <+secrets.getValue("in a comment")> <+ open\r',
    "c='§' d=$((§)); __legate_9=1\r",
    'echo § <+open\r',
    'eval §; echo \\',
  ].join('\n');
  const found = await problemsOf(script);
  assert.deepEqual(
    found.map(({ line, column, message }) => `${line}:${column} ${message.slice(0, 22)}`.trimEnd()),
    [
      '1:7 unknown input "nope";',
      '1:45 <+x> is not understood',
      '3:41 in arithmetic bash wou',
      '3:75 __legate_9 is reserved',
      '4:37 <+open has no closing',
      '5:6 in eval the value woul',
      '5:43 the script ends in a l',
    ],
  );
});

test('a template that declares nothing says so', async () => {
  const result = await compile(EXPRESSION, []);
  assert.deepEqual(result, {
    ok: false,
    problems: [{ line: 1, column: 1, message: 'unknown input "a"; the template declares no inputs' }],
  });
});

/** Every refusal in FirstGen's syntax, where an expression can be as short as the shortest bash expansion. */
test('what is refused of one syntax is refused of the other, in its own words', async () => {
  for (const scripts of Object.values(REFUSED)) {
    for (const [script, position, message] of scripts) {
      const result = await compile(script.replaceAll('§', '${a}'), inputsNamed('a'), 'FirstGen');
      assert.ok(!result.ok, script);
      const [problem] = result.problems;
      assert.ok(problem !== undefined);
      assert.match(problem.message.replaceAll('${…}', '<+…>'), message, script);
      assert.ok(!problem.message.includes('<+'), problem.message);
      assert.equal(problem.line, Number(position.split(':')[0]), script);
    }
  }
});

test('a script without expressions may use names that would pass for one', async () => {
  assert.equal((await compile('echo $__l_1', [])).ok, true);
});

test('FirstGen: a call that is not understood is refused where it stands', async () => {
  const result = await compile('x="${secrets.getValue(y)}"', [], 'FirstGen');
  assert.deepEqual(result, {
    ok: false,
    problems: [
      {
        line: 1,
        column: 4,
        message: '${secrets.getValue(y)} is not understood; write ${secrets.getValue("NAME")}',
      },
    ],
  });
});
