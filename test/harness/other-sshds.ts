/** Servers that are not OpenSSH: dropbear and tinysshd. Both read the user's own authorized_keys. */
import { execFileSync, spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fingerprintOf, freePort } from './sshd.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface OtherSshd extends AsyncDisposable {
  readonly port: number;
  readonly fingerprint: string;
}

/** Dropbear with an ed25519 key, or one of another type. */
export async function startDropbear(type = 'ed25519', ...more: string[]): Promise<OtherSshd> {
  const folder = temporaryFolder();
  const made = execFileSync('dropbearkey', ['-t', type, '-f', folder.file('key')], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  const publicKey = made.split('\n').find(line => /^(ssh|ecdsa)-/.test(line)) ?? '';
  const port = await freePort();
  const args = [
    '-F',
    '-E',
    '-s',
    '-p',
    `127.0.0.1:${port}`,
    '-r',
    folder.file('key'),
    '-P',
    folder.file('pid'),
    ...more,
  ];
  const child = spawn('dropbear', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise(resolve => child.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', line => {
      if (line.includes('Not backgrounding')) resolve();
    });
    child.once('error', reject);
    void ended.then(() => reject(new Error('dropbear ended at once')));
  });
  return {
    port,
    fingerprint: fingerprintOf(publicKey.split(' ').slice(0, 2).join(' ')),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      folder[Symbol.dispose]();
    },
  };
}

/** Tinysshd, which is made for inetd: one process for each connection. */
export async function startTinysshd(): Promise<OtherSshd> {
  const folder = temporaryFolder();
  execFileSync('tinysshd-makekey', ['-q', folder.file('keys')]);
  const publicKey = execFileSync('tinysshd-printkey', [folder.file('keys')], { encoding: 'utf8' });
  const children = new Set<Promise<unknown>>();
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, socket => {
    const child = spawn('tinysshd', ['-v', folder.file('keys')], { stdio: [socket, socket, 'ignore'] });
    sockets.add(socket);
    const ended = new Promise(resolve => child.once('exit', resolve)).then(() => {
      socket.destroy();
      children.delete(ended);
    });
    children.add(ended);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the system gave no port');
  return {
    port: address.port,
    fingerprint: fingerprintOf(publicKey.trim().split(' ').slice(-2).join(' ')),
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(children);
      folder[Symbol.dispose]();
    },
  };
}
