/** Where delegates come in: upgrade, token, hello, and then a link in the roster. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import {
  type Channel,
  type Clock,
  closeCode,
  comeBackReason,
  controlPlaneCodec,
  delegatePath,
  frameText,
  type Hello,
  limits,
  ProtocolError,
  subprotocol,
  type ToDelegate,
  transportOf,
} from '../../protocol/index.ts';
import { type Link, linkId } from '../dispatch/link.ts';
import { allowedTagSet, clashOf, type Refusal, refusalOf } from './admission.ts';
import { type ClientAuth, certificateRefusal, clientCertificateOf } from './client-certificate.ts';
import { closeName, type DelegateEvent } from './delegate-events.ts';
import { DelegateLink, sendTo } from './delegate-link.ts';
import { admissionPace } from './pace.ts';
import { createPolling, type Polling } from './polling.ts';
import { refusals, shownToken, type TokenFacts, type TokenKeeper, TokenSession } from './token-session.ts';

export interface GatewayOptions {
  readonly tokens: TokenKeeper;
  readonly join: (link: Link) => void;
  readonly leave: (link: Link) => void;
  /** Something that the audit trail is to know. */
  readonly event: (event: DelegateEvent) => void;
  /** A link became free, or began to drain. */
  readonly changed: (link: Link) => void;
  readonly tagSet: (hello: Hello) => ReadonlySet<string>;
  readonly note: (facts: Readonly<Record<string, unknown>>, message: string) => void;
  /** A delegate was not let in, for the reason of this close code. */
  readonly refused?: (code: number) => void;
  readonly clock: Clock;
  readonly now: () => string;
  readonly serverVersion: string;
  /** Whether a delegate needs a client certificate; by default nobody is asked for one. */
  readonly clientAuth?: ClientAuth;
  readonly heartbeatMs?: number;
  readonly helloTimeoutMs?: number;
  /** How many delegates are let in each second. */
  readonly admissionRate?: number;
}

export interface Gateway {
  /** What each delegate that is connected was let in with. */
  sessions(): TokenSession[];
  /** Answers a request of a delegate that polls. */
  readonly poll: Polling['handle'];
  /** Tells every delegate that the control plane goes away, and stops. */
  close(): Promise<void>;
}

const codec = controlPlaneCodec();

