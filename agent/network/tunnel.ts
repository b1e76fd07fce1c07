/** A way through an HTTP proxy: CONNECT, and then it is as if there were no proxy. */
import { type Agent, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { problemOf } from './problem.ts';
import type { ProxyAddress, ProxyLogin } from './settings.ts';

/** The proxy did not let us through, in words. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
}

export interface ProxyOptions {
  readonly address: ProxyAddress;
  readonly login: ProxyLogin | undefined;
  /** Whom we trust where the proxy itself is spoken to with TLS; undefined: whom Node trusts. */
  readonly trust: SecureContext | undefined;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** A proxy that takes longer is none to wait for. */
const answerWithinMs = 15_000;

/** Makes an agent's connections go through a proxy. */
export function goThrough<T extends Agent>(agent: T, proxy: ProxyOptions): T {
  const direct = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    openTunnel(proxy, String(options.host), Number(options.port)).then(
      socket => {
        // An agent for https puts TLS on what it is given for a socket.
        const carried: object = { ...options, socket };
        const end = agent instanceof SecureAgent ? direct(carried) : socket;
        if (end) callback?.(null, end);
      },
      // Where there is an error there is no socket, which the type does not say.
      (error: Error) => (callback as ((error: Error) => void) | undefined)?.(error),
    );
    return undefined;
  };
  return agent;
}

/** Opens a tunnel to a host. Rejects with a `ProxyError`. */
export function openTunnel(proxy: ProxyOptions, host: string, port: number): Promise<Duplex> {
  const { address, login, signal } = proxy;
  const target = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const authorization = login && Buffer.from(`${login.user}:${login.password}`).toString('base64');
  const options: RequestOptions = {
    method: 'CONNECT',
    host: address.host,
    port: address.port,
    path: target,
    headers: { host: target, ...(authorization ? { 'proxy-authorization': `Basic ${authorization}` } : {}) },
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const request =
      address.scheme === 'https'
        ? secureRequest({ ...options, ...(proxy.trust ? { secureContext: proxy.trust } : {}) })
        : plainRequest(options);
    const abort = () => request.destroy(new Error('it was called off'));
    const tooLate = () => request.destroy(new Error(`no answer within ${answerWithinMs / 1_000} seconds`));
    const timer = setTimeout(tooLate, answerWithinMs);
    signal.addEventListener('abort', abort, { once: true });
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    request.once('connect', (response, socket, head) => {
      settle();
      const problem = refusalOf(response.statusCode ?? 0, proxy, target);
      if (problem === undefined) {
        if (head.length > 0) socket.unshift(head);
        return resolve(socket);
      }
      socket.destroy();
      reject(new ProxyError(problem));
    });
    request.on('error', error => {
      settle();
      reject(new ProxyError(unreachable(error, address)));
    });
    if (signal.aborted) abort();
    request.end();
  });
}

const nameOf = ({ scheme, host, port, from }: ProxyAddress) =>
  `the proxy ${scheme}://${isIP(host) === 6 ? `[${host}]` : host}:${port} (${from})`;

/** Why a proxy's answer is a refusal; undefined: it is none. Nothing else of the answer is told: it is anybody's. */
function refusalOf(status: number, { address, login }: ProxyOptions, target: string): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  const where = nameOf(address);
  const setting =
    address.from === 'PROXY_HOST' ? 'PROXY_USER and PROXY_PASSWORD' : `the login in ${address.from}`;
  // There are proxies that say 401 of a wrong login, as a server would.
  if (status === 407 || status === 401) {
    return login
      ? `${where} does not accept the login (${status}): check ${setting}`
      : `${where} asks for a login (${status}): set ${setting}`;
  }
  if (status === 403)
    return `${where} does not allow ${target} (403): have it allowed, or add the host to NO_PROXY`;
  if (status === 502 || status === 503 || status === 504)
    return `${where} cannot reach ${target} (${status}): is LEGATE_URL right, as the proxy sees it?`;
  return `${where} refuses a tunnel to ${target} (status ${status}): it has to allow CONNECT`;
}

function unreachable(error: Error, address: ProxyAddress): string {
  const problem = problemOf(error);
  const hint =
    address.scheme === 'https' ? 'is it there, and does it speak TLS at this port?' : 'is it there?';
  return `cannot get through ${nameOf(address)}: ${problem.replace(/[.?!]$/, '')}; ${hint}`;
}
