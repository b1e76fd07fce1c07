/** A real nginx in front of a port on loopback; as it comes it lets no websocket through. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { becomesTrue } from './world.ts';

export interface Nginx extends AsyncDisposable {
  readonly url: string;
  /** Passes upgrades on from now on. */
  allowUpgrades(): Promise<void>;
}

/** Starts one that keeps everything in this folder. */
export async function startNginx(folder: string, target: number): Promise<Nginx> {
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, port, target, ''));
  const child = spawn('nginx', ['-p', folder, '-c', file, '-e', join(folder, 'nginx.log')], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const passes = async (path: string) => {
    const answer = await fetch(`${url}${path}`).catch(() => undefined);
    return answer?.status === 200;
  };
  await becomesTrue(() => passes('/livez'), 'nginx does not answer');
  return {
    url,
    async allowUpgrades() {
      const upgrade =
        'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
      writeFileSync(file, configuration(folder, port, target, upgrade));
      child.kill('SIGHUP');
      await becomesTrue(() => passes('/reloaded'), 'nginx did not read its configuration again');
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function configuration(folder: string, port: number, target: number, upgrade: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${folder}/nginx-${name};`,
  );
  return [
    'daemon off;',
    process.getuid?.() === 0 ? 'user root;' : '',
    `pid ${folder}/nginx.pid;`,
    `error_log ${folder}/nginx.log;`,
    'worker_processes 1;',
    'events {}',
    `http { access_log off; ${temporary.join(' ')}`,
    `  server { listen 127.0.0.1:${port};`,
    upgrade === '' ? '' : '    location = /reloaded { return 200; }',
    `    location / { proxy_pass http://127.0.0.1:${target}; ${upgrade} }`,
    '  }',
    '}',
  ].join('\n');
}

/** It can't choose one by itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
