/** A TCP proxy on loopback that misbehaves when a test asks for it. */
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** How many connections it has taken so far. */
  connections(): number;
  /** How many of them are open. */
  open(): number;
  /** Holds everything back so long, in both directions, from now on. */
  delay(ms: number): void;
  /** Ends the connections that there are, with a reset. */
  cut(): void;
  /** Passes nothing on any more, of the connections that there are, and closes none: as when a cable is pulled. */
  freeze(): void;
  /** The same for the connections that are to come. */
  freezeNew(frozen: boolean): void;
  /** Puts bytes between what the server says, behind its first line. */
  inject(bytes: Buffer): void;
}

/** Starts one in front of a port on loopback. */
export async function faultProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<{ client: Socket; server: Socket; frozen: boolean }>();
  let [delayMs, taken, frozenFromStart] = [0, 0, false];
  let injected: Buffer | undefined;
  const proxy = createServer({ noDelay: true }, client => {
    taken += 1;
    const server = connectTo({ port: target, host: '127.0.0.1', noDelay: true });
    const pair = { client, server, frozen: frozenFromStart };
    pairs.add(pair);
    let first = true;
    const pass = (from: Socket, to: Socket) => {
      let queue = Promise.resolve();
      from.on('data', chunk => {
        let bytes: Buffer = chunk;
        if (from === server && first && injected) bytes = behindFirstLine(chunk, injected);
        if (from === server) first = false;
        const wait = delayMs;
        queue = queue.then(async () => {
          if (wait > 0) await pause(wait);
          if (!pair.frozen && !to.destroyed) to.write(bytes);
        });
      });
      from.on('error', () => {});
      from.on('close', () => {
        if (pair.frozen) return;
        pairs.delete(pair);
        void queue.then(() => to.destroy());
      });
    };
    pass(client, server);
    pass(server, client);
  });
  proxy.listen(0, '127.0.0.1');
  await new Promise(resolve => proxy.once('listening', resolve));
  const address = proxy.address();
  if (typeof address !== 'object' || !address) throw new Error('the system gave no port');
  return {
    port: address.port,
    connections: () => taken,
    open: () => [...pairs].filter(({ client }) => !client.destroyed).length,
    delay(ms) {
      delayMs = ms;
    },
    cut() {
      for (const { client, server } of pairs) {
        client.resetAndDestroy();
        server.destroy();
      }
    },
    freeze() {
      for (const pair of pairs) pair.frozen = true;
    },
    freezeNew(frozen) {
      frozenFromStart = frozen;
    },
    inject(bytes) {
      injected = bytes;
    },
    async [Symbol.asyncDispose]() {
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      await new Promise(resolve => proxy.close(resolve));
    },
  };
}

function behindFirstLine(chunk: Buffer, bytes: Buffer): Buffer {
  const end = chunk.indexOf('\n') + 1;
  return Buffer.concat([chunk.subarray(0, end), bytes, chunk.subarray(end)]);
}
