/** The answer to a fetch, event by event, for callers with a key of their own and without. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { generateSealingKeys, openValue, sealValue } from '../../protocol/index.ts';
import { testApi } from '../../test/harness/api.ts';
import { delivered } from '../../test/harness/delivered.ts';
import { delivering } from '../../test/harness/tools.ts';

const id = { task: 'some-task', attempt: 1 };
const secret = 'account.db_password';
/** Three bytes each, and 49,152 bytes in a chunk: the last character of most chunks is cut. */
const long = `x${'€'.repeat(60_000)}😀`;

test('a plain caller gets the value opened', async () => {
  await using api = await testApi();
  api.play = ({ recipient }) => delivered("it's $x\n", recipient);
  assert.deepEqual(await api.events('/api/v1/fetch', { secret }), [
    { event: 'accepted', ...id, delegate: 'edge' },
    { event: 'value', seq: 0, text: "it's $x\n" },
    { event: 'done', ...id, delegate: 'edge', durationMs: 7 },
  ]);
});

test('characters that are cut between two chunks arrive whole, and a byte order mark stays', async () => {
  await using api = await testApi();
  const value = `\uFEFF${long}`;
  api.play = ({ recipient }) => delivered(value, recipient);
  const events = await api.events('/api/v1/fetch', { secret });
  const pieces = events.filter(({ event }) => event === 'value').map(({ text }) => String(text));
  assert.equal(pieces.length, 4);
  assert.ok(pieces.every(piece => piece.isWellFormed() && !piece.includes('\uFFFD')));
  assert.equal(pieces.join(''), value);
});

test('a caller that brings a key gets the value as the delegate sealed it, and only the key opens it', async () => {
  await using api = await testApi();
  const keys = await generateSealingKeys();
  api.play = ({ recipient }) => {
    assert.deepEqual(recipient, keys.publicKey);
    return delivered(long, recipient);
  };
  const events = await api.events('/api/v1/fetch', { secret, publicKey: keys.publicKey });
  assert.doesNotMatch(JSON.stringify(events), /€/);
  const opener = openValue(keys, id);
  const pieces: Uint8Array[] = [];
  for (const { event, seq, final, sealed, task, attempt } of events) {
    if (event !== 'value') continue;
    assert.deepEqual({ task, attempt }, id);
    assert.ok(typeof seq === 'number' && typeof final === 'boolean' && typeof sealed === 'string');
    pieces.push(await opener.open({ seq, final, sealed }));
  }
  opener.finish();
  assert.equal(Buffer.concat(pieces).toString(), long);
  assert.equal(events.at(-1)?.event, 'done');
});

test('every fetch of a plain caller has a key pair of its own', async () => {
  await using api = await testApi();
  const seen: string[] = [];
  api.play = ({ recipient }) => {
    seen.push(recipient.x);
    return delivered('v', recipient);
  };
  await api.events('/api/v1/fetch', { secret });
  await api.events('/api/v1/fetch', { secret });
  assert.equal(new Set(seen).size, 2);
});

test('the answer is never kept by a cache and never held back by a proxy', async () => {
  await using api = await testApi();
  api.play = ({ recipient }) => delivered('v', recipient);
  const headers = { 'x-api-key': api.key };
  const answer = await api.app.inject({ method: 'POST', url: '/api/v1/fetch', headers, payload: { secret } });
  assert.equal(answer.headers['content-type'], 'application/x-ndjson');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['x-accel-buffering'], 'no');
});

test('logs are asked for only when the caller wants them', async () => {
  await using api = await testApi();
  const asked: boolean[] = [];
  api.play = ({ logs, recipient }) => {
    asked.push(logs);
    return delivered('v', recipient);
  };
  for (const logs of [undefined, false, true]) await api.events('/api/v1/fetch', { secret, logs });
  assert.deepEqual(asked, [false, false, true]);
});

test('a failure is the last event, as the dispatcher has it', async () => {
  await using api = await testApi();
  const failed = {
    event: 'failed',
    ...id,
    delegate: 'edge',
    failure: { reason: 'script-failed', exitCode: 3, stderrTail: 'no' },
  } as const;
  api.play = async function* () {
    yield { event: 'log', text: 'a line' };
    yield failed;
  };
  assert.deepEqual(await api.events('/api/v1/fetch', { secret }), [{ event: 'log', text: 'a line' }, failed]);
});

