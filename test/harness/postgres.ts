/** A real Postgres, in a folder of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, globSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { temporaryFolder } from './temporary-folder.ts';

export interface PostgresServer extends AsyncDisposable {
  /** The address of a database in it. There is one named `postgres`; this makes none. */
  url(name: string): string;
  /** `kill -9` of the server itself; its helpers notice and end. Then a start that has to recover. */
  crashAndRestart(): Promise<void>;
}

export interface PostgresOptions {
  /** Whether what is committed is on the disk, as in production. Slower, so only for tests of a crash. */
  readonly durable?: boolean;
}

// Postgres refuses to run as root.
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

/** Starts a Postgres that only this machine's file system leads to. Dispose of it with `await using`. */
export async function startPostgres({ durable = false }: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = temporaryFolder();
  if (isRoot) chownSync(folder.path, nobody, nobody);
  const data = folder.file('data');
  // Texts sort as people in America expect, unlike in SQLite: a query that relies on the server's order shows.
  const locale = ['--locale=C', '--locale-provider=icu', '--icu-locale=en-US'];
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', ...locale, '--no-sync'];
  execFileSync(...asOrdinaryUser('initdb', initdb), { cwd: folder.path, stdio: 'pipe' });
  const settings = [
    ['listen_addresses', ''],
    ['unix_socket_directories', folder.path],
    ['fsync', durable ? 'on' : 'off'],
    ['shared_buffers', '16MB'],
  ].flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const start = () => running(asOrdinaryUser('postgres', ['-D', data, ...settings]), folder.path);
  let server = await start();
  return {
    url: name => `postgres://postgres@localhost/${name}?host=${encodeURIComponent(folder.path)}`,
    async crashAndRestart() {
      await end(server, 'SIGKILL');
      server = await start();
    },
    async [Symbol.asyncDispose]() {
      // Immediately: there is nothing worth a checkpoint.
      await end(server, 'SIGQUIT');
      folder[Symbol.dispose]();
    },
  };
}

function asOrdinaryUser(program: string, args: string[]): [command: string, args: string[]] {
  const installed = globSync('/usr/lib/postgresql/*/bin').sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const path = installed.length > 0 ? `${installed.at(-1)}/${program}` : program;
  const user = isRoot ? [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : [];
  // Whatever becomes of the tests, the server does not outlive them.
  return ['setpriv', [...user, '--pdeathsig', 'QUIT', path, ...args]];
}

function running([command, args]: [string, string[]], cwd: string): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`Postgres did not start:\n${log}`)));
    createInterface({ input: child.stderr }).on('line', line => {
      log += `${line}\n`;
      if (line.includes('ready to accept connections')) resolve(child);
    });
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  // 'close' and not 'exit': the helpers hold the same output, so that it closes when the last of them is gone.
  const closed = new Promise(resolve => child.once('close', resolve));
  child.kill(signal);
  await closed;
}
