import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExpressionSyntax } from '../domain/expression.ts';
import { loadCompiler } from './compile.ts';
import { inputsNamed } from './testing/inputs.ts';
import { runInBash } from './testing/run-in-bash.ts';
import { HOSTILE, LARGE } from './testing/values.ts';

const A = '<+spec.environmentVariables.a>';
/** The scripts below are bash; that they still are when compiled shows when they run. */
const compile = await loadCompiler(async () => ({ kind: 'valid', leavesHereDocumentOpen: false }));

/** The other ways to write what arrives as one value. */
const OTHERS: [expression: string, syntax: ExpressionSyntax][] = [
  ['<+secrets.getValue("account.a")>', 'NG'],
  [`<+secrets.getValue('x' + ${A})>`, 'NG'],
  ['<+spec.source.spec.type>', 'NG'],
  ['<+1>', 'NG'],
  ['${a}', 'FirstGen'],
  ['${secrets.getValue("it is a")}', 'FirstGen'],
];

async function compiled(script: string, expression = A, syntax: ExpressionSyntax = 'NG'): Promise<string> {
  const result = await compile(script.replaceAll('§', expression), inputsNamed('a'), syntax);
  assert.ok(result.ok, result.ok ? '' : `${script}: ${JSON.stringify(result.problems)}`);
  assert.ok(result.program.slots.length <= 1);
  return result.program.text;
}

/** A word that is nothing but a value is no word at all when the value is empty, as when it was pasted. */
const word = (value: string) => (value === '' ? [] : [value]);

/** What a script shows, in place of what `§` stands for: one list for one call of `show`. */
type Context = [script: string, shown: (value: string) => string[][]];

const one = (around: (value: string) => string) => (value: string) => [[around(value)]];
const same = one(value => value);
const yes = () => [['yes']];