test('a value that is not what the delegate sealed for this fetch ends in protocol-error, with what was wrong', async () => {
  await using api = await testApi();
  const others = await generateSealingKeys();
  api.play = () => delivered('v', others.publicKey);
  const events = await api.events('/api/v1/fetch', { secret });
  assert.deepEqual(events.at(-1), {
    event: 'failed',
    ...id,
    failure: {
      reason: 'protocol-error',
      detail: "value chunk 0 can't be opened: it was damaged, or sealed for another key",
    },
  });
});

test('a value without its end, or none at all, is not a success', async () => {
  await using api = await testApi();
  for (const pieces of [0, 1]) {
    api.play = async function* ({ recipient }) {
      let sent = 0;
      for await (const chunk of sealValue(Buffer.from(long), recipient, id))
        if (sent++ < pieces) yield { event: 'value', ...id, ...chunk };
      yield { event: 'succeeded', ...id, delegate: 'edge', durationMs: 1 };
    };
    const events = await api.events('/api/v1/fetch', { secret });
    assert.equal(events.length, pieces + 1);
    const { failure } = events.at(-1) ?? {};
    const detail = pieces === 0 ? 'there was no value' : 'the value was cut off: its final chunk is missing';
    assert.deepEqual(failure, { reason: 'protocol-error', detail });
  }
});

test('a value that is not text ends in protocol-error, and nothing of it is told', async () => {
  await using api = await testApi();
  for (const bytes of [Buffer.from([0x68, 0x69, 0xff]), Buffer.from([0xe2, 0x82])]) {
    api.play = ({ recipient }) => delivered(bytes, recipient);
    const events = await api.events('/api/v1/fetch', { secret });
    const { event, failure } = events.at(-1) ?? {};
    assert.equal(event, 'failed');
    assert.deepEqual(failure, { reason: 'protocol-error', detail: 'the value is not UTF-8 text' });
  }
});

test('a fault of ours on the way is an event, and its text is for the log only', async () => {
  await using api = await testApi();
  api.play = async function* () {
    yield { event: 'accepted', ...id, delegate: 'edge' };
    throw new Error('hunter2');
  };
  const events = await api.events('/api/v1/fetch', { secret });
  assert.deepEqual(events.at(-1), { event: 'failed', ...id, failure: { reason: 'internal' } });
  assert.doesNotMatch(JSON.stringify(events), /hunter2/);
  assert.ok(api.notes[0]?.err instanceof Error);
});

test('a connection test says that there is a value, never which, however it is asked', async () => {
  await using api = await testApi();
  api.play = ({ recipient }) => delivered(long, recipient);
  const events = await api.events('/api/v1/connectors/test', { connector: 'account.kv_http' });
  assert.deepEqual(events, [
    { event: 'accepted', ...id, delegate: 'edge' },
    { event: 'value', seq: 0, length: 'non-empty' },
    { event: 'done', ...id, delegate: 'edge', durationMs: 7 },
  ]);
  const keys = await generateSealingKeys();
  const withKey = { connector: 'account.kv_http', publicKey: keys.publicKey };
  assert.equal((await api.ask('POST', '/api/v1/connectors/test', withKey)).status, 400);
});

test('a connection test asks for the logs, and tells a failure like a fetch', async () => {
  await using api = await testApi();
  api.play = async function* ({ logs, plan }) {
    assert.deepEqual([logs, plan.subject.secret], [true, '']);
    yield { event: 'failed', ...id, failure: { reason: 'empty-value' } };
  };
  const events = await api.events('/api/v1/connectors/test', { connector: 'account.kv_http' });
  assert.deepEqual(events, [{ event: 'failed', ...id, failure: { reason: 'empty-value' } }]);
});

test('trying a secret says that there is a value, and not which', async () => {
  await using api = await testApi();
  api.play = delivering('hunter2');
  const answer = await api.ask('POST', '/api/v1/secrets/test', { secret: 'account.db_password' });
  assert.equal(answer.status, 200);
  assert.match(answer.body, /"length":"non-empty"/);
  assert.ok(!answer.body.includes('hunter2'));
});
