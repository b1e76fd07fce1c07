/**
 * THE STORY of a task: open what is sealed → execute, here or on a host, or share what another task executes → take the
 * value, or say why there is none.
 */
import {
  type Clock,
  type Failure,
  type HostCredential,
  type HostHop,
  limits,
  openCredential,
  openInput,
  SealError,
  type SealedChunk,
  type SealingKeys,
  sealValue,
  systemClock,
  type Task,
} from '../protocol/index.ts';
import { inputRefusal } from './admission.ts';
import type { Execution, RunBounds, Runner } from './execute/execution.ts';
import type { HostRunner } from './execute/host.ts';
import type { FindMatches } from './script/custom-patterns.ts';
import { lastLines } from './script/last-lines.ts';
import { liveLog } from './script/live-log.ts';
import { pick, textsIn } from './script/pick.ts';
import { type Redact, redactor } from './script/redact.ts';
import { toValue } from './script/value.ts';
import type { SharedRuns, Yielded } from './shared-runs.ts';
import type { ResolvedHop, ResolvedTarget } from './ssh/connection.ts';

/** What a task amounts to. */
export type Outcome = (
  | {
      readonly ok: true;
      readonly chunks: AsyncIterable<SealedChunk>;
      /** Another task's run has yielded it, which began so long ago. */
      readonly ageMs?: number;
    }
  | ({ readonly ok: false } & Failure)
) & {
  readonly durationMs: number;
  /** The script's error output, redacted: what of it was not sent while the script ran. */
  readonly log: string;
};

export interface TaskTools {
  /** Runs what has no target. */
  readonly runner: Runner;
  readonly hosts: HostRunner;
  readonly keys: SealingKeys;
  /** Left out: every task runs by itself. */
  readonly shared?: SharedRuns;
  readonly clock?: Clock;
  /** The operator's patterns for what is masked. */
  readonly sanitize?: FindMatches;
  /** What scripts know of the delegate that nobody else is to read, as its proxy's password. */
  readonly ownSecrets?: readonly string[];
  /** Hears of places that were masked. */
  readonly onRedaction?: (places: number) => void;
}

/** Sends a piece of the log of a script that still runs. Resolves when the next one may follow. */
export type SendLog = (text: string) => Promise<void>;

/**
 * Runs an admitted task. It resolves for every outcome; a rejection is a fault of the agent. `sendLog` is
 * called only for a task that asks for a live log, and not after the outcome is there.
 */
export async function runTask(
  task: Task,
  tools: TaskTools,
  bounds: RunBounds,
  sendLog: SendLog,
): Promise<Outcome> {
  const opened = await openSealed(task, tools.keys);
  if ('detail' in opened) return { ok: false, reason: 'unresolved-input', ...opened, durationMs: 0, log: '' };

  if (bounds.signal.aborted) return notBegun;

  const execute = (within: RunBounds) => executeTask(task, opened, tools, within, sendLog);
  // Whoever wants to read the log wants a run to read it of.
  const share = task.logs || task.liveLogs ? undefined : task.share;
  const { program, workingDirectory, recipient } = task;
  // What is masked for one task must be masked for the other, so the same value is not the same where one is secret.
  const kinds = task.inputs.map(({ kind }) => kind);
  const same = [program.digest, opened.values, kinds, workingDirectory ?? null, opened.target ?? null];
  const yielded =
    share && tools.shared ? await tools.shared.obtain(same, share, bounds, execute) : await execute(bounds);
  const { durationMs, log } = yielded;
  if (!yielded.ok) return yielded;
  const value = task.pick === undefined ? yielded : pick(yielded.bytes, task.pick);
  if (!value.ok) return { ...value, durationMs, log };
  const age = yielded.ageMs === undefined ? {} : { ageMs: yielded.ageMs };
  return { ok: true, chunks: sealValue(value.bytes, recipient, task), ...age, durationMs, log };
}

/** Runs the script, and takes its value. */
async function executeTask(
  task: Task,
  opened: Opened,
  tools: TaskTools,
  bounds: RunBounds,
  sendLog: SendLog,
): Promise<Yielded> {
  const { program, workingDirectory } = task;
  const directory = workingDirectory === undefined ? {} : { workingDirectory };
  const { clock = systemClock, sanitize: patterns, ownSecrets = [] } = tools;
  const secrets = [...opened.secrets, ...ownSecrets];
  const keepLog = task.logs === true || task.liveLogs === true;
  const live = task.liveLogs ? liveLog({ secrets, patterns, clock, send: sendLog }) : undefined;
  const step = (line: string) => live?.write(Buffer.from(`${line}\n`));
  const runner = opened.target ? tools.hosts.at(opened.target, step) : tools.runner;
  const execution = await runner.run(
    { program: program.text, inputs: opened.values, ...directory },
    { ...bounds, keepLog },
    live?.write,
  );

  const yields = secretsOf(execution);
  // Nobody reads what a script said that has succeeded, unless it was asked for.
  const parts = keepLog || !succeeded(execution) ? yields.flatMap(textsIn) : [];
  const redact = redactor([...secrets, ...yields, ...parts], patterns, tools.onRedaction);
  const rest = live?.end(redact);
  // A value too large was never read to its end, so that nobody would recognise the rest of it.
  const readable = execution.end.kind !== 'too-large';
  const all = readable ? redact(execution.stderr.toString()) : '';
  const log = readable ? (rest ?? all) : '';
  const value = execution.collected.value && toValue(execution.collected.value);
  const { durationMs } = execution;
  if (succeeded(execution) && value?.ok) return { ok: true, bytes: value.bytes, durationMs, log };
  const failure = describeFailure(execution, value?.ok === false ? value.reason : undefined);
  return { ok: false, ...redactedFailure(failure, redact), ...tail(all), durationMs, log };
}