const CONTEXTS: Record<string, Context[]> = {
  'a bare word': [
    ['show §', v => [word(v)]],
    ['show a § b', v => [['a', ...word(v), 'b']]],
    ['show § §', v => [[...word(v), ...word(v)]]],
    ['show §§', one(v => v + v)],
    ['show a§', one(v => `a${v}`)],
    ['show §b', one(v => `${v}b`)],
    ['show https://h/§/x?y=§#§', one(v => `https://h/${v}/x?y=${v}#${v}`)],
    ['show --opt=§ -d{§}', v => [[`--opt=${v}`, `-d{${v}}`]]],
    [`show 'a'§"b"`, one(v => `a${v}b`)],
    ['show \\\n  § \\\n  b', v => [[...word(v), 'b']]],
    ['show § # and §', v => [word(v)]],
    ['show [§]', one(v => `[${v}]`)],
    ['IFS=/; show § a§', v => [[...word(v), `a${v}`]]],
    ['set -fu; show §', v => [word(v)]],
    ['shopt -s nullglob; show §', v => [word(v)]],
    ['set -o posix; show a§', one(v => `a${v}`)],
    ['set -- § x; show "$@"', v => [[...word(v), 'x']]],
    ['f() { show "$#" "$1"; }; f §x', v => [['1', `${v}x`]]],
    ["printf '1\\0%s\\0' §", same],
    ["printf -- 1'\\0'%s'\\0' §", same],
    ['command show x; builtin printf "1\\0%s\\0" §', same],
    ['if true; then show §; fi', v => [word(v)]],
    ['! true || show x§', one(v => `x${v}`)],
    ['{ show x§; }; (show §y)', v => [[`x${v}`], [`${v}y`]]],
    ['>/dev/null show a; show <&- §', v => [word(v)]],
    ['time -p show §', v => [word(v)]],
    ['show $1§ $#§ "$1§"', v => [[v, `0${v}`, v]]],
  ],
  'an assignment': [
    ['x=§; show "$x"', same],
    ['x=a§b; show "$x"', one(v => `a${v}b`)],
    ['x=§\'b\'; show "$x"', one(v => `${v}b`)],
    ['x=a; x+=§; show "$x"', one(v => `a${v}`)],
    ['X=§ Y=b§ show x; show "${X-unset}"', () => [['x'], ['unset']]],
    ['f() { show "$X"; }; X=§ f', same],
    ['export X=§; show "$X"', same],
    ['f() { local x=§ y=a§; show "$x" "$y"; }; f', v => [[v, `a${v}`]]],
    ['readonly x="§"; show "$x"', same],
    [`export "X=§" 'Y=§'; show "$X" "$Y"`, v => [[v, v]]],
    ['declare -r x=§; typeset -x y=§; show "$x" "$y"', v => [[v, v]]],
    ['a[1]=§; show "${a[1]}"', same],
    ['x=$(printf %s. §); show "$x"', one(v => `${v}.`)],
  ],
  'an array': [
    ['a=(x § y); show "${a[@]}"', v => [['x', ...word(v), 'y']]],
    [`a=(x§ "§" '§'); show "\${a[@]}"`, v => [[`x${v}`, v, v]]],
    ['a=(\n  §x # §\n  y\n); show "${a[@]}"', v => [[`${v}x`, 'y']]],
    ['a=(x); a+=(§); show "${a[@]}"', v => [['x', ...word(v)]]],
    ['declare -A m=([k]=§ [l]="§"); show "${m[k]}" "${m[l]}"', v => [[v, v]]],
    ['f() { local -a a=(x§); show "${a[@]}"; }; f', one(v => `x${v}`)],
    ['a=(k=§); show "${a[0]}"', one(v => `k=${v}`)],
  ],
  'a test': [
    ['v="§"; [[ $v == § ]] && show yes', yes],
    ['v="§"; [[ § = "$v" ]] && show yes', yes],
    ['v="§"; [[ a§b == a"$v"b && x != §y ]] && show yes', yes],
    ['v="§"; [[ "-$v-" == *§* ]] && show yes', yes],
    ['v="§"; [[ $v == "§" && $v == \'§\' ]] && show yes', yes],
    ['v="§"; [[ "a$v" =~ ^a"§"$ ]] && show yes', yes],
    ['[[ -n x§ && ( -z § || -n § ) ]] && show yes', yes],
    ['[[ § ]] && show yes || show no', v => [[v === '' ? 'no' : 'yes']]],
    ['v="§"; [ § = "$v" ] && show yes', yes],
    ['v="§"; [ "$v" = § ] && show yes', yes],
    ['v="§"; test "§" = "$v" && show yes', yes],
    ['[ -n § ] && show yes || show no', v => [[v === '' ? 'no' : 'yes']]],
    ['if [ -z "§" ]; then show no; else show yes; fi', v => [[v === '' ? 'no' : 'yes']]],
  ],
  'a case or a loop': [
    ['v="§"; case § in "$v") show yes ;; esac', yes],
    ['v="§"; case $v in §) show yes ;; *) show no ;; esac', yes],
    ['v="§"; case "a$v-" in (b|a§*) show yes ;; esac', yes],
    [`v="§"; case x in "§"|'§'|x) show yes ;; esac`, yes],
    ['x=$(case "§" in *) printf %s. § ;; esac); show "$x"', one(v => `${v}.`)],
    ['for i in a § b; do show "$i"; done', v => [['a'], ...word(v).map(w => [w]), ['b']]],
    ['for i in a§ "§"; do show "$i"; done', v => [[`a${v}`], [v]]],
    ['n=0; while [ $n = 0 ]; do n=1; show x§; done', one(v => `x${v}`)],
  ],
  'double quotes': [
    ['show "§"', same],
    ['show "a § b"', one(v => `a ${v} b`)],
    ['show "x\\"§\\"y"', one(v => `x"${v}"y`)],
    ['show "${HOME}§$HOME"', one(v => `/home/somebody${v}/home/somebody`)],
    ["show \"it's '§'\"", one(v => `it's '${v}'`)],
    ['show "\n§\n"', one(v => `\n${v}\n`)],
    ['show "CORP\\§"', one(v => `CORP\\${v}`)],
    ['show "a\\\\§"', one(v => `a\\${v}`)],
    ['show "\\$§ \\`§\\`"', one(v => `$${v} \`${v}\``)],
    ['show $"a §"', one(v => `a ${v}`)],
    ['show "{\\"k\\": \\"§\\"}"', one(v => `{"k": "${v}"}`)],
    ['show "é😀 §" \'漢\u00a0\'"§"', v => [[`é😀 ${v}`, `漢\u00a0${v}`]]],
    ['show "§;#§"', one(v => `${v};#${v}`)],
  ],
  'single quotes': [
    ["show '§'", same],
    ['show \'a $HOME \\ "§" `x` §\'', one(v => `a $HOME \\ "${v}" \`x\` ${v}`)],
    ["show 'X: '§'Y'", one(v => `X: ${v}Y`)],
    ["show '$§ \\§'", one(v => `$${v} \\${v}`)],
    ["show '\n§\n'", one(v => `\n${v}\n`)],
    ["show $'a\\t§\\n' $'\\\\§' $'\\'§\\''", v => [[`a\t${v}\n`, `\\${v}`, `'${v}'`]]],
    ["show $'\\x41§\\101§'", one(v => `A${v}A${v}`)],
  ],
  substitutions: [
    ['show "$(printf %s. "§")"', one(v => `${v}.`)],
    ['show "$(printf %s. \'.data."§"\')"', one(v => `.data."${v}".`)],
    ['show "a $(printf %s. "$(printf \'%s,\' \'§\' x§)") b"', one(v => `a ${v},x${v},. b`)],
    ['x=$(printf %s. "$(printf %s "$(printf %s, "§")")"); show "$x"', one(v => `${v},.`)],
    ['IFS= read -r -d \'\' x < <(printf \'%s\\0\' "§"); show "$x"', same],
    ["IFS= read -r -d '' x < <(printf '%s\\0' x§ '§'); show \"$x\"", one(v => `x${v}`)],
    ['x=`printf %s. x§`; show "$x"', one(v => `x${v}.`)],
    ['show "`printf %s. "§"`" "`printf %s. \'§\'`"', v => [[`${v}.`, `${v}.`]]],
    ['x=`printf %s. §`; show "$x"', one(v => `${v}.`)],
    ['show "`printf %s. §`"', one(v => `${v}.`)],
    ['show "$(( $(printf %s "§" | wc -l) + 0 ))"', one(v => String(v.split('\n').length - 1))],
  ],
  'parameter expansion': [
    ['x=${u:-§}; show "$x"', same],
    ['show ${u:-§}', v => [word(v)]],
    ['show ${u:-a§}', one(v => `a${v}`)],
    ['show "${u:-§}" "${u-a§b}" "${HOME:+§}"', v => [[v, `a${v}b`, v]]],
    ['show "${u:-"§"}" ${u:-"§"} ${u:-\'§\'}', v => [[v, v, v]]],
    ['show "${u:-$(printf %s. "§")}"', one(v => `${v}.`)],
    [': "${u:=§}"; show "$u"', same],
  ],
  'a trimming pattern': [
    ['x="§-tail"; show "${x#"§"}"', one(() => '-tail')],
    ['x="head-§"; y=${x%"§"}; show "$y" "${x%%"§"}"', () => [['head-', 'head-']]],
  ],
  'here-strings and here-documents': [
    ['body <<< §', one(v => `${v}\n`)],
    ['body <<< "a §"', one(v => `a ${v}\n`)],
    ["body <<< 'a'§", one(v => `a${v}\n`)],
    ['body <<E\na § b\n§\nE', one(v => `a ${v} b\n${v}\n`)],
    ['body <<E\n"§" \'§\' \\§ \\$§ \\\\§\nE\n', one(v => `"${v}" '${v}' \\${v} $${v} \\${v}\n`)],
    ["body <<E\n$(printf %s. '§') ${u:-§} $HOME\nE", one(v => `${v}. ${v} /home/somebody\n`)],
    ['body <<-E\n\ta §\n\t\tE', one(v => `a ${v}\n`)],
    [
      "body <<'E'\na § $HOME ${x} $(x) `y` \\ \\\\ \"q\" 'q' \\n\\\nE\n",
      one(v => `a ${v} $HOME \${x} $(x) \`y\` \\ \\\\ "q" 'q' \\n\\\n`),
    ],
    ['body <<"E"\n§\nE', one(v => `${v}\n`)],
    ['body <<\\E\n$§\\§\nE', one(v => `$${v}\\${v}\n`)],
    ["body <<-'E'\n\ta\\§\n\t b\n\tE", one(v => `a\\${v}\n b\n`)],
    ["body << 'two words' 2>/dev/null\n§\ntwo words\nshow x", v => [[`${v}\n`], ['x']]],
    ['x="$(cat <<\'E\'\n§ it\'s "$y"\nE\nprintf .)"; show "$x"', one(v => `${v} it's "$y"\n.`)],
    ['body <<E | cat\n§\nE\nshow x', v => [[`${v}\n`], ['x']]],
    ["body <<'E'\nno value: $HOME\nE\nshow §x", v => [['no value: $HOME\n'], [`${v}x`]]],
    ['IFS= read -r -d \'\' x <<< "§"; show "$x"', one(v => `${v}\n`)],
    ['mapfile -t -d \'\' a < <(printf \'%s\\0\' "§"); show "${a[0]}"', same],
  ],
  comments: [
    ['# §\nshow x # §', () => [['x']]],
    ['show a#§', one(v => `a#${v}`)],
    ['show x;# §', () => [['x']]],
  ],
};

