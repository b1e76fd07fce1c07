import assert from 'node:assert/strict';
import test from 'node:test';
import type { PublicKey } from '../protocol/index.ts';
import { delivered } from '../test/harness/delivered.ts';
import { ApiError, type Client, type Json } from './client.ts';
import { getSecret, testConnector } from './fetch.ts';

const never = new AbortController().signal;
const options = { json: false, logs: false, fresh: false, place: {} };

/** A client whose fetches are answered with these events; what it was asked is kept. */
function answering(events: (publicKey: PublicKey) => AsyncIterable<Json> | Iterable<Json>) {
  const asked: { path: string; body: Json }[] = [];
  const client: Client = {
    get: () => assert.fail('it asks for events only'),
    post: () => assert.fail('it asks for events only'),
    delete: () => assert.fail('it asks for events only'),
    async *events(path, body) {
      asked.push({ path, body: { ...body } });
      const key = 'publicKey' in body ? Object.entries(body.publicKey ?? {}) : [];
      const { x = '' } = Object.fromEntries(key);
      yield* events({ kty: 'OKP', crv: 'X25519', x: String(x) });
    },
  };
  return { client, asked };
}

/** What was written where. */
function paper(isTerminal = false) {
  const written: Buffer[] = [];
  const errors: string[] = [];
  return {
    errors,
    text: () => Buffer.concat(written).toString(),
    output: {
      out: (bytes: Uint8Array | string) => void written.push(Buffer.from(bytes)),
      err: (line: string) => void errors.push(line),
      isTerminal,
    },
  };
}

/** What a control plane makes of a fetch that works. */
async function* works(value: Uint8Array | string, publicKey: PublicKey): AsyncGenerator<Json> {
  for await (const event of delivered(value, publicKey))
    yield event.event === 'succeeded' ? { ...event, event: 'done' } : { ...event };
}

test("a value is written as exactly its bytes; the newline is for a person's terminal only", async () => {
  const value = Buffer.from([0x2d, 0x6e, 0x20, 0xe2, 0x82, 0xac, 0x0a, 0x0a]);
  for (const [isTerminal, expected] of [
    [false, '-n €\n\n'],
    [true, '-n €\n\n\n'],
  ] as const) {
    const { client, asked } = answering(key => works(value, key));
    const { output, text, errors } = paper(isTerminal);
    assert.equal(await getSecret(client, 'account.db', options, output, never), 0);
    assert.deepEqual([text(), errors], [expected, []]);
    assert.equal(asked[0]?.path, '/fetch');
    assert.equal(asked[0]?.body.secret, 'account.db');
  }
});

test('a reference goes with the place in which it is to be read, and on whose behalf', async () => {
  const { client, asked } = answering(key => works('v', key));
  const place = { orgIdentifier: 'payments', projectIdentifier: 'demo' };
  const behalf = { application: 'shop', environment: 'live' };
  await getSecret(client, 'db', { ...options, place, ...behalf }, paper().output, never);
  const { publicKey: _, ...body } = asked[0]?.body ?? {};
  assert.deepEqual(body, { secret: 'db', ...place, ...behalf, logs: false });
  const done = answering(() => [{ event: 'done', delegate: 'edge', durationMs: 1 }]);
  await testConnector(done.client, 'kv', place, paper().output, never);
  assert.deepEqual(done.asked[0]?.body, { connector: 'kv', ...place });
});

test('a value of many chunks is put together again', async () => {
  const value = '€'.repeat(300_000);
  const { client } = answering(key => works(value, key));
  const { output, text } = paper();
  await getSecret(client, 'account.db', options, output, never);
  assert.equal(text(), value);
});

test('as JSON it comes with task, delegate and duration', async () => {
  const { client } = answering(key => works('v"\n', key));
  const { output, text } = paper();
  assert.equal(await getSecret(client, 'account.db', { ...options, json: true }, output, never), 0);
  const expected = { task: 'some-task', attempt: 1, delegate: 'edge', durationMs: 7, value: 'v"\n' };
  assert.deepEqual(JSON.parse(text()), expected);
});

test('nothing is written before the value is complete and known to be the one that was sealed', async () => {
  const damages: [(event: Json) => Json[], RegExp | string][] = [
    [event => (event.event === 'value' && event.final ? [] : [event]), /its final chunk is missing/],
    [event => (event.event === 'value' ? [{ ...event, final: !event.final }] : [event]), /final differ/],
    [event => (event.event === 'value' ? [{ ...event, task: 'other' }] : [event]), /task differ/],
    [event => (event.event === 'value' && event.seq === 0 ? [event, event] : [event]), /seq/],
    [event => (event.event === 'value' ? [{ ...event, seq: 'x' }] : [event]), /not as expected/],
    [event => (event.event === 'value' ? [{ ...event, sealed: 5 }] : [event]), /not as expected/],
    [event => (event.event === 'value' ? [] : [event]), /not as expected/],
    [event => (event.event === 'done' ? [] : [event]), /ended the answer early/],
  ];
  for (const [damage, message] of damages) {
    const { client } = answering(async function* (key) {
      for await (const event of works('x'.repeat(60_000), key)) yield* damage(event);
    });
    const { output, text } = paper();
    await assert.rejects(getSecret(client, 'account.db', options, output, never), { message });
    assert.equal(text(), '');
  }
});