export function attachGateway(server: Server, options: GatewayOptions): Gateway {
  const { clock, heartbeatMs = 10_000, helloTimeoutMs = 10_000, admissionRate = 400 } = options;
  const pace = admissionPace(admissionRate, clock);
  // The type of closeTimeout is not published yet.
  const socketOptions: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    maxPayload: limits.frameToControlPlane,
    perMessageDeflate: false,
    closeTimeout: 5_000,
    // A peer that speaks only other versions gets its own first choice, and then a close code that says so:
    // a refused upgrade would look like any other network trouble to it.
    handleProtocols: offered => (offered.has(subprotocol) ? subprotocol : [...offered][0]) ?? false,
  };
  const sockets = new WebSocketServer(socketOptions);
  const links = new Map<string, DelegateLink>();
  const sessions = new Map<DelegateLink, TokenSession>();

  server.on('upgrade', upgrade);

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== delegatePath) {
      // Before anything else, as below: by now nobody else listens to this socket.
      socket.on('error', () => socket.destroy());
      socket.once('finish', () => socket.destroy());
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, webSocket => {
      // Before anything else: an error without a listener would end the process.
      webSocket.on('error', error => options.note({ problem: error.message }, 'delegate socket failed'));
      begin(webSocket, request);
    });
  }

  const polling = createPolling({ refusal, welcome: begin, note: options.note, clock });

  async function refusal(token: string, address: string | undefined) {
    const facts = await options.tokens.authenticate(token, address);
    if (typeof facts !== 'string') return undefined;
    options.note({ address, ...refusals[facts] }, 'delegate refused');
    return refusals[facts];
  }

  function begin(channel: Channel, request: IncomingMessage): void {
    welcome(channel, request).catch((error: unknown) => {
      options.note({ err: error }, 'delegate could not be let in');
      channel.close(closeCode.internalError, 'internal error');
    });
  }

  async function welcome(socket: Channel, request: IncomingMessage): Promise<void> {
    const address = request.socket.remoteAddress;
    let shown: TokenFacts | undefined;
    const refuse = (code: number, reason: string, told: Refusal['told'] = {}) => {
      options.note({ address, code, reason, ...told }, 'delegate refused');
      const { delegate } = told;
      options.event({
        kind: 'refused',
        token: shown,
        delegate: typeof delegate === 'string' ? delegate : undefined,
        address,
        reason: closeName(code),
      });
      options.refused?.(code);
      socket.close(code, reason);
    };
    // Listening begins before the token is looked up: the hello may already be on its way.
    const first = firstMessage(socket, clock, helloTimeoutMs);
    if (socket.protocol !== subprotocol)
      return refuse(closeCode.unsupportedProtocol, `this side speaks ${subprotocol}`);
    const certificate = clientCertificateOf(request.socket);
    const unproven = certificateRefusal(options.clientAuth ?? 'off', certificate);
    if (unproven) return refuse(closeCode.certificateRefused, unproven, { subject: certificate?.subject });
    const token = shownToken(request);
    const early = await options.tokens.authenticate(token, address);
    if (typeof early === 'string') return refuse(refusals[early].code, refusals[early].reason);
    shown = early;
    const hello = await first;
    if (hello === 'closed') return;
    if (hello === 'late') return refuse(closeCode.helloTimeout, 'no hello');
    if (hello instanceof ProtocolError) return refuse(closeCode.protocolError, hello.message.slice(0, 120));
    // Once more: the hello may have kept us waiting while the token was revoked.
    const facts = await options.tokens.authenticate(token, address);
    if (typeof facts === 'string') return refuse(refusals[facts].code, refusals[facts].reason);
    shown = facts;
    const clash = () => clashOf(hello, facts, links.values());
    const refusal = refusalOf(hello, facts, options.tagSet) ?? clash();
    if (refusal) return refuse(refusal.code, refusal.reason, refusal.told);
    if (!hello.check) await options.tokens.joining(facts, hello, address);
    const late = clash();
    if (late) return refuse(late.code, late.reason, late.told);
    // Checked once more: the socket may have closed while the token was looked up.
    if (socket.readyState !== socket.OPEN) return;
    const answer = { type: 'welcome', serverVersion: options.serverVersion, heartbeatMs } as const;
    if (hello.check) {
      sendTo(socket, answer);
      // It closes by itself; one that does not is nobody's.
      const stop = clock.after(helloTimeoutMs, () => socket.terminate());
      socket.once('close', stop);
      return;
    }
    // Last, so that nobody who is not let in anyway takes the turn of one who is.
    const delayMs = pace.delayMs();
    if (delayMs > 0) return socket.close(closeCode.comeBackLater, comeBackReason(delayMs));
    const session = register(socket, hello, facts, { address, certificate });
    sendTo(socket, answer);
    if (facts.isDue && session.cannotReplace === undefined) void session.replace();
  }

  function register(
    socket: Channel,
    hello: Hello,
    token: TokenFacts,
    { address, certificate }: { address: string | undefined; certificate: Link['clientCertificate'] },
  ): TokenSession {
    const id = linkId(hello.name, hello.instance);
    const about = { delegate: hello.name, instance: hello.instance };
    const older = links.get(id);
    const happened = (kind: DelegateEvent['kind'], reason?: string) => {
      const { agentVersion } = hello;
      const facts = { kind, token, ...about, agentVersion, address };
      options.event(reason === undefined ? facts : { ...facts, reason });
    };
    let told: 'draining' | 'drained' | undefined;
    const link = new DelegateLink({
      socket,
      hello,
      scope: token.scope,
      tagSet: allowedTagSet(hello, token, options.tagSet),
      now: options.now,
      clientCertificate: certificate,
      clock,
      heartbeatMs,
      onChange: () => {
        options.changed(link);
        const now = link.running === 0 ? 'drained' : 'draining';
        if (!link.draining) told = undefined;
        else if (now !== told && told !== 'drained') {
          told = now;
          options.note(about, `delegate ${now}`);
          happened(now);
        }
        session.changed();
      },
      onEnd: () => {
        if (links.get(id) === link) links.delete(id);
        sessions.delete(link);
        options.leave(link);
      },
      onNote: note => options.note(about, `delegate ${note}`),
      onToken: report => session.receive(report),
    });
    const send = (message: ToDelegate) => sendTo(socket, message);
    const { tokens: keeper, note } = options;
    const session = new TokenSession({
      socket,
      link,
      hello,
      facts: token,
      address,
      keeper,
      clock,
      send,
      note,
    });
    links.set(id, link);
    sessions.set(link, session);
    options.join(link);
    const { tags, agentVersion, hostName } = hello;
    const transport = transportOf(socket);
    const shown = { token: token.name, ...(token.subject === undefined ? {} : { subject: token.subject }) };
    options.note({ ...about, tags, ...shown, address, agentVersion, transport }, 'delegate connected');
    if (options.clientAuth === 'optional' && (!certificate || certificate.problem !== undefined)) {
      const problem = certificate?.problem ?? 'none was shown';
      options.note(
        { ...about, problem },
        'delegate has no client certificate that counts; "required" would refuse it',
      );
    }
    happened('joined');
    socket.once('close', code => {
      options.note({ ...about, code }, 'delegate disconnected');
      happened('lost', closeName(code));
    });
    if (!older) return session;
    // One socket per instance: an older one is a connection that the agent has already given up. Each process makes a
    // key of its own: with another one it is not the same process.
    const isOther = older.publicKey.x !== hello.publicKey.x;
    if (isOther)
      options.note(
        { ...about, hostName, otherHost: older.hostName, address },
        'two delegate processes use one name and instance; the newer one stays',
      );
    older.abandon(
      closeCode.superseded,
      isOther
        ? 'another process has connected with the same name and instance'
        : 'the same instance has connected again',
    );
    return session;
  }

  return {
    sessions: () => [...sessions.values()],
    poll: polling.handle,
    async close() {
      server.off('upgrade', upgrade);
      const closed = [...sockets.clients].map(
        socket => new Promise<void>(resolve => socket.once('close', () => resolve())),
      );
      for (const socket of sockets.clients)
        socket.close(closeCode.goingAway, 'the control plane is stopping');
      const stop = clock.after(2_000, () => {
        for (const socket of sockets.clients) socket.terminate();
      });
      await Promise.all([...closed, polling.close()]);
      stop();
      sockets.close();
    },
  };
}

function firstMessage(
  socket: Channel,
  clock: Clock,
  timeoutMs: number,
): Promise<Hello | 'late' | 'closed' | ProtocolError> {
  return new Promise(resolve => {
    const settle = (result: Hello | 'late' | 'closed' | ProtocolError) => {
      stop();
      resolve(result);
    };
    const stop = clock.after(timeoutMs, () => settle('late'));
    socket.once('close', () => settle('closed'));
    socket.once('message', (data, isBinary) => {
      try {
        const parsed = isBinary ? undefined : codec.parse(frameText(data));
        if (parsed?.known && parsed.message.type === 'hello') return settle(parsed.message);
        settle(new ProtocolError('the first message must be a "hello"'));
      } catch (error) {
        settle(error instanceof ProtocolError ? error : new ProtocolError('unreadable'));
      }
    });
  });
}
