import { execa } from 'execa';

/**
 * `valid` scripts may leave a here-document open: bash only warns of that. `unknown`: there is no bash here
 * to ask. `line` is 1-based.
 */
export type Verdict =
  | { kind: 'valid'; leavesHereDocumentOpen: boolean }
  | { kind: 'unknown' }
  | { kind: 'invalid'; line: number; message: string };

export type CheckSyntax = (script: string) => Promise<Verdict>;

/** Far more than any script takes; keeps a strange one from holding a request. */
const TIMEOUT_MS = 10_000;

/**
 * Asks the bash of this machine to parse a script, not to run it (`-n`). A script that turns `extglob` on
 * may use its patterns further down, which bash without running the script cannot know.
 */
export async function checkWithBash(script: string): Promise<Verdict> {
  const verdict = await parse(script, []);
  const mayExtend = verdict.kind === 'invalid' && /\bextglob\b/.test(script);
  return mayExtend ? parse(script, ['-O', 'extglob']) : verdict;
}

async function parse(script: string, options: string[]): Promise<Verdict> {
  const { exitCode, stderr } = await execa('bash', ['--norc', '--noprofile', ...options, '-n'], {
    input: script,
    // Nothing else, such as SHELLOPTS or BASH_ENV, may change the answer; messages in English to take apart.
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    extendEnv: false,
    stdout: 'ignore',
    timeout: TIMEOUT_MS,
    reject: false,
  });
  if (exitCode === 0) return { kind: 'valid', leavesHereDocumentOpen: stderr.includes('here-document') };
  if (exitCode === undefined) return { kind: 'unknown' };
  const found = /line (\d+): (?:syntax error:? ?)?(.*)/.exec(stderr);
  return { kind: 'invalid', line: Number(found?.[1] ?? 1), message: found?.[2] ?? 'syntax error' };
}
