/**
 * The bootstrap on a target host: that of this machine, and around it what the other end of a connection
 * needs. The command that the account's login shell gets is constant and short: bash reads this program from
 * the channel's stdin, then what the task is made of, and then watches the channel while the script runs, so
 * that the script's processes end with it. docs/decisions/0011-the-bootstrap-on-a-target-host.md says why.
 */
import { incompleteInput, pieces, type ScriptRun, scriptInput } from './bootstrap.ts';

/** Further descriptors: the channel's stdin, a pipe that a script's processes hold open, and one that nobody reads. */
const controlFd = 188;
const lifeFd = 189;
const lifeReadFd = 187;
const neverFd = 186;
const valueFd = 190;

/** Further records that only a host sends. */
export const hostRecord = {
  /** The script begins; the version of bash follows. */
  started: '#',
  /** The watcher has ended the script's processes: `1` when some had to be killed. */
  ended: '.',
} as const;

/** What is printed instead of any record, on a line of its own, when the program can't begin. */
export const refusals = { noBash: 'legate-no-bash', oldBash: 'legate-old-bash', noInput: 'legate-no-input' };

/** What stays of the login's environment: as on a delegate, see execute/environment.ts. */
const kept =
  'PATH|HOME|LANG|LC_*|TZ|TMPDIR|USER|LOGNAME|SHELL|HTTP_PROXY|HTTPS_PROXY|NO_PROXY|ALL_PROXY|http_proxy|' +
  'https_proxy|no_proxy|all_proxy|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|GIT_SSL_CAINFO|REQUESTS_CA_BUNDLE|' +
  'NODE_EXTRA_CA_CERTS';
/** Variables of bash itself, of which some lose their meaning when they are unset. */
const ownOfBash =
  'BASH|BASHOPTS|BASHPID|BASH_[A-DF-Z]*|COMP_WORDBREAKS|DIRSTACK|EPOCH*|EUID|FUNCNAME|GROUPS|HISTCMD|HOSTNAME|' +
  'HOSTTYPE|IFS|LINENO|MACHTYPE|OLDPWD|OPTERR|OPTIND|OSTYPE|PIPESTATUS|PPID|PS4|PWD|RANDOM|SECONDS|SHELLOPTS|' +
  'SHLVL|SRANDOM|UID|_';

/** Milliseconds, from whatever this bash has for it. */
const now = `legate_now() { legate_time=\${EPOCHREALTIME/[.,]/}; legate_time=$((\${legate_time:-\${SECONDS}000000} / 1000)); }`;

/**
 * Finds what runs of the script: in its process group or session, below a process of it, or with its mark in
 * the environment. $$ is the script's shell, also in the watcher, which leads a group of its own.
 */
const look = [
  'legate_look() { legate_left=(); legate_names=(); legate_tree=([$$]=1)',
  'if ! [[ -r /proc/self/stat ]]; then if kill -0 -- "-$$"; then legate_left=("-$$"); legate_names=(group); fi; return; fi',
  'legate_marked=" $(grep -lsF "LEGATE_RUN=$legate_mark" /proc/[0-9]*/environ | tr "\\n" " ") "',
  'for legate_file in /proc/[0-9]*/stat; do legate_line=; IFS= read -r -d "" legate_line <"$legate_file"',
  'legate_pid=${legate_line%% *}; set -- ${legate_line##*) }',
  // A process has the name that its owner gives it, and arithmetic evaluates what it takes for a variable.
  'if [[ $1 == [ZXx] || -z $4 || $legate_pid$2$3$4 == *[!0-9]* ]]; then continue; fi',
  'if ((legate_pid == legate_self || $3 == legate_self)); then continue; fi',
  'if (($3 == $$ || $4 == $$ || legate_pid == $$)) || [[ ${legate_tree[$2]-} || ' +
    '$legate_marked == *" /proc/$legate_pid/environ "* ]]; then legate_tree[legate_pid]=1',
  'legate_left+=("$legate_pid"); legate_names+=("${legate_line%%) *}"); fi; done; }',
].join('; ');

/**
 * TERM to all of them, and KILL to what is left after the time of grace. Each program is asked once, as it
 * may have a trap; but also one that was started only just now.
 */
const end = [
  `legate_end() { exec ${neverFd}<> <(:); legate_asked="|"; legate_now; legate_kill=$((legate_time + legate_grace))`,
  'while legate_look; ((${#legate_left[@]})); do legate_now',
  'if ((legate_time >= legate_kill)); then legate_forced=1; kill -KILL -- "${legate_left[@]}"',
  'if ((legate_time >= legate_kill + legate_grace + 1000)); then break; fi',
  'else for legate_index in "${!legate_left[@]}"; do legate_name=${legate_names[legate_index]}',
  'if [[ $legate_asked != *"|$legate_name|"* ]]; then legate_asked+="$legate_name|"; kill -TERM -- "${legate_left[legate_index]}"; fi; done; fi',
  `read -r -t 0.03 -u ${neverFd} legate_line; done; }`,
].join('; ');