const notBegun: Outcome = {
  ok: false,
  reason: 'cancelled',
  detail: 'the script was not started',
  durationMs: 0,
  log: '',
};

interface Opened {
  readonly values: string[];
  readonly target: ResolvedTarget | undefined;
  /** What of all this must not be read anywhere. */
  readonly secrets: string[];
}

/** Opens what is sealed; `detail` says what cannot be used. */
async function openSealed(task: Task, keys: SealingKeys): Promise<Opened | { detail: string }> {
  const values: string[] = [];
  const secrets: string[] = [];
  try {
    for (const [index, input] of task.inputs.entries()) {
      const value = input.kind === 'sealed' ? await openInput(input.data, keys, task, index) : input.data;
      const detail = inputRefusal(value, index);
      if (detail) return { detail };
      values.push(value);
      if (input.kind === 'sealed') secrets.push(value);
    }
    if (!task.target) return { values, target: undefined, secrets };
    const { jumps, legacyAlgorithms, ...first } = task.target;
    const open = async (hop: HostHop, index: number): Promise<ResolvedHop> => {
      const { host, port, user, hostKeys, credential } = hop;
      if (credential.kind === 'delegate') return { host, port, user, hostKeys, credential };
      const opened = await openCredential(credential.data, keys, task, index);
      secrets.push(...secretsIn(opened));
      const named = credential.id === undefined ? {} : { credentialId: credential.id };
      return { host, port, user, hostKeys, credential: opened, ...named };
    };
    const hops = await Promise.all(jumps.map((jump, at) => open(jump, at + 1)));
    const legacy = legacyAlgorithms === undefined ? {} : { legacyAlgorithms };
    return { values, target: { ...(await open(first, 0)), ...legacy, jumps: hops }, secrets };
  } catch (error) {
    if (error instanceof SealError) return { detail: error.message };
    throw error;
  }
}

function secretsIn(credential: HostCredential): string[] {
  if (credential.kind === 'password') return [credential.password];
  const { passphrase } = credential;
  const key = credential.kind === 'key' ? [credential.privateKey] : [];
  return passphrase === undefined ? key : [...key, passphrase];
}

/** What must not be read in the script's error output: its value, also one that it never delivered. */
function secretsOf({ collected }: Execution): string[] {
  return [collected.value, collected.uncollected]
    .filter(bytes => bytes !== undefined)
    .map(bytes => bytes.toString());
}

function succeeded({ end }: Execution): boolean {
  return end.kind === 'exited' && end.exitCode === 0;
}

function describeFailure(execution: Execution, valueProblem?: 'empty-value' | 'invalid-value'): Failure {
  const { end, collected } = execution;
  if (collected.directoryMissing) return { reason: 'working-directory-missing' };
  switch (end.kind) {
    case 'lost':
      return { reason: 'host-connection-lost', detail: end.detail };
    case 'not-started':
      return { reason: end.reason, detail: end.detail };
    case 'timed-out':
    case 'cancelled': {
      const how = end.forced ? 'ignored SIGTERM and was killed' : 'ended on SIGTERM';
      const after = `after ${(execution.durationMs / 1_000).toFixed(1)} s`;
      return { reason: end.kind, detail: `the script was stopped ${after}; its process tree ${how}` };
    }
    case 'too-large':
      return { reason: 'value-too-large', detail: `the value is larger than ${limits.value} bytes` };
    case 'signalled':
      return { reason: 'script-failed', signal: end.signal, detail: endedBy(end.signal) };
    case 'exited':
      if (end.exitCode !== 0) {
        const killed = end.exitCode === killedCode ? `: ${endedBy('SIGKILL', 'something in it')}` : '';
        const detail = `the script ended with exit code ${end.exitCode}${killed}`;
        return { reason: 'script-failed', exitCode: end.exitCode, detail };
      }
      if (valueProblem) return { reason: valueProblem, exitCode: 0 };
      return { reason: 'empty-value', exitCode: 0, detail: 'the script ended early, before its last line' };
  }
}

/** What bash ends with when the command that decided its end was killed. */
const killedCode = 128 + 9;

function endedBy(signal: string, what = 'the script'): string {
  const cause = signal === 'SIGKILL' ? ', as the system does when memory runs out' : '';
  return `${what} was ended by ${signal}${cause}`;
}

/** What the protocol lets a failure say. */
const mostDetail = 1_000;

function redactedFailure(failure: Failure, redact: Redact): Failure {
  if (failure.detail === undefined) return failure;
  // Some quote a host, which may say anything.
  return { ...failure, detail: redact(failure.detail).slice(0, mostDetail) };
}

/** The end of the log that travels with a failure. */
function tail(log: string): { stderrTail?: string } {
  const text = log.trimEnd();
  return text === '' ? {} : { stderrTail: lastLines(text, limits.stderrTail) };
}
