/** A TCP proxy on loopback that misbehaves when a test asks for it. */
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** `up`: what clients say; `down`: what the server says. */
export type Direction = 'up' | 'down';

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** How many connections it has taken so far. */
  connections(): number;
  /** How many of them are open. */
  open(): number;
  /** Holds everything back so long, in both directions, from now on. */
  delay(ms: number): void;
  /** Passes on so many bytes a second, in each direction of each connection; 0: as many as come. */
  throttle(bytesPerSecond: number): void;
  /** Ends the connections that there are, with a reset. */
  cut(): void;
  /** Ends each connection, with a reset, when so many more bytes of the server's, or of a client's, have passed. */
  cutAfter(bytes: number, direction?: Direction): void;
  /** Passes nothing on any more, of the connections that there are, and closes none: as when a cable is pulled. */
  freeze(): void;
  /** The same in one direction only. */
  halfOpen(direction: Direction): void;
  /** The same as `freeze` for the connections that are to come. */
  freezeNew(frozen: boolean): void;
  /** Reads nothing any more, so that senders find their writes stalled, until `release`. Loses nothing. */
  stall(direction?: Direction): void;
  release(): void;
  /** Lets those that wait through to the server, and all that come, the last one first; `hold` makes them wait. */
  hold(): void;
  letThroughReversed(): void;
  /** Puts bytes between what the server says, behind its first line. */
  inject(bytes: Buffer): void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly lost: Set<Direction>;
  readonly left: Map<Direction, number>;
}

const both: readonly Direction[] = ['up', 'down'];

/** Starts one in front of a port on loopback; it listens at `host`. */
export async function faultProxy(target: number, host = '127.0.0.1'): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  const stalled = new Set<Direction>();
  const held: (() => void)[] = [];
  let released = Promise.withResolvers<void>();
  let [delayMs, bytesPerSecond, taken, frozenFromStart, isHolding] = [0, 0, 0, false, false];
  let injected: Buffer | undefined;

  const cut = ({ client, server }: Pair) => {
    client.resetAndDestroy();
    server.destroy();
  };
  const passable = async (direction: Direction) => {
    while (stalled.has(direction)) await released.promise;
  };

  function begin(client: Socket): void {
    const server = connectTo({ port: target, host: '127.0.0.1', noDelay: true });
    const lost = new Set(frozenFromStart ? both : []);
    const pair: Pair = { client, server, lost, left: new Map() };
    pairs.add(pair);
    let first = true;
    const pass = (from: Socket, to: Socket, direction: Direction) => {
      let queue = Promise.resolve();
      const forward = async (chunk: Buffer) => {
        let bytes = chunk;
        if (from === server && first && injected) bytes = behindFirstLine(chunk, injected);
        if (from === server) first = false;
        if (delayMs > 0) await pause(delayMs);
        await passable(direction);
        if (bytesPerSecond > 0) await pause((1_000 * bytes.length) / bytesPerSecond);
        if (lost.has(direction) || to.destroyed) return;
        const left = pair.left.get(direction);
        if (left !== undefined && left <= bytes.length) {
          // What comes before the cut has arrived.
          to.write(bytes.subarray(0, left), () => cut(pair));
          return;
        }
        if (left !== undefined) pair.left.set(direction, left - bytes.length);
        if (!to.write(bytes)) await drained(to);
      };
      from.on('data', (chunk: Buffer) => {
        from.pause();
        queue = queue.then(() => forward(chunk)).finally(() => from.resume());
      });
      from.on('error', () => {});
      from.on('close', () => {
        if (lost.has(direction)) return;
        pairs.delete(pair);
        void queue.then(() => to.destroy());
      });
    };
    pass(client, server, 'up');
    pass(server, client, 'down');
    client.resume();
  }

  const proxy = createServer({ noDelay: true, pauseOnConnect: true }, client => {
    taken += 1;
    client.on('error', () => {});
    if (isHolding) held.push(() => begin(client));
    else begin(client);
  });
  proxy.listen(0, host);
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
    throttle(bytes) {
      bytesPerSecond = bytes;
    },
    cut() {
      for (const pair of pairs) cut(pair);
    },
    cutAfter(bytes, direction = 'down') {
      for (const { left } of pairs) left.set(direction, bytes);
    },
    freeze() {
      for (const { lost } of pairs) for (const direction of both) lost.add(direction);
    },
    halfOpen(direction) {
      for (const { lost } of pairs) lost.add(direction);
    },
    freezeNew(frozen) {
      frozenFromStart = frozen;
    },
    stall(direction) {
      for (const one of direction ? [direction] : both) stalled.add(one);
    },
    release() {
      stalled.clear();
      released.resolve();
      released = Promise.withResolvers();
    },
    hold() {
      isHolding = true;
    },
    letThroughReversed() {
      isHolding = false;
      for (const start of held.splice(0).reverse()) start();
    },
    inject(bytes) {
      injected = bytes;
    },
    async [Symbol.asyncDispose]() {
      stalled.clear();
      released.resolve();
      for (const start of held.splice(0)) start();
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      await new Promise(resolve => proxy.close(resolve));
    },
  };
}

/** Resolves when a socket takes more, or never will. */
function drained(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
  });
}

function behindFirstLine(chunk: Buffer, bytes: Buffer): Buffer {
  const end = chunk.indexOf('\n') + 1;
  return Buffer.concat([chunk.subarray(0, end), bytes, chunk.subarray(end)]);
}
