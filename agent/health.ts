/** What orchestrators ask: shall this process be restarted, and does it take tasks? And what its metrics are. */
import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSilent, type Readiness, readinessChecks } from './observe/readiness.ts';

export type { HealthState } from './observe/readiness.ts';

export interface Health extends Readiness {
  /**
   * A lost connection is no reason to be restarted, but one that stays lost for this long may be; 0: it never is.
   */
  readonly graceMs: number;
  /** The event loop hardly comes round any more. */
  readonly isStuck: () => boolean;
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/livez`, `/readyz`, and Harness' `/api/health`, `/api/ready` and `/api/metrics`. No login, no secrets; the
 * status code is the contract. Rejects when the address can't be listened on.
 */
export async function serveHealth(
  listen: { host: string | undefined; port: number },
  health: Health,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    if (path === '/livez') return livez(response, health);
    const check = /^\/(?:readyz|api\/ready)(?:\/([a-z]+))?$/.exec(path);
    if (check) return readyz(response, health, check[1], query);
    if (path === '/api/health') return apiHealth(response, health);
    if (path === '/api/metrics' || path === '/metrics') return void metrics(response, health);
    return notFound(response, 'try /livez, /readyz, /api/health or /api/metrics');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  return {
    port: portOf(server.address()),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const stuck = 'the event loop has been late at every turn for too long';

/** The event loop that runs the tasks runs this, so that one which is stuck for good does not answer. */
function livez(response: ServerResponse, { isStuck }: Health): void {
  if (isStuck()) return answer(response, 503, { status: 'stuck', reason: stuck });
  answer(response, 200, { status: 'ok' });
}

/** `/readyz/NAME` is one check, `?exclude=NAME` all but one, `?verbose` says how each went. */
function readyz(response: ServerResponse, health: Health, only: string | undefined, query: string): void {
  const asked = new URLSearchParams(query);
  const excluded = asked.getAll('exclude').flatMap(names => names.split(','));
  const all = Object.entries(readinessChecks(health));
  if (only !== undefined && !all.some(([name]) => name === only))
    return notFound(response, `the checks are ${all.map(([name]) => name).join(', ')}`);
  const checks = all.filter(([name]) => (only === undefined ? !excluded.includes(name) : name === only));
  const [, reason] = checks.find(([, why]) => why !== undefined) ?? [];
  const each = Object.fromEntries(checks.map(([name, why]) => [name, why ?? 'ok']));
  answer(response, reason === undefined ? 200 : 503, {
    ...(reason === undefined ? { status: 'ok' } : { status: 'not ready', reason }),
    ...(asked.has('verbose') ? { checks: each } : {}),
  });
}

/** With Harness' bodies. */
function apiHealth(response: ServerResponse, health: Health): void {
  const { state, graceMs, now, isStuck } = health;
  const lost = !state.registered || isSilent(health);
  // What was heard before it was welcomed shows that somebody is there, and not that the delegate is of use.
  const since = Math.max(state.lastRegisteredAt, state.registered ? state.lastHeardAt : 0);
  const over = lost && graceMs > 0 && now() - since >= graceMs;
  const correlationId = randomUUID();
  if (isStuck() || over) {
    const message = isStuck() ? `Delegate is not healthy. It is stuck: ${stuck}.` : lostSentence(health);
    return answer(response, 503, { status: 'ERROR', code: 'UNKNOWN_ERROR', message, correlationId });
  }
  answer(response, 200, { status: 'SUCCESS', data: 'healthy', metaData: null, correlationId });
}

function lostSentence({ state }: Health): string {
  return state.transport === 'polling'
    ? 'Polling mode delegate is not healthy. Not able to send heartbeat.'
    : 'Delegate is not healthy. Socket is not open.';
}

async function metrics(response: ServerResponse, health: Health): Promise<void> {
  try {
    const { contentType, text } = await health.metrics();
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' });
    response.end(text);
  } catch {
    answer(response, 500, { status: 'error', reason: 'the metrics could not be collected' });
  }
}

function notFound(response: ServerResponse, reason: string): void {
  answer(response, 404, { status: 'error', reason });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
