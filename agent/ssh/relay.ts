/** A way for the system's ssh to use a stream of ours: a port on loopback that takes one connection. */
import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Relay {
  readonly port: number;
  readonly close: () => void;
}

/** Opens one, which carries `stream` to the first process of our user that connects. */
export async function relay(stream: Duplex): Promise<Relay> {
  // The host may close it before ssh comes.
  stream.on('error', () => {});
  const server = createServer({ noDelay: true, pauseOnConnect: true }, socket => {
    void take(socket);
  });
  const take = async (socket: Socket) => {
    socket.on('error', () => stream.destroy());
    if (!(await isOurs(socket.remotePort ?? 0)) || !server.listening || stream.destroyed)
      return void socket.destroy();
    server.close();
    stream.on('error', () => socket.destroy());
    stream.on('close', () => socket.destroy());
    socket.on('close', () => stream.destroy());
    stream.pipe(socket).pipe(stream);
  };
  server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the system gave no port');
  return {
    port: address.port,
    close() {
      server.close();
      stream.destroy();
    },
  };
}

/** Other users of the machine have no business there; the host would ask them who they are, anyway. */
async function isOurs(port: number): Promise<boolean> {
  let table: string;
  try {
    table = await readFile('/proc/net/tcp', 'utf8');
  } catch {
    return true; // Not on Linux.
  }
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const row = table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .find(fields => fields[1] === local);
  return row?.[7] === String(process.getuid?.());
}