test('a failure is the reason, what it means and its facts, on the error output, and exit code 1', async () => {
  const failed = {
    event: 'failed',
    task: 't',
    attempt: 1,
    delegate: 'edge',
    failure: { reason: 'script-failed', exitCode: 3, stderrTail: 'first line\nsecond line\n' },
  };
  const { client } = answering(() => [failed]);
  const { output, text, errors } = paper();
  assert.equal(await getSecret(client, 'account.db', options, output, never), 1);
  assert.equal(text(), '');
  assert.deepEqual(errors, [
    'script-failed: The script ended with an error. See its exit code and the end of its error output.',
    '  exit code: 3',
    '  delegate: edge, task: t',
    "  end of the script's error output:",
    '  | first line',
    '  | second line',
  ]);
});

test('how long a delegate is waited for is asked for in milliseconds', async () => {
  const { client, asked } = answering(key => works('v', key));
  await getSecret(client, 'account.db', { ...options, waitMs: 30_000 }, paper().output, never);
  assert.equal(asked[0]?.body.waitMs, 30_000);
});

test('a failure for want of a delegate lists each of them and why not', async () => {
  const delegates = [
    { delegate: 'one', instance: 'i-1', why: 'SELECTOR_MISMATCH', detail: 'its tags lack "eu"' },
    { delegate: 'two', why: 'DISCONNECTED', detail: 'disconnected since monday' },
  ];
  const failed = (list: unknown, more: object = {}) => ({
    event: 'failed',
    failure: { reason: 'no-eligible-delegate' },
    delegates: list,
    ...more,
  });
  const told = paper();
  await getSecret(answering(() => [failed(delegates)]).client, 'account.db', options, told.output, never);
  assert.deepEqual(told.errors.slice(1), [
    '  one (i-1): its tags lack "eu"',
    '  two: disconnected since monday',
  ]);
  const many = paper();
  const event = failed(delegates.slice(0, 1), { delegatesLeftOut: 400, nearestMiss: 'one lacks "eu"' });
  await getSecret(answering(() => [event]).client, 'account.db', options, many.output, never);
  assert.deepEqual(many.errors.slice(2), ['  and 400 more', '  nearest miss: one lacks "eu"']);
  const none = paper();
  await getSecret(answering(() => [failed([])]).client, 'account.db', options, none.output, never);
  assert.deepEqual(none.errors.slice(1), ['  no delegate has ever connected; start one with "legate agent"']);
});

test('a reason that a newer control plane may know is told all the same', async () => {
  const { client } = answering(() => [
    { event: 'failed', failure: { reason: 'moon-phase', detail: 'wait' } },
  ]);
  const { output, errors } = paper();
  await getSecret(client, 'account.db', options, output, never);
  assert.deepEqual(errors, ['moon-phase: a reason that this version does not know', '  wait']);
});

test('as JSON a failure goes to the standard output too', async () => {
  const failure = { reason: 'timed-out', detail: '3 s were over' };
  const { client } = answering(() => [{ event: 'failed', task: 't', attempt: 1, failure }]);
  const { output, text } = paper();
  assert.equal(await getSecret(client, 'account.db', { ...options, json: true }, output, never), 1);
  assert.deepEqual(JSON.parse(text()), { task: 't', attempt: 1, failure });
});

test('logs go to the error output, and what would move the cursor does not', async () => {
  const { client, asked } = answering(async function* (key) {
    yield { event: 'log', text: 'one\n\u001b[2Jtwo\tthree\r\n' };
    yield* works('v', key);
  });
  const { output, errors } = paper();
  await getSecret(client, 'account.db', { ...options, logs: true }, output, never);
  assert.deepEqual(errors, ['  | one', '  | \ufffd[2Jtwo\tthree']);
  assert.equal(asked[0]?.body.logs, true);
});

test('an event that this version does not know is passed over', async () => {
  const { client } = answering(async function* (key) {
    yield { event: 'news' };
    yield* works('v', key);
  });
  const { output, text } = paper();
  assert.equal(await getSecret(client, 'account.db', options, output, never), 0);
  assert.equal(text(), 'v');
});

test('a connection test says that it works, with where and how long, or fails like a fetch', async () => {
  const done = { event: 'done', delegate: 'edge', durationMs: 12 };
  const good = answering(() => [
    { event: 'log', text: 'hello\n' },
    { event: 'value', length: 'non-empty' },
    done,
  ]);
  const told = paper();
  assert.equal(await testConnector(good.client, 'account.kv', {}, told.output, never), 0);
  assert.equal(told.text(), 'account.kv works: delegate edge got a value in 12 ms (it is not shown)\n');
  assert.deepEqual(told.errors, ['  | hello']);
  assert.deepEqual(good.asked, [{ path: '/connectors/test', body: { connector: 'account.kv' } }]);

  const bad = paper();
  const failing = answering(() => [{ event: 'failed', failure: { reason: 'empty-value' } }]);
  assert.equal(await testConnector(failing.client, 'account.kv', {}, bad.output, never), 1);
  assert.match(bad.errors[0] ?? '', /^empty-value: /);
  await assert.rejects(
    testConnector(answering(() => []).client, 'account.kv', {}, paper().output, never),
    ApiError,
  );
});
