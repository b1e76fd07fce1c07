/**
 * The runner contract, the same on this machine and over SSH: bash is started with one constant program,
 * so that a process list shows nothing. Its stdin carries the inputs and the script, its stdout the value
 * and nothing else, its stderr the script's error output. No file is written, and nothing about a task is
 * in argv or the environment.
 *
 * The script is evaluated with a collector appended to its text, not sourced and not collected in an EXIT
 * trap: only so does an early `exit 0` deliver nothing, a `return` at top level go on, and an unfinished
 * here-document swallow the collector, as scripts written for the original expect.
 * docs/decisions/0001-collector-appended-to-an-evaluated-script.md has the whole table.
 */
import { inputVariable } from '../../protocol/index.ts';

// Far above what scripts use by hand (3 to 9) and what bash takes for itself (10 and up, 63 and down, 255).
const valueFd = 190;
const traceFd = 191;

/** How a record on the value channel begins. Every record ends in NUL, which no shell variable can hold. */
export const record = {
  /** The script came to its end: the value follows. */
  collected: '=',
  /** It ended early: what `secret` held then follows, which is good for redaction only. */
  uncollected: '!',
  /** The working directory can't be entered. */
  noDirectory: '?',
} as const;

/** Exit code of the bootstrap itself when its stdin ends before the script is complete. */
export const incompleteInput = 125;

const inputPrefix = inputVariable(0).slice(0, -1);

/**
 * What a bootstrap is made of, on this machine and on a host; `legate_nonce` holds what each record begins
 * with. Notes on what looks odd:
 * - Standard output of the script goes nowhere: tools print secrets there, and it never is the value.
 * - An execution trace (`set -x`) shows every value, so it goes nowhere too.
 * - `read -N` takes exactly as many bytes as it is told, in few system calls; `read -d` takes one at a time.
 * - All on one line, so that line numbers in bash's messages are those of the script.
 * - A script is worth less than the agent, so that the kernel shall end it first when memory runs out; what it starts
 *   inherits that. It is only ever raised: whoever is worth even less stays so.
 */
export const pieces = {
  expendable: [
    '{ read -r legate_size </proc/self/oom_score_adj && ((legate_size < 500)) && ' +
      'builtin echo 500 >/proc/self/oom_score_adj; } 2>/dev/null',
  ],
  separateChannels: [
    `exec ${valueFd}>&1 1>/dev/null ${traceFd}>/dev/null`,
    `BASH_XTRACEFD=${traceFd}`,
    'unset -v secret legate_directory legate_program legate_sizes legate_size legate_index LEGATE_COLLECTED',
  ],
  takeInput: [
    `IFS=" " read -r -a legate_sizes || exit ${incompleteInput}`,
    'legate_take() { if (($2 == 0)); then builtin printf -v "$1" ""; else LC_ALL=C IFS= read -r -N "$2" "$1"; fi; }',
    'legate_index=0',
    'for legate_size in "${legate_sizes[@]:2}"; do legate_index=$((legate_index + 1))',
    `unset -v "${inputPrefix}$legate_index"`,
    `legate_take "${inputPrefix}$legate_index" "$legate_size" || exit ${incompleteInput}; done`,
    `legate_take legate_directory "\${legate_sizes[0]}" || exit ${incompleteInput}`,
    `legate_take legate_program "\${legate_sizes[1]}" || exit ${incompleteInput}`,
  ],
  enterDirectory: [
    'if [[ $legate_directory ]]; then cd -- "$legate_directory" || ' +
      `{ builtin printf "%s${record.noDirectory}%s\\0" "$legate_nonce" "$BASH_VERSION" >&${valueFd}; exit 126; }; fi`,
  ],
  runProgram: [
    'unset -f legate_take',
    'unset -v legate_directory legate_sizes legate_size legate_index',
    "trap \"case \\${LEGATE_COLLECTED-} in '') " +
      `builtin printf '$legate_nonce${record.uncollected}%s\\0' \\"\\\${secret-}\\" >&${valueFd};; esac" EXIT`,
    'unset -v legate_nonce',
    'eval "unset -v legate_program;$legate_program"',
    // Reached only when the collector was not: after a syntax error, or when the script's end swallowed it.
    'exit "$?"',
  ],
} as const;

