import { once } from 'node:events';
import { createServer } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import type { Link } from '../../control-plane/dispatch/link.ts';
import { tagSet } from '../../control-plane/domain/selectors.ts';
import type { DelegateEvent } from '../../control-plane/gateway/delegate-events.ts';
import { attachGateway, type Gateway } from '../../control-plane/gateway/gateway.ts';
import type { TokenFacts, TokenKeeper, TokenRefusal } from '../../control-plane/gateway/token-session.ts';
import { delegatePath, frameText, pollPath, pollSteps, subprotocol } from '../../protocol/index.ts';
import { FakeClock } from './fake-clock.ts';

/** What a token of this name allows: anything, unless a test says otherwise. */
export const someToken = (name: string, facts: Partial<TokenFacts> = {}): TokenFacts => ({
  id: `id-of-${name}`,
  name,
  delegateNames: [],
  tags: [],
  scope: 'account',
  credential: `hash-of-${name}`,
  isDue: false,
  ...facts,
});

const tokens: Readonly<Record<string, TokenFacts>> = {
  any: someToken('any'),
  edges: someToken('edges', { delegateNames: ['edge-1', 'edge-2'] }),
};

export const someHello = {
  type: 'hello',
  name: 'edge-1',
  instance: 'instance-1',
  hostName: 'host',
  agentVersion: '0',
  tags: ['eu'],
  capacity: 2,
  shells: ['bash'],
  publicKey: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) },
};

/** A delegate's end of the wire, without anything of the agent. */
export interface Peer {
  readonly socket: WebSocket;
  /** What has arrived, and was not taken by `next`. */
  readonly frames: Readonly<Record<string, unknown>>[];
  next(): Promise<Readonly<Record<string, unknown>>>;
  send(...messages: (object | string)[]): void;
  /** Resolves when the other side has dealt with everything that was sent. */
  heard(): Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
}

export interface ListeningGateway extends AsyncDisposable {
  readonly port: number;
  readonly clock: FakeClock;
  readonly gateway: Gateway;
  /** Those in the roster now. */
  readonly links: Link[];
  readonly notes: string[];
  /** What the audit trail is to know. */
  readonly events: DelegateEvent[];
  /** How often somebody became free, or began to drain. */
  changes(): number;
  /** Opens a socket; `undefined` for none of a header. */
  connect(options?: { token?: string | undefined; protocols?: string[]; path?: string }): Promise<Peer>;
  /** Opens a socket and says hello. */
  join(
    hello?: Partial<typeof someHello> & { check?: boolean; tokenFile?: boolean },
    token?: string,
  ): Promise<Peer>;
}

/** A gateway behind a real HTTP server, and with a clock that the test turns. */
export async function listeningGateway(
  authenticate: (token: string) => Promise<TokenFacts | TokenRefusal> = async token =>
    tokens[token] ?? 'unknown',
  propose: TokenKeeper['propose'] = async () => false,
  joining: TokenKeeper['joining'] = async () => {},
): Promise<ListeningGateway> {
  const clock = new FakeClock();
  const links: Link[] = [];
  const notes: string[] = [];
  const events: DelegateEvent[] = [];
  const peers: Peer[] = [];
  let changes = 0;
  const server = createServer((request, response) => {
    const step = pollSteps.find(one => request.url === `${pollPath}/${one}`);
    if (request.method !== 'POST' || !step) response.writeHead(404).end();
    else gateway.poll(step, request, response);
  });
  const gateway = attachGateway(server, {
    tokens: { authenticate, propose, joining },
    join: link => void links.push(link),
    leave: link => void links.splice(links.indexOf(link), links.includes(link) ? 1 : 0),
    changed: () => {
      changes += 1;
    },
    event: event => void events.push(event),
    tagSet,
    note: (facts, message) => notes.push(`${message} ${JSON.stringify(facts)}`),
    clock,
    now: () => '2024-05-06T07:08:09.000Z',
    serverVersion: '0',
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;

  const self: ListeningGateway = {
    port,
    clock,
    gateway,
    links,
    notes,
    events,
    changes: () => changes,
    async connect({ token, protocols = [subprotocol], path = delegatePath } = {}) {
      const headers: ClientOptions['headers'] =
        token === undefined ? {} : { authorization: `Bearer ${token}` };
      const peer = peerOf(new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers }));
      peers.push(peer);
      await once(peer.socket, 'open');
      return peer;
    },
    async join(hello = {}, token = 'any') {
      const peer = await self.connect({ token });
      peer.send({ ...someHello, ...hello });
      return peer;
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of peers) socket.terminate();
      const closing = gateway.close();
      // Those who poll are not waited for.
      await clock.advance(2_000);
      await closing;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return self;
}

/** Resolves when something is so that sockets bring about in their own time; fails when it does not become so. */
export async function eventually(isSo: () => boolean): Promise<void> {
  const until = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > until) throw new Error(`it did not become so: ${isSo.toString()}`);
    await new Promise(resolve => setImmediate(resolve));
  }
}

function peerOf(socket: WebSocket): Peer {
  const frames: Readonly<Record<string, unknown>>[] = [];
  let wake = () => {};
  socket.on('error', () => {});
  socket.on('message', data => {
    frames.push(JSON.parse(frameText(data)));
    wake();
  });
  const closed = new Promise<{ code: number; reason: string }>(resolve =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  return {
    socket,
    frames,
    closed,
    async next() {
      for (;;) {
        const frame = frames.shift();
        if (frame) return frame;
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
    },
    send(...messages) {
      for (const message of messages)
        socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    },
    async heard() {
      // A pong is sent when every frame before its ping has been read.
      const pong = once(socket, 'pong');
      socket.ping();
      await pong;
    },
  };
}
