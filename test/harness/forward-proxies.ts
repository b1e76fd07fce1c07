/** Real forward proxies on loopback: tinyproxy and squid. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IssuedCertificate } from './certificates.ts';

export interface ForwardProxyOptions {
  readonly login?: { readonly user: string; readonly password: string };
  /** The only port that it makes tunnels to; by default any. */
  readonly onlyPort?: number;
  /** It is spoken to with TLS; squid only. */
  readonly tls?: IssuedCertificate;
}

export interface ForwardProxy extends AsyncDisposable {
  readonly port: number;
  /** The lines of its log about tunnels. */
  tunnels(): string[];
}

export async function tinyproxy(options: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  const { login, onlyPort } = options;
  return await start('tinyproxy', (home, port) => {
    const lines = [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Allow 127.0.0.1',
      'Timeout 600',
      'MaxClients 50',
      `LogFile "${join(home, 'log')}"`,
      'LogLevel Connect',
      ...(login ? [`BasicAuth ${login.user} ${login.password}`] : []),
      ...(onlyPort === undefined ? [] : [`ConnectPort ${onlyPort}`]),
    ];
    writeFileSync(join(home, 'conf'), `${lines.join('\n')}\n`);
    return ['tinyproxy', '-d', '-c', join(home, 'conf')];
  });
}

export async function squid(options: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  const { login, onlyPort, tls } = options;
  return await start('squid', (home, port) => {
    const hash =
      login && execFileSync('openssl', ['passwd', '-apr1', login.password], { encoding: 'utf8' }).trim();
    if (login) writeFileSync(join(home, 'passwords'), `${login.user}:${hash}\n`, { mode: 0o644 });
    const secure = tls && `tls-cert=${tls.certificate} tls-key=${tls.key}`;
    const lines = [
      tls ? `https_port 127.0.0.1:${port} ${secure}` : `http_port 127.0.0.1:${port}`,
      'pid_filename none',
      `access_log stdio:${join(home, 'log')}`,
      `cache_log ${join(home, 'cache.log')}`,
      `coredump_dir ${home}`,
      'cache deny all',
      'shutdown_lifetime 0 seconds',
      'visible_hostname proxy.example',
      ...(login
        ? [`auth_param basic program /usr/lib/squid/basic_ncsa_auth ${join(home, 'passwords')}`]
        : []),
      ...(onlyPort === undefined ? [] : [`acl other port ${onlyPort}`, 'http_access deny !other']),
      ...(login ? ['acl known proxy_auth REQUIRED', 'http_access allow known'] : ['http_access allow all']),
      'http_access deny all',
    ];
    writeFileSync(join(home, 'conf'), `${lines.join('\n')}\n`);
    return ['squid', '-N', '-f', join(home, 'conf')];
  });
}

async function start(name: string, prepare: (home: string, port: number) => string[]): Promise<ForwardProxy> {
  const home = mkdtempSync(join(tmpdir(), `legate-${name}-`));
  // Started by root, squid works as somebody else.
  chmodSync(home, 0o777);
  const port = await freePort();
  const [program = '', ...args] = prepare(home, port);
  const path = `${process.env.PATH ?? ''}:/usr/sbin`;
  const child = spawn(program, args, { cwd: home, env: { PATH: path }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += String(chunk)));
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  try {
    await answers(child, port);
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    const log = read(join(home, 'cache.log'));
    rmSync(home, { recursive: true, force: true });
    throw new Error(`${name} does not answer:\n${output}${log}`, { cause: error });
  }
  return {
    port,
    tunnels: () =>
      read(join(home, 'log'))
        .split('\n')
        .filter(line => line.includes('CONNECT ') && /Request|TCP_/.test(line)),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** A port that nobody had a moment ago: neither of the two can be told to choose one. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function answers(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + 30_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error('it has ended');
    const there = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (there) return;
    if (performance.now() > until) throw new Error('nobody listens');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
