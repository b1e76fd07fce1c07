/** The metrics' own address: without a login, and so apart from the API's. */
import { createServer } from 'node:http';

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/metrics`. Rejects when the address can't be listened on. */
export async function serveMetrics(
  listen: { readonly host: string | undefined; readonly port: number },
  collect: () => Promise<{ readonly contentType: string; readonly text: string }>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if ((request.url ?? '').split('?', 1)[0] !== '/metrics') {
      response.writeHead(404).end('there is only /metrics here\n');
      return;
    }
    collect().then(
      ({ contentType, text }) =>
        response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text),
      () => response.writeHead(500).end('the metrics could not be collected\n'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
