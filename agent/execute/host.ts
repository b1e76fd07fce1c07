/** The runner contract on a target host: logs in, and runs the script over one channel of the connection. */
import { type Clock, systemClock } from '../../protocol/index.ts';
import type { ScriptRun } from '../script/bootstrap.ts';
import { hostCommand } from '../script/host-bootstrap.ts';
import { HostError, type HostLease, type Hosts, type ResolvedTarget } from '../ssh/connection.ts';
import type { Execution, Runner } from './execution.ts';
import { hostDirectory } from './host-directory.ts';
import { hangUp, runOver } from './host-run.ts';
import { notStarted, type TimeLimit, timeLimit } from './time-limit.ts';

export interface HostRunnerOptions {
  /** What variables in a working directory stand for: the environment of scripts on the delegate. */
  readonly environment: Readonly<Record<string, string>>;
  /** Time between TERM and KILL. */
  readonly killGraceMs?: number;
  readonly clock?: Clock;
}

export interface HostRunner {
  /** The runner for scripts on this host. `step` gets a line for each thing that was achieved on the way. */
  at(target: ResolvedTarget, step?: (line: string) => void): Runner;
}

export function hostRunner(hosts: Hosts, options: HostRunnerOptions): HostRunner {
  const { clock = systemClock, killGraceMs = 2_000, environment } = options;

  /** Logs in and starts the command, unless time is over before. */
  async function open(target: ResolvedTarget, limit: TimeLimit, step: (line: string) => void) {
    const giveUp = new AbortController();
    const opening = start(target, limit.remainingMs(), giveUp.signal, step);
    const first = await Promise.race([opening, limit.reached]);
    if (typeof first !== 'string') return first;
    giveUp.abort();
    void opening.then(
      async late => {
        if (!('lease' in late)) return;
        await hangUp(late.process, clock);
        late.lease.release();
      },
      () => {}, // Nobody waits for it any more.
    );
    return notStarted(
      first,
      `the script was not started: the delegate was still logging in to ${target.host}`,
    );
  }

  async function start(
    target: ResolvedTarget,
    remainingMs: number,
    signal: AbortSignal,
    step: (line: string) => void,
  ) {
    let lease: HostLease | undefined;
    try {
      lease = await hosts.lease(target, { remainingMs, signal }, step);
      return { lease, process: await lease.start(hostCommand) };
    } catch (error) {
      lease?.release();
      if (!(error instanceof HostError)) throw error;
      return notStarted(error.reason, error.message);
    }
  }

  function place(script: ScriptRun): ScriptRun | { problem: string } {
    if (script.workingDirectory === undefined) return script;
    const found = hostDirectory(script.workingDirectory, environment);
    return 'problem' in found ? found : { ...script, workingDirectory: found.directory };
  }

  return {
    at: (target, step = () => {}) => ({
      async run(script, bounds, onErrorOutput = () => {}) {
        const limit = timeLimit(bounds, clock);
        const inTime = (execution: Execution) => ({ ...execution, durationMs: limit.spentMs() });
        try {
          const placed = place(script);
          if ('problem' in placed) return notStarted('working-directory-missing', placed.problem);
          // A connection may have broken without a sign. What has not begun to run may be begun again.
          for (let again = true; ; again = false) {
            const opened = await open(target, limit, step);
            if ('end' in opened) return inTime(opened);
            try {
              const all = {
                run: placed,
                target,
                limit,
                clock,
                graceMs: killGraceMs,
                keepLog: bounds.keepLog ?? true,
                step,
                onErrorOutput,
              };
              bounds.onBegin?.();
              const execution = await runOver(opened.process, all);
              const { end } = execution;
              const lost = end.kind === 'not-started' && end.reason === 'host-connection-lost';
              if (!lost || !again) return inTime(execution);
            } finally {
              opened.lease.release();
            }
          }
        } finally {
          limit.stop();
        }
      },
    }),
  };
}
