/** A real OpenSSH server on loopback, with a folder, host keys and a user's key of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import type { ResolvedTarget } from '../../agent/ssh/connection.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type HostKeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface SshdOptions {
  /** Lines that come before our own, so that they count: sshd takes the first of each. */
  readonly config?: readonly string[];
  /** Default: ed25519 alone. */
  readonly hostKeys?: readonly HostKeyType[];
  /** To come back where another one was. */
  readonly port?: number;
  /** Who logs in, on servers that root has started. Default: whoever runs the tests. */
  readonly user?: string;
}

export interface Sshd extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly user: string;
  /** The user's key: its text in OpenSSH's format, and its file, beside which lies the `.pub`. */
  readonly privateKey: string;
  readonly keyFile: string;
  /** `type base64` of each host key, in the order of the options. */
  readonly hostKeys: readonly string[];
  /** Their `SHA256:…`. */
  readonly fingerprints: readonly string[];
  /** A file in the server's folder; `home` in it is the home that shells see. */
  file(name: string): string;
  /** Lines for a known_hosts file. */
  knownHosts(): string;
  /** A target that logs in with the user's key and expects these host keys. */
  target(changes?: Partial<ResolvedTarget>): ResolvedTarget;
  /** What it has logged so far. */
  log(): string;
  /** Resolves when the log holds a text, also one that was logged before. */
  logged(text: string | RegExp): Promise<void>;
  /** Kills the server's own processes that serve connections, and nothing that they have started. */
  killSessions(): void;
  /** Its processes, the listening one left out: none when nobody is connected. */
  processes(): number[];
  /** Ends it and everything below it. */
  stop(): Promise<void>;
}

const host = '127.0.0.1';

export const isRoot = process.getuid?.() === 0;

/** Starts one; `await using server = await startSshd()` ends it. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const folder = temporaryFolder();
  // Where another user logs in, the server reads the authorized keys as that user.
  if (isRoot) execFileSync('chmod', ['755', folder.path]);
  const { hostKeys: types = ['ed25519'], user = userInfo().username } = options;
  for (const type of types) makeKey(folder.file(`host_${type}`), type);
  makeKey(folder.file('user'), 'ed25519');
  mkdirSync(folder.file('home'));
  writeFileSync(folder.file('authorized_keys'), readFileSync(folder.file('user.pub')), { mode: 0o644 });
  if (isRoot) mkdirSync('/run/sshd', { recursive: true });

  // Somebody may take a free port between our finding it and the server's listening.
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await freePort());
    writeFileSync(
      folder.file('sshd_config'),
      [
        ...(options.config ?? []),
        `Port ${port}`,
        `ListenAddress ${host}`,
        ...types.map(type => `HostKey ${folder.file(`host_${type}`)}`),
        `AuthorizedKeysFile ${folder.file('authorized_keys')}`,
        `PidFile ${folder.file('sshd.pid')}`,
        'LogLevel VERBOSE',
        'MaxStartups 100',
        'PasswordAuthentication no',
        // Whoever runs the tests may have a slow or noisy profile. A `SetEnv` among the options takes its place.
        `SetEnv HOME=${folder.file('home')}`,
        'StrictModes no',
        'UsePAM no',
        '',
      ].join('\n'),
    );
    const server = await listening(folder.file('sshd_config'));
    if (!server) {
      if (tries < 5) continue;
      throw new Error('sshd finds no port that is free');
    }
    const publicKeys = types.map(type => publicKeyOf(folder.file(`host_${type}.pub`)));
    const self: Sshd = {
      ...server,
      host,
      port,
      user,
      privateKey: readFileSync(folder.file('user'), 'utf8'),
      keyFile: folder.file('user'),
      hostKeys: publicKeys,
      fingerprints: publicKeys.map(fingerprintOf),
      file: name => folder.file(name),
      knownHosts: () => publicKeys.map(key => `[${host}]:${port} ${key}\n`).join(''),
      target: changes => ({
        host,
        port,
        user,
        credential: { kind: 'key', privateKey: self.privateKey },
        hostKeys: self.fingerprints,
        jumps: [],
        ...changes,
      }),
      async stop() {
        await server.stop();
        folder[Symbol.dispose]();
      },
      [Symbol.asyncDispose]: () => self.stop(),
    };
    return self;
  }
}

/** Makes a key pair in two files; `ecdsa` and `rsa` have the usual lengths. */
export function makeKey(path: string, type: HostKeyType, ...more: string[]): void {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', path, ...more]);
}

/** `type base64` of a public key's file. */
export function publicKeyOf(path: string): string {
  return readFileSync(path, 'utf8').split(' ').slice(0, 2).join(' ').trim();
}

/** `SHA256:…` of `type base64`. */
export function fingerprintOf(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64'));
  return `SHA256:${digest.digest('base64').replace(/=+$/, '')}`;
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (typeof address !== 'object' || !address) throw new Error('the system gave no port');
  return address.port;
}

async function listening(config: string) {
  const program = existsSync('/usr/sbin/sshd') ? '/usr/sbin/sshd' : 'sshd';
  const child: ChildProcess = spawn(program, ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH ?? '' },
  });
  const { pid, stderr } = child;
  if (pid === undefined || !stderr) throw new Error('sshd is not installed: see scripts/test');
  let text = '';
  const watchers = new Set<() => void>();
  createInterface({ input: stderr }).on('line', line => {
    text += `${line}\n`;
    for (const watcher of [...watchers]) watcher();
  });
  let over = false;
  const ended = new Promise<void>(resolve =>
    child.once('exit', () => {
      over = true;
      resolve();
      for (const watcher of [...watchers]) watcher();
    }),
  );
  const matches = (wanted: string | RegExp) =>
    typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
  const logged = (wanted: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!matches(wanted) && !over) return;
        watchers.delete(look);
        if (matches(wanted)) resolve();
        else reject(new Error(`sshd ended without logging ${wanted}:\n${text}`));
      };
      watchers.add(look);
      look();
    });
  try {
    await logged('Server listening on');
  } catch (error) {
    if (text.includes('Address already in use')) return undefined;
    throw error;
  }
  return {
    pid,
    log: () => text,
    logged,
    processes: () => below(pid).map(process => process.pid),
    killSessions: () => {
      for (const process of below(pid)) if (process.name === 'sshd') kill(process.pid);
    },
    async stop() {
      // Sessions outlive the server, so they are looked for while they still are its children.
      const left = over ? [] : below(pid);
      if (!over) child.kill('SIGKILL');
      for (const process of left) kill(process.pid);
      await ended;
      stderr.destroy();
    },
  };
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/** Everything that has this process as an ancestor. */
function below(ancestor: number): Process[] {
  const all = readdirSync('/proc').flatMap((entry): Process[] => {
    if (!/^[0-9]+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [, name = '', parent = ''] = /\((.*)\) \S+ ([0-9]+)/s.exec(stat) ?? [];
      return [{ pid: Number(entry), parent: Number(parent), name }];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
  const found: Process[] = [];
  for (let parents = [ancestor]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map(({ pid }) => pid);
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
