/**
 * Logins that ssh2 can't do, by the system's ssh: one master process for the connection, and a short one for each
 * command. It gets its way to the host and the key from us, so that nothing about them depends on it: the address is
 * the one that was checked, the host key too, and the private key stays in this process (see key-agent.ts).
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { type Clock, sleep } from '../../protocol/index.ts';
import { askHostKey } from './ask-host-key.ts';
import type { ChannelProcess, Life, Opened } from './channel.ts';
import type { Link, LinkParts } from './connect.ts';
import { HostError, type RemoteExit } from './connection.ts';
import type { Login } from './credentials.ts';
import { expecting } from './host-keys.ts';
import { serveKey } from './key-agent.ts';
import { remaining } from './reach.ts';
import { relay } from './relay.ts';
import { explainSsh } from './ssh-messages.ts';

/** Of all commands: nothing of anybody's configuration, no question, nothing forwarded. */
const always = [
  '-F',
  '/dev/null',
  '-T',
  ...options({
    BatchMode: 'yes',
    ClearAllForwardings: 'yes',
    ForwardAgent: 'no',
    GlobalKnownHostsFile: '/dev/null',
    PermitLocalCommand: 'no',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
  }),
];

function options(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** How often is looked for what ssh tells by a file. */
const lookMs = 5;
/** How long the end of the connection may take to be known after that of a command. */
const lastWordMs = 200;

type SshParts = LinkParts & { readonly login: Exclude<Login, { kind: 'password' }> };

/** Logs in. `ofHost`: the host must show a certificate of an authority that the operator's known_hosts lists. */
export async function openWithSsh(parts: SshParts, ofHost: boolean): Promise<Link> {
  const { hop, login, way, connecting, step } = parts;
  const { knownHosts } = connecting.hostKeys;
  const folder = mkdtempSync(join(tmpdir(), 'legate-ssh-'));
  const file = (name: string) => join(folder, name);
  const closers: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const closeAll = () => {
    for (const close of closers.splice(0).toReversed()) close();
  };
  try {
    writeFileSync(file('known_hosts'), ofHost ? authorities(parts) : await checkedKey(parts));
    const socket = login.kind === 'agent' ? login.socket : file('agent');
    if (login.kind === 'key') closers.push((await serveKey(socket, login.key, login.certificate)).close);
    const road = await relay(await way());
    closers.push(road.close);
    const master = startSsh([
      '-M',
      '-N',
      '-S',
      file('control'),
      '-p',
      String(road.port),
      '-l',
      hop.user,
      ...options({
        ControlPersist: 'no',
        HostKeyAlias: hop.host.toLowerCase(),
        IdentitiesOnly: 'no',
        IdentityAgent: quoted(socket),
        IdentityFile: 'none',
        LogLevel: 'VERBOSE',
        PreferredAuthentications: 'publickey',
        ServerAliveCountMax: '3',
        ServerAliveInterval: String(Math.max(1, Math.round(connecting.keepaliveMs / 1_000))),
        UserKnownHostsFile: quoted(file('known_hosts')),
      }),
    ]);
    closers.push(() => master.child.kill('SIGTERM'));
    let ended: string | undefined;
    // Where ssh could not be started, `authenticated` says so.
    const closed = master.ended
      .catch(() => null)
      .then(() => {
        ended ??= 'the host closed the connection';
        closeAll();
        return ended;
      });
    await authenticated(master, file('control'), parts);
    if (ofHost) step(`host key certified by an authority that ${knownHosts?.path} lists`);
    step(`authenticated as ${hop.user} with publickey, by the system's ssh`);
    let count = 0;
    const inMaster = (more: readonly string[]) => {
      count += 1;
      // Port 1: ssh would connect by itself if the master were gone.
      const off = options({
        PubkeyAuthentication: 'no',
        UserKnownHostsFile: '/dev/null',
        LogLevel: 'DEBUG1',
      });
      const log = file(`log-${count}`);
      const args = ['-S', file('control'), ...off, '-E', log, '-p', '1', '-l', hop.user, ...more];
      return { ...startSsh(args, ['pipe', 'pipe', 'pipe']), log };
    };
    return {
      // ssh does not tell what the host begins with; who has certificates has OpenSSH.
      quirks: {},
      open: (command, patienceMs) =>
        ended === undefined
          ? opened(
              inMaster(['--', '127.0.0.1', command]),
              { why: () => ended, closed },
              patienceMs,
              connecting.clock,
            )
          : Promise.resolve({ gone: ended }),
      forward: async (host, port) => {
        const { child, stdin, stdout } = inMaster([
          '-W',
          host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
          '--',
          '127.0.0.1',
        ]);
        if (!stdin || !stdout) throw new Error('ssh could not be started');
        const stream = Duplex.from({ readable: stdout, writable: stdin });
        stream.on('close', () => child.kill('SIGTERM'));
        return stream;
      },
      closed,
      close() {
        ended ??= 'the delegate closed the connection';
        closeAll();
      },
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}

/** In a value of an option, as ssh's configuration has it: `%` and blanks mean something. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/** What the operator's file says of this host and port: ssh, which is told a name without a port, would see another's. */
function authorities({ hop, connecting }: SshParts): string {
  const keys = connecting.hostKeys.knownHosts?.keysFor(hop.host, hop.port) ?? [];
  return keys
    .filter(({ marker }) => marker !== undefined)
    .map(({ marker, type, key }) => `@${marker} ${hop.host.toLowerCase()} ${type} ${key}\n`)
    .join('');
}

/** The host's key, which we check ourselves, as a known_hosts line: ssh then takes this one and no other. */
async function checkedKey({ hop, way, legacy, deadline, connecting, step }: SshParts): Promise<string> {
  return expecting(hop, connecting.hostKeys, async (types, check) => {
    const shown = await askHostKey(await way(), types, legacy, deadline);
    if (!shown) throw new HostError('host-key-exchange-failed', 'no matching host key format');
    step(`host key ${shown.type} ${shown.fingerprint} (${await check(shown)})`);
    return `${hop.host.toLowerCase()} ${shown.type} ${shown.key.toString('base64')}\n`;
  });
}

interface Ssh {
  readonly child: ChildProcess;
  readonly stdin: ChildProcess['stdin'];
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
  /** Resolves when the process has ended and its output is closed. */
  readonly ended: Promise<number | null>;
}

function startSsh(args: readonly string[], stdio: StdioOptions = ['ignore', 'ignore', 'pipe']): Ssh {
  const child = spawn('ssh', [...always, ...args, ...(args.includes('--') ? [] : ['--', '127.0.0.1'])], {
    // The agent's own socket in the environment is none of a target's business.
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', LC_ALL: 'C' },
    stdio,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', code => resolve(code));
    child.once('error', error => {
      const missing = 'code' in error && error.code === 'ENOENT';
      const why = missing
        ? 'certificates need the program ssh, which is not on its PATH'
        : 'it could not start ssh';
      reject(new HostError('internal', `on the delegate: ${why}`));
    });
  });
  ended.catch(() => {});
  // Node throws away what nobody reads when a process ends, and this one may end before anybody does.
  const [stdout, stderr] = [child.stdout, child.stderr].map(stream => stream?.pipe(new PassThrough()));
  return { child, stdin: child.stdin, stdout, stderr, ended };
}

/** Waits until the master lets others in. Throws a `HostError` when it does not come to that. */
async function authenticated({ stderr, ended }: Ssh, control: string, parts: SshParts): Promise<void> {
  const { hop, deadline } = parts;
  let text = '';
  stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(0, 65_536);
  });
  let over = false;
  const failed = ended.then(() => {
    over = true;
  });
  while (!existsSync(control)) {
    await Promise.race([failed, sleep(deadline.clock, lookMs, deadline.signal)]);
    deadline.signal.throwIfAborted();
    if (over) throw explainSsh(text, hop);
    if (remaining(deadline) === 0)
      throw new HostError('host-unreachable', `timed out while logging in as ${hop.user}`);
  }
}

/** Waits for the word that the host has given a channel, which stands in ssh's log. */
async function opened(
  ssh: Ssh & { readonly log: string },
  life: Life,
  patienceMs: number,
  clock: Clock,
): Promise<Opened> {
  const { child, stdin, stdout, stderr, ended, log } = ssh;
  if (!stdin || !stdout || !stderr) return { gone: 'ssh could not be started' };
  stdin.on('error', () => {});
  let over = false;
  const end = ended.then(
    code => {
      over = true;
      return code;
    },
    () => {
      over = true;
      return null;
    },
  );
  const until = clock.now() + patienceMs;
  for (;;) {
    const text = read(log);
    if (text.includes('master session id')) return { process: processOf(ssh, end, log, life, clock) };
    if (/session request failed/.test(text) || over) {
      child.kill('SIGKILL');
      rmSync(log, { force: true });
      const [, refusal] = /session request failed: (.*)/.exec(text) ?? [];
      return refusal === undefined ? { gone: life.why() ?? 'ssh ended' } : { busy: refusal.trim() };
    }
    if (clock.now() >= until) {
      child.kill('SIGKILL');
      return { gone: `no answer within ${patienceMs} ms` };
    }
    await Promise.race([end, sleep(clock, lookMs)]);
  }
}

function processOf(
  ssh: Ssh,
  end: Promise<number | null>,
  log: string,
  life: Life,
  clock: Clock,
): ChannelProcess {
  const { child, stdin, stdout, stderr } = ssh;
  if (!stdin || !stdout || !stderr) throw new Error('a process without its streams');
  let given = false;
  const done = end.then(() => {});
  const exit = end.then(async (code): Promise<RemoteExit> => {
    const text = read(log);
    rmSync(log, { force: true });
    if (given) return { lost: 'the delegate closed the channel' };
    // 255 is what ssh says when the connection is gone, of which the master tells a moment later; a command may say it, too.
    if (code === 255) await Promise.race([life.closed, sleep(clock, lastWordMs)]);
    const why = life.why();
    if (code === null || (code === 255 && (why !== undefined || /read from master failed/.test(text))))
      return { lost: why ?? 'the connection broke' };
    return { exitCode: code };
  });
  return {
    stdin,
    stdout,
    stderr,
    exit,
    done,
    close() {
      given = true;
      child.kill('SIGTERM');
      stdout.resume();
      stderr.resume();
    },
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // ssh has not begun to write.
  }
}
