/** What orchestrators ask: shall this process be restarted, and does it take tasks? */
import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock, Transport } from '../protocol/index.ts';

/** The agent's state as far as health is concerned. */
export interface HealthState {
  /** The control plane has answered our hello on the present connection. */
  registered: boolean;
  draining: boolean;
  /** When it was last registered, or when the agent started; on the injected clock. */
  lastRegisteredAt: number;
  /** Of the last connection. */
  transport?: Transport;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A lost connection is no reason to be restarted, but one that stays lost for this long may be. */
const graceMs = 300_000;

/**
 * Serves `/livez`, `/readyz` and `/api/health` (the path and body that existing probes know). No login, no
 * secrets; the status code is the contract. Rejects when the address can't be listened on.
 */
export async function serveHealth(
  listen: { host: string | undefined; port: number },
  state: HealthState,
  clock: Clock,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0];
    // Answering at all is the proof of life: the event loop that runs the tasks runs this.
    if (path === '/livez') return answer(response, 200, { status: 'ok' });
    if (path === '/readyz') {
      const reason = notReady(state);
      return answer(
        response,
        reason ? 503 : 200,
        reason ? { status: 'not ready', reason } : { status: 'ok' },
      );
    }
    if (path === '/api/health') return apiHealth(response, state, clock);
    return answer(response, 404, { status: 'error', reason: 'try /livez, /readyz or /api/health' });
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

function notReady(state: HealthState): string | undefined {
  if (state.draining) return 'draining: finishing what runs, taking no more tasks';
  if (!state.registered) return 'not connected to the control plane';
  return undefined;
}

function apiHealth(response: ServerResponse, state: HealthState, clock: Clock): void {
  const lost = !state.registered && clock.now() - state.lastRegisteredAt >= graceMs;
  const correlationId = randomUUID();
  if (lost) {
    const message =
      state.transport === 'polling'
        ? 'Polling mode delegate is not healthy. Not able to send heartbeat.'
        : 'Delegate is not healthy. Socket is not open.';
    return answer(response, 503, { status: 'ERROR', code: 'UNKNOWN_ERROR', message, correlationId });
  }
  answer(response, 200, { status: 'SUCCESS', data: 'healthy', metaData: null, correlationId });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
