/** One run over a channel: everything in at once, records out, and its end when it must. */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Clock, limits, sleep } from '../../protocol/index.ts';
import type { ScriptRun } from '../script/bootstrap.ts';
import { hostInput } from '../script/host-bootstrap.ts';
import type { RemoteExit, RemoteProcess, ResolvedTarget } from '../ssh/connection.ts';
import { stderrKept, tailKeeper } from './bounded-output.ts';
import type { End, Execution } from './execution.ts';
import { errorOutput, type HostChannel, hostChannel } from './host-channel.ts';
import { whyNotBegun } from './host-refusals.ts';
import type { TimeLimit } from './time-limit.ts';

export interface HostRun {
  readonly run: ScriptRun;
  readonly target: ResolvedTarget;
  readonly limit: TimeLimit;
  readonly clock: Clock;
  readonly graceMs: number;
  /** Wait for the error output also of a script that succeeds. */
  readonly keepLog: boolean;
  readonly step: (line: string) => void;
  readonly onErrorOutput: (chunk: Buffer) => void;
}

/** How long output may still come after the shell itself has exited. */
const settleMs = 100;
/** The same, once what holds the channel open was told to end. */
const lastLookMs = 1_000;
/** How much longer than the task the host lets a script run whose delegate has fallen silent. */
const slackMs = 10_000;
/** How much longer than twice the time of grace the host may take to end a script. */
const endingMs = 5_000;

/** Runs a script by the host's bootstrap. Whoever started the process closes it. */
export async function runOver(process: RemoteProcess, options: HostRun): Promise<Execution> {
  const { run, target, limit, clock, graceMs, keepLog, step, onErrorOutput } = options;
  const nonce = randomBytes(16).toString('hex');
  const tooLarge = Promise.withResolvers<'too-large'>();
  let overflowed = false;
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const channel = hostChannel({
    nonce,
    most: limits.value + 1,
    onOverflow() {
      overflowed = true;
      tooLarge.resolve('too-large');
    },
    onRecord() {
      if (channel.begun()) begun.resolve();
      if (channel.forced() !== undefined) ended.resolve();
    },
  });
  const tail = tailKeeper(stderrKept);
  const early = tailKeeper(stderrKept);
  let shown = false;
  const errors = errorOutput(nonce, chunk => {
    tail.write(chunk);
    // It may overtake the word that the script has begun.
    if (shown) onErrorOutput(chunk);
    else early.write(chunk);
  });
  void begun.promise.then(() => {
    const version = channel.version();
    if (version !== undefined && run.workingDirectory !== undefined)
      step(`host: working directory ${run.workingDirectory}`);
    // What the host says it is: one line of a length that bash itself would say.
    if (version !== undefined) step(`host: bash ${version.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 100)}`);
    shown = true;
    const before = early.kept();
    if (before.length > 0) onErrorOutput(before);
  });
  const closed = Promise.all([
    drained(process.stdout, chunk => channel.write(chunk)),
    drained(process.stderr, chunk => errors.write(chunk)),
  ]).then(() => true);
  // A channel that has gone away answers with an error, which says no more than its exit does.
  process.stdin.on('error', () => {});
  const mark = randomBytes(12).toString('hex');
  const deadlineMs = limit.remainingMs() + slackMs;
  process.stdin.write(hostInput(run, { nonce, mark, graceMs, deadlineMs }));

  const closedWithin = (ms: number) => Promise.race([closed, limit.wait(ms).then(() => false)]);
  const end = await Promise.race([process.exit, tooLarge.promise, limit.reached]).then(settle);
  if (end.kind !== 'exited' && end.kind !== 'lost') await hangUp(process, clock);
  begun.resolve();
  const login = errors.login();
  return {
    end,
    collected: channel.collected(),
    stderr: login.length > 0 ? login : tail.kept(),
    durationMs: 0,
  };

  /**
   * Whom the script left behind may hold the channel open; with its stdin's end they are ended too. A value
   * may also still be on its way: the end of a process overtakes what it wrote.
   */
  async function lastLook(): Promise<void> {
    if (hasRecord(channel)) return;
    process.stdin.end();
    for (let seen = -1; seen !== channel.bytes() && !hasRecord(channel) && !overflowed; ) {
      seen = channel.bytes();
      if (await Promise.race([closedWithin(lastLookMs), limit.reached])) return;
    }
  }

  async function settle(first: RemoteExit | 'too-large' | 'timed-out' | 'cancelled'): Promise<End> {
    if (typeof first === 'string') {
      process.stdin.write('end\n');
      if (!channel.begun() && first !== 'too-large') {
        const why = 'does a start-up file of the login shell wait for something, or read the standard input?';
        const detail = `the script was not started: ${target.host} had not begun to run bash; ${why}`;
        return { kind: 'not-started', reason: first, detail };
      }
      await Promise.race([ended.promise, closed, limit.wait(2 * graceMs + endingMs)]);
      // The last thing that comes is what the variable held: without it nothing could be redacted.
      await closedWithin(settleMs);
      // Some servers leave no way to tell; then what they say of the shell has to do.
      const killed = Promise.race([process.exit, limit.wait(0)]).then(
        exit => !!exit && 'signal' in exit && signalName(exit.signal) === 'SIGKILL',
      );
      return { kind: first, forced: channel.forced() ?? (await killed) };
    }
    if ('lost' in first) {
      return channel.begun()
        ? { kind: 'lost', detail: first.lost }
        : { kind: 'not-started', reason: 'host-connection-lost', detail: first.lost };
    }
    const { value } = channel.collected();
    if (value && 'exitCode' in first && first.exitCode === 0 && !keepLog)
      return { kind: 'exited', exitCode: 0 };
    if (!(await closedWithin(settleMs))) await lastLook();
    if (overflowed) return { kind: 'too-large', forced: false };
    if (!channel.begun()) return whyNotBegun(first, target, channel.noise());
    return 'signal' in first
      ? { kind: 'signalled', signal: signalName(first.signal) }
      : { kind: 'exited', exitCode: first.exitCode };
  }
}

/**
 * Tells a host that no more comes, and waits until that is on its way: some servers leave the stdin of a process
 * open when they only hear that its channel is closed, and it would wait for ever.
 */
export async function hangUp(process: RemoteProcess, clock: Clock): Promise<void> {
  const over = new AbortController();
  const sent = new Promise<void>(resolve => {
    process.stdin.once('error', () => resolve());
    process.stdin.end(resolve);
  });
  await Promise.race([sent, process.exit, sleep(clock, settleMs, over.signal)]);
  over.abort();
}

/** Resolves when a stream has given all that it has. */
function drained(stream: Readable, take: (chunk: Buffer) => void): Promise<void> {
  stream.on('data', take);
  return new Promise(resolve => {
    for (const event of ['end', 'close', 'error']) stream.once(event, () => resolve());
  });
}

function hasRecord(channel: HostChannel): boolean {
  const { value, uncollected, directoryMissing } = channel.collected();
  return value !== undefined || uncollected !== undefined || directoryMissing;
}

/** As this machine calls it. SSH leaves `SIG` out, and knows some by a name of the server's own. */
function signalName(name: string): string {
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  return /^SIG[A-Z0-9]{1,12}$/.test(full) ? full : 'SIGUNKNOWN';
}
