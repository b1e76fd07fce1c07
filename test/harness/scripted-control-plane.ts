/**
 * A control plane that does what a test tells it, right or wrong: the raw other end of an agent's socket. It
 * reads what it hears with the codec of the real one, so that an agent that breaks the protocol is noticed.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { controlPlaneCodec, frameText, subprotocol, type ToControlPlane } from '../../protocol/index.ts';

type Message<Type> = Extract<ToControlPlane, { type: Type }>;

/** One connection of an agent. */
export interface Peer {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
  /** The next message, which must be of this type. */
  next<Type extends ToControlPlane['type']>(type: Type): Promise<Message<Type>>;
  /** What has come and was not asked for yet. */
  waiting(): readonly ToControlPlane[];
  /** Says anything at all: a message, right or wrong, or the text of a frame. */
  say(message: object | string | Buffer): void;
  readonly closed: Promise<{ code: number; reason: string }>;
}

export interface ScriptedControlPlane extends AsyncDisposable {
  readonly url: URL;
  /** The next connection that an agent opens. */
  connection(): Promise<Peer>;
  /** How often an agent has tried to connect. */
  tries(): number;
}

/** Answers an upgrade by itself instead of accepting it; true when it did. */
export type Refuse = (request: IncomingMessage, socket: Duplex) => boolean;

/** How long a test waits for what must come. Only a failing one waits that long. */
const patienceMs = 30_000;

export async function startScriptedControlPlane(refuse: Refuse = () => false): Promise<ScriptedControlPlane> {
  const peers = handOver<Peer>('a connection');
  const open = new Set<Duplex>();
  let tries = 0;
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => subprotocol });
  const server = createServer((_, response) => response.writeHead(404).end());
  server.on('connection', socket => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    tries += 1;
    if (refuse(request, socket)) return;
    sockets.handleUpgrade(request, socket, head, accepted => peers.give(peerOf(request, accepted)));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: new URL(`ws://127.0.0.1:${portOf(server.address())}`),
    connection: () => peers.take(),
    tries: () => tries,
    async [Symbol.asyncDispose]() {
      peers.giveUp();
      for (const socket of open) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

function peerOf(request: IncomingMessage, socket: WebSocket): Peer {
  const codec = controlPlaneCodec();
  const messages = handOver<ToControlPlane>('a message');
  socket.on('error', () => {}); // What it means is in the close that follows.
  socket.on('message', data => {
    const parsed = codec.parse(frameText(data));
    if (!parsed.known) throw new Error('the agent sent a message of an unknown type');
    messages.give(parsed.message);
  });
  return {
    request,
    socket,
    async next(type) {
      const message = await messages.take(`"${type}"`);
      if (!isOfType(message, type)) throw new Error(`not "${type}" came, but ${JSON.stringify(message)}`);
      return message;
    },
    waiting: () => messages.waiting(),
    say: message =>
      socket.send(
        typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message),
      ),
    closed: new Promise(resolve =>
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    ),
  };
}

function isOfType<Type extends string>(message: ToControlPlane, type: Type): message is Message<Type> {
  return message.type === type;
}

/** Things that come, for whoever asks for them, in order. */
function handOver<T>(what: string) {
  const there: T[] = [];
  const asking: { give: (thing: T) => void; giveUp: () => void }[] = [];
  return {
    waiting: () => there,
    give(thing: T) {
      const first = asking.shift();
      if (first) first.give(thing);
      else there.push(thing);
    },
    take(named = what): Promise<T> {
      const first = there.shift();
      if (first !== undefined) return Promise.resolve(first);
      return new Promise((resolve, reject) => {
        const giveUp = () => {
          clearTimeout(timer);
          asking.splice(asking.indexOf(one), 1);
          reject(new Error(`${named} did not come`));
        };
        const give = (thing: T) => {
          clearTimeout(timer);
          resolve(thing);
        };
        const timer = setTimeout(giveUp, patienceMs);
        const one = { give, giveUp };
        asking.push(one);
      });
    },
    giveUp() {
      for (const one of [...asking]) one.giveUp();
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== 'object' || !address) throw new Error('the server does not listen');
  return address.port;
}
