/** What a script's end delivers, row by row as scripts written for the original expect it. */
import assert from 'node:assert/strict';
import type { Execution } from '../../agent/execute/execution.ts';
import { toValue } from '../../agent/script/value.ts';

/** A value, `empty` (the end was reached without one), `early` (it was not reached), or how it failed. */
export type Result = { value: string } | 'empty' | 'early' | { exitCode: number };

export function resultOf({ end, collected }: Execution): Result {
  assert.equal(end.kind, 'exited', JSON.stringify(end));
  if (end.kind === 'exited' && end.exitCode !== 0) return { exitCode: end.exitCode };
  if (!collected.value) return 'early';
  const value = toValue(collected.value);
  return value.ok ? { value: value.bytes.toString() } : 'empty';
}

const value = (text: string) => ({ value: text });
const exits = (exitCode: number) => ({ exitCode });

export const scriptEnds: Record<string, [script: string, result: Result][]> = {
  'a value is delivered as it stands, but for white space at its ends and line ends': [
    ['secret=abc', value('abc')],
    ['export secret=abc', value('abc')],
    ['readonly secret=abc', value('abc')],
    ['secret="a  b  "', value('a  b')],
    ['secret="  a"', value('a')],
    ['secret="*"', value('*')],
    ['secret="a=b=c"', value('a=b=c')],
    ["secret='-n x'", value('-n x')],
    ["secret='a\\nb\\t'", value('a\\nb\\t')],
    ["shopt -s xpg_echo\nsecret='a\\nb\\t'", value('a\\nb\\t')],
    ["secret=$'\\n\\nl1\\nl2\\n\\n'", value('l1\nl2')],
    ["secret=$'a\\r\\nb'", value('a\nb')],
    ["secret=$'a\\rb'", value('a\nb')],
    ['secret=(a b)', value('a')],
    ["secret=$(printf 'a\\0b' 2>/dev/null)", value('ab')],
    ['secret=null', 'empty'],
    ['secret=" null "', 'empty'],
    ['secret=Null', value('Null')],
    ['secret=', 'empty'],
    ["secret=$' \\t\\n'", 'empty'],
    ['', 'empty'],
  ],
  'the variable counts where the top level can see it': [
    ['f() { secret=abc; }\nf', value('abc')],
    ['f() { local secret=x; }\nf', 'empty'],
    ['(secret=x)', 'empty'],
    ['secret=x &\nwait', 'empty'],
    ['secret=x &', 'empty'],
    ['echo x | read secret', 'empty'],
    ['shopt -s lastpipe\necho x | read secret', value('x')],
    ['{ secret=abc; }', value('abc')],
    ['declare -n secret=other\nother=abc', value('abc')],
    ['eval secret=abc', value('abc')],
    ['source <(echo secret=abc)', value('abc')],
  ],
  'standard output never is the value': [
    ['echo abc', 'empty'],
    ['echo abc\nexit 0', 'early'],
    ['secret=abc\necho def', value('abc')],
    ['exec 1>&2\nsecret=abc\necho def', value('abc')],
    ['exec >&-\nsecret=abc', value('abc')],
  ],
  'a failing command matters as much as the script says': [
    ['secret=$(false)', 'empty'],
    ['set -e\nsecret=$(false)\nsecret=x', exits(1)],
    ['secret=$(false | cat)', 'empty'],
    ['set -e\nsecret=$(false | cat)', 'empty'],
    ['set -e -o pipefail\nsecret=$(false | cat)', exits(1)],
    ['secret=abc\nfalse', value('abc')],
    ['secret=abc\nfalse &&', value('abc')],
    ['set -e\nsecret=abc\nfalse', exits(1)],
    ['set -u', exits(127)],
    ['set -u\nsecret=abc', value('abc')],
    ['set -u\n: "$nothing"\nsecret=abc', exits(127)],
    ['exit 1', exits(1)],
    ['secret=abc\nexit 7', exits(7)],
    ['secret=abc\nexit 255', exits(255)],
  ],
  'a script that ends early delivers nothing': [
    ['secret=abc\nexit 0', 'early'],
    ['secret=abc\nexit', 'early'],
    ['secret=abc\nexec true', 'early'],
    ['secret=abc\nexec false', exits(1)],
    ['secret=abc\ntrap "exit 0" EXIT\nexit 3', 'early'],
    ['secret=abc\nset -n', 'early'],
  ],
  'a return at top level is an error that goes on': [
    ['secret=abc\nreturn', value('abc')],
    ['return 3\nsecret=abc', value('abc')],
    ['break\ncontinue\nsecret=abc', value('abc')],
  ],
  'a script that is not complete fails, or swallows the collector': [
    ['secret="abc', exits(2)],
    ["secret='abc", exits(2)],
    ['secret=`echo abc', exits(2)],
    ['secret=$(echo abc', exits(2)],
    ['secret=abc\nif true; then', exits(2)],
    ['secret=abc\n}', exits(2)],
    ['secret=abc\ncat <<END\ntext', 'early'],
    ['secret=abc\ncat <<END\ntext\nEND ', 'early'],
    ['secret=v\\', 'empty'],
    ['set -o posix\nsecret=v\\', 'empty'],
    ['set -e\nsecret=v\\', 'empty'],
    ['secret=abc\nsecret=v\\\n', value('v')],
    ['secret=abc\nsecret=v\\\\', value('v\\')],
  ],
  'the last line may be anything that is complete': [
    ['secret=abc\n# done', value('abc')],
    ['secret=abc # done\\', value('abc')],
    ['secret=abc\n\n\n', value('abc')],
    ['secret=abc;', value('abc')],
    ['#!/bin/bash\nsecret=abc', value('abc')],
    ['\n\nsecret=abc', value('abc')],
    ['secret=abc\ncat <<END\ntext\nEND', value('abc')],
    ["trap 'echo bye >&2' EXIT\nsecret=abc", value('abc')],
    ['secret=abc\ncd /', value('abc')],
    ['secret=abc\r\n', value('abc')],
  ],
};
