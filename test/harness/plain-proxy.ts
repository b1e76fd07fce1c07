/** A reverse proxy that knows no websockets, and loses answers when a test asks for it. */
import { createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface PlainProxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Passes upgrades on from now on, or refuses them again. */
  allowUpgrades(allowed: boolean): void;
  /** Ends each socket right after its upgrade, or no more. */
  cutUpgrades(cut: boolean): void;
  /** How many upgrades it has passed on. */
  upgrades(): number;
  /** How many upgrades it has refused. */
  refused(): number;
  /** The paths of the requests that it has passed on. */
  readonly paths: readonly string[];
  /** Throws away the answers to some requests, once each, after they were applied. `which`: by their body. */
  lose(which: (path: string, body: string) => boolean): void;
  /** How many answers it has lost. */
  lost(): number;
  /** Sends every request with this ending of its path twice, one after the other. */
  repeat(ending: string): void;
  /** Ends every connection, and takes none; or works again. */
  down(isDown: boolean): void;
}

const refusal = 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** Starts one in front of a port on loopback, which may change. */
export async function plainProxy(where: number | (() => number)): Promise<PlainProxy> {
  const target = () => (typeof where === 'number' ? where : where());
  const paths: string[] = [];
  const open = new Set<Duplex>();
  let [refused, lost, allowed, isCut, isDown] = [0, 0, false, false, false];
  let upgrades = 0;
  let isLost: (path: string, body: string) => boolean = () => false;
  let repeated: string | undefined;

  const pass = ({ url = '', method, headers }: IncomingMessage, body: Buffer, signal: AbortSignal) =>
    new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      const onward = requestHttp(
        { host: '127.0.0.1', port: target(), path: url, method, headers, agent: false, signal },
        answer => {
          const chunks: Buffer[] = [];
          answer.on('data', chunk => chunks.push(chunk));
          answer.once('error', reject);
          answer.once('end', () =>
            resolve({
              status: answer.statusCode ?? 502,
              headers: answer.headers,
              body: Buffer.concat(chunks),
            }),
          );
        },
      );
      onward.on('error', reject);
      onward.end(body);
    });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const [path, body] = [request.url ?? '', Buffer.concat(chunks)];
    paths.push(path);
    const over = new AbortController();
    response.once('close', () => over.abort());
    let answer = await pass(request, body, over.signal);
    if (repeated !== undefined && path.endsWith(repeated)) answer = await pass(request, body, over.signal);
    if (isLost(path, body.toString())) {
      lost += 1;
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.on('connection', socket => {
    if (isDown) socket.destroy();
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    if (!allowed) {
      refused += 1;
      socket.end(refusal);
      return;
    }
    const { url: path = '', headers } = request;
    const onward = requestHttp({ host: '127.0.0.1', port: target(), path, headers, agent: false });
    onward.on('error', () => socket.destroy());
    onward.once('upgrade', (answer, upstream) => {
      upgrades += 1;
      open.add(upstream);
      const head = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head.join('')}\r\n`);
      upstream.on('error', () => {});
      upstream.once('close', () => socket.destroy());
      socket.once('close', () => upstream.destroy());
      if (isCut) socket.end();
      else upstream.pipe(socket).pipe(upstream);
    });
    onward.end();
  });
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    paths,
    allowUpgrades(are) {
      allowed = are;
    },
    cutUpgrades(cut) {
      isCut = cut;
    },
    upgrades: () => upgrades,
    refused: () => refused,
    lose(which) {
      const seen = new Set<string>();
      isLost = (path, body) => {
        if (seen.has(path + body) || !which(path, body)) return false;
        seen.add(path + body);
        return true;
      };
    },
    lost: () => lost,
    repeat(ending) {
      repeated = ending;
    },
    down(is) {
      isDown = is;
      if (is) for (const socket of open) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
