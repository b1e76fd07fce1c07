import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For tests: a compiled program, and the values that its variables hold, the first in `__legate_1`. */
export interface Run {
  program: string;
  values: string[];
}

/**
 * Reads the runs from its standard input, NUL-terminated, and gives each a subshell of its own. A program
 * calls `show` to tell what arrived: the number of words, then the words. `body` shows its standard input.
 */
const DRIVER = `
show() { printf '%s\\0' "$#" "$@"; }
body() { local all; IFS= read -r -d '' all; show "$all"; }
while IFS= read -r -d '' __program; do
  IFS= read -r -d '' __count
  for ((__n = 1; __n <= __count; __n++)); do IFS= read -r -d '' "__legate_$__n"; done
  ( eval "$__program" ) </dev/null 2>/dev/null
  printf 'end\\0'
  if [ -e PWNED ]; then printf 'PWNED\\0'; fi
done
`;

/**
 * Runs programs in one real bash, in an empty directory. Gives the lists of words that each of them showed;
 * throws when a program made a file named PWNED.
 */
export function runInBash(runs: Run[]): string[][][] {
  const directory = mkdtempSync(join(tmpdir(), 'legate-compile-'));
  const input = join(directory, 'input');
  const empty = join(directory, 'empty');
  try {
    const fields = runs.flatMap(({ program, values }) => [program, String(values.length), ...values]);
    writeFileSync(input, fields.map(field => `${field}\0`).join(''));
    mkdirSync(empty);
    // A file, not a pipe: bash reads a pipe byte by byte.
    const stdin = openSync(input, 'r');
    const output = execFileSync('bash', ['--norc', '--noprofile', '-c', DRIVER], {
      cwd: empty,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/home/somebody', LC_ALL: 'C.UTF-8' },
      stdio: [stdin, 'pipe', 'inherit'],
      maxBuffer: 1 << 28,
      encoding: 'utf8',
    });
    closeSync(stdin);
    if (readdirSync(empty).includes('PWNED')) throw new Error(`a value ran as code: ${blame(output, runs)}`);
    return split(output);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function split(output: string): string[][][] {
  const fields = output.split('\0');
  const results: string[][][] = [[]];
  for (let at = 0; at < fields.length - 1; ) {
    if (fields[at] === 'end') {
      results.push([]);
      at += 1;
      continue;
    }
    const count = Number(fields[at]);
    if (!Number.isInteger(count)) throw new Error(`a program wrote ${fields[at]} by itself`);
    results.at(-1)?.push(fields.slice(at + 1, at + 1 + count));
    at += 1 + count;
  }
  return results.slice(0, -1);
}

/** The first run after which the file was there. */
function blame(output: string, runs: Run[]): string {
  const before = output.slice(0, output.indexOf('end\0PWNED\0'));
  return runs[split(`${before}end\0`).length - 1]?.program ?? 'unknown';
}