/** The constant program of scripts on this machine. */
export const bootstrap = [
  'legate_nonce=',
  ...pieces.expendable,
  ...pieces.separateChannels,
  ...pieces.takeInput,
  'exec </dev/null',
  ...pieces.enterDirectory,
  ...pieces.runProgram,
].join('; ');

/**
 * Stands behind the script's last line. It must not depend on anything the script may have changed:
 * assignments can't be overridden, in POSIX mode special builtins are found before functions, and a
 * backslash keeps aliases away; so `unset -f` frees `builtin` and `printf` from functions of these names.
 * It is one line and begins with `[[ true ]]`, which means something only where a command begins: behind a
 * script that ends in a line continuation, as in `secret=v\`, it makes the assignment one that lasts for the
 * command `true`, instead of getting a piece of the collector into the value. It must be a keyword, as a
 * function may have any command's name, and must not continue as a special builtin such as `:`, whose
 * assignments last in POSIX mode.
 */
const collector = (nonce: string) =>
  '[[ true ]]; POSIXLY_CORRECT=1; \\unset -f builtin printf; ' +
  `\\builtin printf '${nonce}${record.collected}%s\\0' "$secret" >&${valueFd}; LEGATE_COLLECTED=1; \\exit 0`;

/**
 * The same, with a bound on the memory that each process of a script may make its own, in MiB: what it can write to and
 * shares with nobody. What it only reserves does not count, as runtimes reserve far more than they use.
 */
export function boundedBootstrap(memoryMib: number): string {
  return `ulimit -d ${memoryMib * 1_024} || exit ${incompleteInput}; ${bootstrap}`;
}

/** What one run of a script is made of. */
export interface ScriptRun {
  /** The compiled program of the template: a constant, whatever the inputs are. */
  readonly program: string;
  /** The inputs' values; number i arrives in the variable `inputVariable(i)`. None may hold a NUL. */
  readonly inputs: readonly string[];
  /** Where the script runs; a private empty folder when it is left out. */
  readonly workingDirectory?: string;
}

/**
 * What bash gets on its stdin: a line of sizes in bytes, then the inputs, the directory and the program. Each
 * record that comes back begins with `nonce`, which a bootstrap knows from elsewhere.
 */
export function scriptInput(run: ScriptRun, nonce = ''): Buffer {
  const inputs = run.inputs.map(input => Buffer.from(input));
  const directory = Buffer.from(run.workingDirectory ?? '');
  const program = Buffer.from(`${run.program}\n${collector(nonce)}\n`);
  const sizes = [directory, program, ...inputs].map(part => part.length).join(' ');
  return Buffer.concat([Buffer.from(`${sizes}\n`), ...inputs, directory, program]);
}

/** The records that a run left on its value channel. */
export interface Collected {
  /** The value's bytes, when the script came to its end. */
  readonly value?: Buffer;
  /** What `secret` held when the script ended early. */
  readonly uncollected?: Buffer;
  readonly directoryMissing: boolean;
}

/** Reads the value channel. Bytes that are no complete record of ours count as nothing. */
export function readRecords(channel: Buffer): Collected {
  const end = channel.indexOf(0);
  if (end < 1) return { directoryMissing: false };
  const body = channel.subarray(1, end);
  switch (String.fromCharCode(channel[0] ?? 0)) {
    case record.collected:
      return { value: body, directoryMissing: false };
    case record.uncollected:
      return { uncollected: body, directoryMissing: false };
    case record.noDirectory:
      return { directoryMissing: true };
    default:
      return { directoryMissing: false };
  }
}
