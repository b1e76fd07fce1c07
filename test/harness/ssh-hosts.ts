/** Commands on hosts, as short as tests want them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { HostError, type Hosts, type RemoteExit, type ResolvedTarget } from '../../agent/ssh/connection.ts';
import { createHosts, type HostsOptions, type SshSettings } from '../../agent/ssh/hosts.ts';

/** What a delegate without any setting about hosts has, but for the addresses, as tests are on loopback. */
export const plainSettings: SshSettings = {
  knownHosts: undefined,
  trust: 'strict',
  keys: undefined,
  agent: undefined,
  allow: [],
  deny: [],
  maxSessions: 8,
  maxConnections: 4,
  idleMs: 60_000,
  maxAgeMs: 3_600_000,
};

export interface TestHosts extends Hosts, AsyncDisposable {}

export function testHosts(
  settings: Partial<SshSettings> = {},
  options: Omit<HostsOptions, 'settings'> = {},
): TestHosts {
  const hosts = createHosts({ ...options, settings: { ...plainSettings, ...settings } });
  return { ...hosts, [Symbol.asyncDispose]: () => hosts.close() };
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: RemoteExit;
  /** What `step` was told. */
  readonly steps: readonly string[];
}

export interface RunOptions {
  readonly command?: string;
  readonly input?: string;
  readonly remainingMs?: number;
  readonly signal?: AbortSignal;
  readonly steps?: string[];
}

/** Runs a command in a lease of its own; by default one that says `hello`. */
export async function runOn(hosts: Hosts, target: ResolvedTarget, options: RunOptions = {}): Promise<Ran> {
  const { command = 'echo hello', input = '', remainingMs = 20_000, steps = [] } = options;
  const signal = options.signal ?? new AbortController().signal;
  const lease = await hosts.lease(target, { remainingMs, signal }, line => steps.push(line));
  try {
    const { stdin, stdout, stderr, exit } = await lease.start(command);
    let [out, err] = ['', ''];
    stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    const ended = Promise.all([
      new Promise(resolve => stdout.once('end', resolve)),
      new Promise(resolve => stderr.once('end', resolve)),
    ]);
    stdin.end(input);
    const how = await exit;
    if (!('lost' in how)) await ended;
    return { stdout: out, stderr: err, exit: how, steps };
  } finally {
    lease.release();
  }
}

/** The failure of a run that must fail. */
export async function failureOf(
  hosts: Hosts,
  target: ResolvedTarget,
  options: RunOptions = {},
): Promise<HostError> {
  try {
    await runOn(hosts, target, options);
  } catch (error) {
    assert.ok(error instanceof HostError, String(error));
    return error;
  }
  return assert.fail('the host ran the command');
}

export interface TemporaryUser extends Disposable {
  readonly name: string;
  readonly password: string;
  readonly home: string;
  /** Lets a key in, also on servers that read nothing but the user's own file. */
  authorize(publicKey: string): void;
}

/** A user of the system, which only root can make. */
export function temporaryUser(shell = '/bin/sh'): TemporaryUser {
  const name = `legate-${Math.random().toString(36).slice(2, 10)}`;
  const password = `pw-${Math.random().toString(36).slice(2)}`;
  const home = `/home/${name}`;
  // Some servers trust nothing below a folder that everybody may write to, as the temporary one is.
  execFileSync('useradd', ['-M', '-d', home, '-s', shell, name]);
  execFileSync('chpasswd', { input: `${name}:${password}\n` });
  mkdirSync(`${home}/.ssh`, { recursive: true, mode: 0o755 });
  return {
    name,
    password,
    home,
    authorize(publicKey) {
      writeFileSync(`${home}/.ssh/authorized_keys`, `${publicKey}\n`, { mode: 0o600 });
      execFileSync('chown', ['-R', name, home]);
    },
    [Symbol.dispose]() {
      execFileSync('userdel', ['-f', name], { stdio: 'ignore' });
      execFileSync('rm', ['-rf', home]);
    },
  };
}
