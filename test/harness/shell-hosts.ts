/** A host without a network: the command is given to a login shell on this machine, as a server would. */
import { spawn } from 'node:child_process';
import type { Hosts, RemoteExit, ResolvedTarget } from '../../agent/ssh/connection.ts';

export interface ShellHostsOptions {
  /** The login shell with its arguments up to the command. */
  readonly shell: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
}

export const shellTarget: ResolvedTarget = {
  host: 'shell.example',
  port: 22,
  user: 'deploy',
  credential: { kind: 'delegate', name: 'none' },
  hostKeys: [],
  jumps: [],
};

export function shellHosts({ shell: [program, ...args], environment = {} }: ShellHostsOptions): Hosts {
  return {
    async lease() {
      const running = new Set<() => void>();
      return {
        async start(command) {
          const child = spawn(program, [...args, command], {
            env: { PATH: process.env.PATH ?? '', HOME: '/', ...environment },
            // A session of its own, as servers make one.
            detached: true,
            cwd: '/',
          });
          const close = () => {
            for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
            running.delete(close);
          };
          running.add(close);
          const exit = new Promise<RemoteExit>(resolve => {
            child.once('exit', (code, signal) => resolve(signal ? { signal } : { exitCode: code ?? -1 }));
            child.once('error', error => resolve({ lost: error.message }));
          });
          return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit, close };
        },
        release() {
          for (const close of [...running]) close();
        },
      };
    },
    forget() {},
    async close() {},
  };
}