/**
 * The watcher. It waits for a line (end it), the end of the channel (the script is over, or the delegate has
 * gone) or the end of its time; then it ends what is there. It holds none of the script's channels open.
 */
const watch = [
  'set +m; trap "" HUP INT TERM PIPE; legate_self=$BASHPID; legate_forced=0; LC_ALL=C; IFS=" "',
  now,
  look,
  end,
  `if read -r -t "$legate_deadline" -u ${controlFd} legate_line; then exec ${valueFd}>"/proc/$$/fd/${valueFd}"; legate_end`,
  `builtin printf "%s${hostRecord.ended}%s\\0" "$legate_nonce" "$legate_forced" >&${valueFd}`,
  // Nobody holds the pipe and the group is empty: nothing to look for. That is how most scripts end.
  `elif (($? > 128)) || kill -0 -- "-$$"; then legate_end`,
  `else read -r -t 0.05 -u ${lifeReadFd} legate_line; if (($? != 1)); then legate_end; fi; fi`,
].join('; ');

/** What bash reads first, and evaluates. It begins as the command expects it, so that nothing else is evaluated. */
const begin = ': legate; ';
export const hostProgram =
  begin +
  [
    // The command asked for -p, so that bash takes no functions and no start-up file from the login.
    'set +p; unset -v TMOUT BASH_ENV',
    `legate_keep() { case $1 in ${kept}|${ownOfBash}|*[!A-Za-z0-9_]*) ;; *) unset -v "$1"; esac; }`,
    'if [[ -r /proc/self/environ ]]; then while IFS= read -r -d "" legate_line; do legate_keep "${legate_line%%=*}"; ' +
      'done </proc/self/environ; else for legate_line in _ {a..z} {A..Z}; do ' +
      'eval "for legate_size in \\${!$legate_line@}; do legate_keep "\\$legate_size"; done"; done; fi',
    'unset -f legate_keep; unset -v legate_line',
    `IFS=" " read -r legate_nonce legate_mark legate_grace legate_deadline || exit ${incompleteInput}`,
    ...pieces.separateChannels,
    ...pieces.takeInput,
    // Whoever wanted this has gone, or wants it no more.
    `if read -t 0; then exit ${incompleteInput}; fi`,
    `exec ${controlFd}<&0 </dev/null`,
    // Two processes, so that the script's shell has no child that `wait` waits for.
    `exec ${lifeFd}> >(exec ${lifeReadFd}<&0 2>/dev/null ${valueFd}>&-; set -m; { ${watch}; } &) || exit ${incompleteInput}`,
    `exec ${controlFd}<&-`,
    // Together with the record below, as each write wakes up a server and a delegate.
    'builtin printf "%s\\n" "$legate_nonce" >&2',
    ...pieces.enterDirectory,
    `builtin printf "%s${hostRecord.started}%s\\0" "$legate_nonce" "$BASH_VERSION" >&${valueFd}`,
    'export LEGATE_RUN="$legate_mark"',
    'unset -v legate_mark legate_grace legate_deadline',
    ...pieces.runProgram,
  ].join('; ');

/**
 * The constant command, for whatever shell the account has: only what sh, bash, zsh, fish and csh read alike.
 * `exec` puts bash in the place of the login shell, which is then not there to wait for it.
 */
export const hostCommand =
  `command -v bash >/dev/null || echo ${refusals.noBash}; exec bash --noprofile --norc -p -c '` +
  `((BASH_VERSINFO[0]>3))||exec echo ${refusals.oldBash} $BASH_VERSION;` +
  `LC_ALL=C read -rN ${Buffer.byteLength(hostProgram)} legate_program;` +
  `[[ $legate_program = "${begin}"* ]]||exec echo ${refusals.noInput};eval "$legate_program"' legate`;

/** How one run is to be watched. */
export interface Watch {
  /** What every record begins with: random, letters and digits. */
  readonly nonce: string;
  /** Marks the script's processes. */
  readonly mark: string;
  /** Time between TERM and KILL. */
  readonly graceMs: number;
  /** After this long the host ends the script by itself: nobody may be there any more who would. */
  readonly deadlineMs: number;
}

/** What goes into the channel at once. A line that follows ends the script; so does the channel's end. */
export function hostInput(run: ScriptRun, { nonce, mark, graceMs, deadlineMs }: Watch): Buffer {
  const header = `${nonce} ${mark} ${Math.ceil(graceMs)} ${Math.ceil(deadlineMs / 1_000)}\n`;
  return Buffer.concat([Buffer.from(hostProgram + header), scriptInput(run, nonce)]);
}