for (const [place, contexts] of Object.entries(CONTEXTS)) {
  // So that what the next test finds out about one program is true of all.
  test(`in ${place} every expression, of either syntax, becomes the same program`, async () => {
    for (const [script] of contexts) {
      const program = await compiled(script);
      for (const [expression, syntax] of OTHERS)
        assert.equal(await compiled(script, expression, syntax), program, `${script} with ${expression}`);
    }
  });

  test(`in ${place} a command receives the value itself, whatever it holds`, async () => {
    const cases = await Promise.all(
      contexts.map(async ([script, shown]) => ({ script, shown, program: await compiled(script) })),
    );
    // Bash takes half a minute to match 100 kB against a pattern as long.
    const values = place === 'a trimming pattern' ? HOSTILE : [...HOSTILE, LARGE];
    const runs = cases.flatMap(each => values.map(value => ({ ...each, value })));
    const results = runInBash(runs.map(({ program, value }) => ({ program, values: [value] })));
    assert.equal(results.length, runs.length);
    runs.forEach(({ script, shown, program, value }, index) => {
      assert.deepEqual(results[index], shown(value), `${script} with ${value.slice(0, 40)}: ${program}`);
    });
  });
}

test('a program that would run a value is noticed here', () => {
  assert.throws(
    () => runInBash([{ program: 'eval "${__legate_1}"', values: ['touch PWNED'] }]),
    /ran as code/,
  );
});
