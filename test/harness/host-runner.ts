/** The real runner on a real host: OpenSSH on loopback, or whatever else a test logs in to. */
import type { Execution } from '../../agent/execute/execution.ts';
import { type HostRunner, hostRunner } from '../../agent/execute/host.ts';
import type { Hosts, ResolvedTarget } from '../../agent/ssh/connection.ts';
import type { SshSettings } from '../../agent/ssh/hosts.ts';
import { processesWith, type RunOptions } from './local-runner.ts';
import { testHosts } from './ssh-hosts.ts';
import { type Sshd, type SshdOptions, startSshd } from './sshd.ts';

export interface TestHost extends AsyncDisposable {
  readonly server: Sshd;
  readonly hosts: Hosts;
  readonly runner: HostRunner;
  readonly target: ResolvedTarget;
  /** What was achieved on the way, line by line. */
  readonly steps: string[];
  /** Runs a program there, in `/tmp` where nothing else is said. */
  run(program: string, options?: RunOptions): Promise<Execution>;
  /** The processes on the host that scripts have started, or their bootstrap. */
  processes(): number[];
}

export interface TestHostOptions extends SshdOptions {
  readonly settings?: Partial<SshSettings>;
  readonly killGraceMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export async function openHost(options: TestHostOptions = {}): Promise<TestHost> {
  const { killGraceMs = 300, environment = {}, settings, ...rest } = options;
  const server = await startSshd(rest);
  const hosts = testHosts(settings);
  const runner = hostRunner(hosts, { environment, killGraceMs });
  const target = server.target();
  const steps: string[] = [];
  const own = runner.at(target, line => steps.push(line));
  return {
    server,
    hosts,
    runner,
    target,
    steps,
    run(program, { remainingMs = 20_000, signal = new AbortController().signal, ...run } = {}) {
      return own.run({ program, inputs: [], workingDirectory: '/tmp', ...run }, { remainingMs, signal });
    },
    // Each server has a home of its own, which whatever it starts knows.
    processes: () => processesWith(`HOME=${server.file('home')}`),
    async [Symbol.asyncDispose]() {
      await hosts.close();
      await server.stop();
    },
  };
}
