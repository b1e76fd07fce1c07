/** The control plane's answers, and everything that may come instead of one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import test from 'node:test';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { ApiError, type Client, type ClientOptions, createClient, type Json } from './client.ts';

interface Peer extends AsyncDisposable {
  readonly client: Client;
  readonly url: string;
  readonly requests: { method: string | undefined; url: string | undefined; key: unknown; body: string }[];
}

/** A client, and a server that answers it as the test says. */
async function peer(
  answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
  base = '',
  options: ClientOptions = {},
): Promise<Peer> {
  const requests: Peer['requests'] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', chunk => {
      body += String(chunk);
    });
    request.on('end', () => {
      requests.push({ method: request.method, url: request.url, key: request.headers['x-api-key'], body });
      void answer(request, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    client: createClient({ server: new URL(`http://127.0.0.1:${port}${base}`), apiKey: 'some-key' }, options),
    url: `http://127.0.0.1:${port}/`,
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const json =
  (status: number, body: object) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
const page =
  (status: number, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end('<html>hunter2</html>');
  };

async function refusal(act: Promise<unknown>): Promise<string> {
  try {
    await act;
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return error.message;
  }
  return assert.fail('it worked');
}

async function all(client: Client, signal = new AbortController().signal): Promise<Json[]> {
  const events: Json[] = [];
  for await (const event of client.events('/fetch', {}, signal)) events.push(event);
  return events;
}

test('a request goes to the API below the address, with the key and a body of JSON', async () => {
  await using server = await peer(json(200, { ok: true }), '/base/');
  assert.deepEqual(await server.client.get('/secrets'), { ok: true });
  assert.deepEqual(await server.client.post('/apply', { a: 'é' }), { ok: true });
  assert.deepEqual(await server.client.delete('/secrets/a'), { ok: true });
  assert.deepEqual(server.requests, [
    { method: 'GET', url: '/base/api/v1/secrets', key: 'some-key', body: '' },
    { method: 'POST', url: '/base/api/v1/apply', key: 'some-key', body: '{"a":"é"}' },
    { method: 'DELETE', url: '/base/api/v1/secrets/a', key: 'some-key', body: '' },
  ]);
});

test('a control plane that cannot be reached is named, with why', async () => {
  const gone = await peer(json(200, {}));
  await gone[Symbol.asyncDispose]();
  assert.match(
    await refusal(gone.client.get('/secrets')),
    /^cannot reach the control plane at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\); is LEGATE_SERVER right\?$/,
  );
});

test('a key that is not known is said to be that', async () => {
  await using server = await peer(json(401, { message: 'User not authorized' }));
  assert.equal(
    await refusal(server.client.get('/secrets')),
    'the control plane does not know this API key (LEGATE_API_KEY)',
  );
});

test('a refusal is told in the words of the control plane, a fault of it with the id under which its log has more', async () => {
  const body = { message: 'Resource not found: x', correlationId: 'some-id' };
  await using refusing = await peer(json(404, body));
  assert.equal(await refusal(refusing.client.get('/x')), 'Resource not found: x');
  await using failing = await peer(json(500, { ...body, message: 'Legate itself failed' }));
  assert.equal(await refusal(failing.client.get('/x')), 'Legate itself failed (some-id)');
});

test('a refusal has its code, and every problem one by one', async () => {
  const refusal = { message: 'Invalid request: a\nb', code: 'INVALID_REQUEST', problems: ['a', 'b'] };
  await using refusing = await peer(json(400, refusal));
  await assert.rejects(refusing.client.get('/x'), refusal);
});

test('a page that is not ours, as a proxy sends it, is told by its status and not shown', async () => {
  await using server = await peer(page(502));
  assert.equal(await refusal(server.client.get('/x')), 'the control plane answered with status 502');
});

test('a page instead of an answer is not JSON, and not shown', async () => {
  await using server = await peer(page(200));
  const notJson = 'the answer is not a JSON object; is LEGATE_SERVER the address of a control plane?';
  assert.equal(await refusal(server.client.get('/x')), notJson);
  assert.equal(await refusal(server.client.post('/x', {})), notJson);
});

test('a redirection is not followed: the key is for the address that was given', async () => {
  await using elsewhere = await peer(json(200, {}));
  for (const status of [301, 302, 307, 308]) {
    await using server = await peer(page(status, { location: elsewhere.url }));
    assert.equal(
      await refusal(server.client.post('/x', {})),
      `the control plane sends us to ${elsewhere.url}; if that is right, make it LEGATE_SERVER`,
    );
  }
  assert.deepEqual(elsewhere.requests, []);
});

test('events come one by one as they arrive, empty lines aside, wherever the network cuts them', async () => {
  const text = '{"event":"accepted"}\n\n{"event":"value","text":"é€😀"}\r\n{"event":"done"}\n';
  await using server = await peer(async (_, response) => {
    for (const byte of Buffer.from(text)) {
      response.write(Buffer.from([byte]));
      await new Promise(resolve => setImmediate(resolve));
    }
    response.end();
  });
  assert.deepEqual(await all(server.client), [
    { event: 'accepted' },
    { event: 'value', text: 'é€😀' },
    { event: 'done' },
  ]);
});

test('an answer that breaks off is an error, and what there is of its last line is not shown', async () => {
  for (const ending of ['destroy', 'end'] as const) {
    await using server = await peer((_, response) => {
      response.write('{"event":"accepted"}\n{"event":"value","text":"hunter2', () => response[ending]());
    });
    assert.match(
      await refusal(all(server.client)),
      /^the connection to the control plane broke before the answer was complete.*; the fetch may not have been completed$/,
    );
  }
});

test('an answer to a plain request that breaks off is an error too', async () => {
  await using server = await peer((_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{"items":', () => response.destroy());
  });
  assert.match(await refusal(server.client.get('/x')), /^the connection to the control plane broke/);
});

test('an event that is not JSON is an error that does not show it', async () => {
  await using server = await peer((_, response) => {
    response.end('<html>hunter2</html>\n');
  });
  assert.match(await refusal(all(server.client)), /^the answer is not a JSON object/);
});

test('whoever is interrupted hangs up, and gets to know it as that', async () => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const interrupt = new AbortController();
  await using server = await peer((_, response) => {
    response.once('close', close);
    response.write('{"event":"accepted"}\n');
  });
  const fetching = async () => {
    for await (const _ of server.client.events('/fetch', {}, interrupt.signal)) interrupt.abort();
  };
  await assert.rejects(fetching(), { name: 'AbortError' });
  await closed;
  await assert.rejects(all(server.client, interrupt.signal), { name: 'AbortError' });
});

test('whoever stops reading hangs up', async () => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  await using server = await peer((_, response) => {
    response.once('close', close);
    response.write('{"event":"accepted"}\n');
  });
  for await (const event of server.client.events('/fetch', {}, new AbortController().signal)) {
    assert.equal(event.event, 'accepted');
    break;
  }
  await closed;
});

const tooMany = { status: 'ERROR', code: 'TOO_MANY_REQUESTS', message: 'too many requests', problems: ['x'] };

/** A peer that refuses so many requests before it answers. */
async function busyPeer(refusals: number, retryAfter: string) {
  const clock = new FakeClock();
  const waits: number[] = [];
  let left = refusals;
  // The clock is turned as soon as somebody waits for it.
  const waiting = (seconds: number) => {
    waits.push(seconds);
    setImmediate(() => void clock.advance(seconds * 1_000));
  };
  const server = await peer(
    (request, response) => {
      left -= 1;
      if (left < 0) return json(200, { ok: true })(request, response);
      response.writeHead(429, { 'retry-after': retryAfter }).end(JSON.stringify(tooMany));
    },
    '',
    { clock, waiting },
  );
  return { server, waits };
}

test('a read or a deletion that is one too many waits as it is told', async () => {
  for (const method of ['get', 'delete'] as const) {
    const { server, waits } = await busyPeer(2, '7');
    await using _ = server;
    assert.deepEqual(await server.client[method]('/secrets'), { ok: true });
    assert.deepEqual(waits, [7, 7]);
  }
});

test('but not for ever, not for long, and not without being told how long', async () => {
  for (const [refusals, retryAfter, expected] of [
    [4, '1', [1, 1, 1]],
    [1, '61', []],
    [1, 'Wed, 21 Oct 2026 07:28:00 GMT', []],
  ] as const) {
    const { server, waits } = await busyPeer(refusals, retryAfter);
    await using _ = server;
    assert.equal(await refusal(server.client.get('/secrets')), 'too many requests');
    assert.deepEqual(waits, expected);
  }
});

test('what may do something twice is told, and not sent again', async () => {
  const { server, waits } = await busyPeer(1, '1');
  await using _ = server;
  assert.equal(await refusal(server.client.post('/apply', {})), 'too many requests');
  assert.equal(server.requests.length, 1);
  assert.deepEqual(waits, []);
});
