/** Callers on a real connection: those that hang up, and those that wait for long. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'node:test';
import { type TestApi, testApi } from '../../test/harness/api.ts';
import { delivered } from '../../test/harness/delivered.ts';
import type { DispatchRequest } from '../dispatch/dispatcher.ts';

const secret = 'account.db_password';

async function listening(api: TestApi): Promise<string> {
  return api.app.listen({ port: 0, host: '127.0.0.1' });
}

const fetchFrom = (api: TestApi, url: string, signal: AbortSignal | null = null) =>
  fetch(`${url}/api/v1/fetch`, {
    method: 'POST',
    headers: { 'x-api-key': api.key, 'content-type': 'application/json' },
    body: JSON.stringify({ secret }),
    signal,
  });

/** A fetch that has begun and goes on until it is called off; `ended` resolves when it was. */
function endless(api: TestApi, begins: { event: 'accepted' } | undefined) {
  const { promise: asked, resolve: ask } = Promise.withResolvers<DispatchRequest>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  api.play = async function* (request) {
    ask(request);
    try {
      if (begins) yield { event: 'accepted', task: 't', attempt: 1, delegate: 'edge' };
      await new Promise<void>(resolve => request.signal.addEventListener('abort', () => resolve()));
      yield { event: 'failed', task: 't', attempt: 1, failure: { reason: 'cancelled' } };
    } finally {
      end();
    }
  };
  return { asked, ended };
}

test('a caller that hangs up in the middle of the answer calls the fetch off', async () => {
  await using api = await testApi();
  const url = await listening(api);
  const { asked, ended } = endless(api, { event: 'accepted' });
  const hangUp = new AbortController();
  const answer = await fetchFrom(api, url, hangUp.signal);
  assert.equal(answer.status, 200);
  const { signal } = await asked;
  assert.equal(signal.aborted, false);
  hangUp.abort();
  await ended;
  assert.equal(signal.aborted, true);
});

test('a caller that hangs up before there is any answer calls the fetch off', async () => {
  await using api = await testApi();
  const url = await listening(api);
  const { asked, ended } = endless(api, undefined);
  const hangUp = new AbortController();
  const answer = fetchFrom(api, url, hangUp.signal);
  const { signal } = await asked;
  hangUp.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  await ended;
  assert.equal(signal.aborted, true);
});

test('the fetch of a caller that is gone before it could begin is called off from the start', async () => {
  await using api = await testApi();
  const { promise: received, resolve: receive } = Promise.withResolvers<void>();
  api.app.addHook('preHandler', async (_, reply) => {
    receive();
    await once(reply.raw, 'close');
  });
  const url = new URL(await listening(api));
  const { promise: asked, resolve: ask } = Promise.withResolvers<boolean>();
  api.play = ({ recipient, signal }) => {
    ask(signal.aborted);
    return delivered('v', recipient);
  };
  const body = JSON.stringify({ secret });
  const head = `POST /api/v1/fetch HTTP/1.1\r\nhost: x\r\nx-api-key: ${api.key}\r\n`;
  const socket = connect(Number(url.port), url.hostname);
  socket.write(`${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  await received;
  socket.resetAndDestroy();
  assert.equal(await asked, true);
});

test('an answer that was complete is not taken for a caller that hung up', async () => {
  await using api = await testApi();
  const url = await listening(api);
  let signal: AbortSignal | undefined;
  api.play = request => {
    signal = request.signal;
    return delivered('v', request.recipient);
  };
  const text = await (await fetchFrom(api, url)).text();
  assert.match(text, /"event":"done"/);
  await api.app.close();
  assert.equal(signal?.aborted, false);
});

test('stopping the server ends the fetches that are under way', async () => {
  await using api = await testApi();
  const url = await listening(api);
  const { asked, ended } = endless(api, { event: 'accepted' });
  const answer = await fetchFrom(api, url);
  await asked;
  const text = assert.rejects(answer.text());
  await api.app.close();
  await ended;
  await text;
});

test('while nothing happens an empty line goes out every 15 s, and no timer is left', async () => {
  await using api = await testApi();
  const url = await listening(api);
  const { promise: go, resolve: end } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  api.play = async function* ({ recipient }) {
    ask();
    await go;
    yield* delivered('v', recipient);
  };
  const answer = fetchFrom(api, url);
  await asked;
  await api.clock.advance(14_999);
  assert.deepEqual(api.clock.pending(), [1]);
  await api.clock.advance(1);
  const reader = (await answer).body?.getReader();
  assert.ok(reader);
  const first = await reader.read();
  assert.equal(Buffer.from(first.value ?? []).toString(), '\n');
  end();
  let rest = '';
  for (let piece = await reader.read(); !piece.done; piece = await reader.read())
    rest += Buffer.from(piece.value).toString();
  assert.match(rest, /^\{"event":"accepted".*\n\{"event":"value".*\n\{"event":"done".*\n$/);
  api.clock.assertNoTimers();
});
