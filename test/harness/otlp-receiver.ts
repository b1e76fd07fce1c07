/** A collector of traces: takes what a real exporter sends over OTLP/HTTP, as JSON. */
import { createServer } from 'node:http';
import { at, listAt } from './data.ts';

export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  readonly failed: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Everything that was sent, as it came. */
  text(): string;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  let all = '';
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      all += body;
      if (request.url === '/v1/traces' && request.headers['content-type'] === 'application/json')
        spans.push(...spansIn(JSON.parse(body)));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the receiver does not listen');
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans,
    text: () => all,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

function spansIn(data: unknown): ReceivedSpan[] {
  return listAt(data, 'resourceSpans').flatMap(resource => {
    const service = String(attributesOf(listAt(resource, 'resource', 'attributes'))['service.name']);
    return listAt(resource, 'scopeSpans').flatMap(scope =>
      listAt(scope, 'spans').map(span => ({
        service,
        name: String(at(span, 'name')),
        trace: String(at(span, 'traceId')),
        id: String(at(span, 'spanId')),
        parent: textAt(span, 'parentSpanId'),
        failed: at(span, 'status', 'code') === 2 ? String(at(span, 'status', 'message')) : undefined,
        attributes: attributesOf(listAt(span, 'attributes')),
      })),
    );
  });
}

function textAt(data: unknown, name: string): string {
  const found = at(data, name);
  return typeof found === 'string' ? found : '';
}

function attributesOf(list: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(
    list.map(entry => [at(entry, 'key'), Object.values(Object(at(entry, 'value')))[0]]),
  );
}
