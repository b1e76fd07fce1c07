import assert from 'node:assert/strict';
import test from 'node:test';
import type { DispatchEvent } from '../control-plane/dispatch/dispatcher.ts';
import { RequestError } from '../control-plane/domain/errors.ts';
import { generateSealingKeys, openValue, type PublicKey, sealValue } from '../protocol/index.ts';
import { graphqlKey, testGraphql } from './harness/graphql.ts';

const identity = { task: 'a-task', attempt: 1 };
const done: DispatchEvent = { event: 'succeeded', ...identity, delegate: 'd1', durationMs: 3 };

async function* succeeding(value: string, recipient: PublicKey): AsyncGenerator<DispatchEvent, void, void> {
  yield { event: 'accepted', ...identity, delegate: 'd1' };
  for await (const chunk of sealValue(Buffer.from(value), recipient, identity))
    yield { event: 'value', ...identity, ...chunk };
  yield done;
}

async function* failing(): AsyncGenerator<DispatchEvent, void, void> {
  yield { event: 'accepted', ...identity, delegate: 'd1' };
  const failure = { reason: 'script-failed', exitCode: 7, stderrTail: 'no such path' } as const;
  yield { event: 'failed', ...identity, delegate: 'd1', failure };
}

const hostile = `'"$(id)\`\\\n\t${'\u{1f511}'.repeat(30_000)}\n`;

test('a fetch gives the value, for a secret of the scope that is named', async () => {
  const asked: unknown[] = [];
  await using server = testGraphql({
    async fetchSecret({ name }, { secret, consumer, recipient }) {
      asked.push([name, secret, consumer]);
      return succeeding(hostile, recipient);
    },
  });
  const query = `mutation($s: String!, $org: String, $app: String, $env: String) { legate {
    fetch(secret: $s, orgIdentifier: $org, application: $app, environment: $env) { value sealed task delegate }
  } }`;
  const { data } = await server.ask(query, { s: 'org.db', org: 'pay', app: 'a', env: 'e' });
  assert.deepEqual(data, {
    legate: { fetch: { value: hostile, sealed: null, task: 'a-task', delegate: 'd1' } },
  });
  await server.ask(query, { s: 'account.db' });
  assert.deepEqual(asked, [
    ['tester', { scope: 'org/pay', identifier: 'db' }, { application: 'a', environment: 'e' }],
    ['tester', { scope: 'account', identifier: 'db' }, undefined],
  ]);
  const { errors } = await server.ask(query, { s: 'account.db', app: 'a' });
  assert.match(errors[0]?.message ?? '', /application and environment go together/);
});

test('with a public key the value stays sealed to it', async () => {
  await using server = testGraphql({
    fetchSecret: async (_, { recipient }) => succeeding(hostile, recipient),
  });
  const keys = await generateSealingKeys();
  const query = `mutation($key: LegatePublicKey) { legate {
    fetch(secret: "account.x", publicKey: $key) { value sealed task attempt }
  } }`;
  const { data, text } = await server.ask(query, { key: keys.publicKey });
  const { legate }: { legate: { fetch: { value: null; sealed: string[]; task: string; attempt: number } } } =
    JSON.parse(JSON.stringify(data));
  const { value, sealed, task, attempt } = legate.fetch;
  assert.equal(value, null);
  assert.doesNotMatch(text, /\$\(id\)/);
  const opener = openValue(keys, { task, attempt });
  const pieces: Uint8Array[] = [];
  for (const [seq, chunk] of sealed.entries())
    pieces.push(await opener.open({ seq, final: seq === sealed.length - 1, sealed: chunk }));
  opener.finish();
  assert.equal(Buffer.concat(pieces).toString(), hostile);

  const { errors } = await server.ask(query, { key: { kty: 'RSA', crv: 'X25519', x: 'hunter2' } });
  assert.match(errors[0]?.message ?? '', /publicKey must be an X25519 key/);
});

test('a fetch that fails says why, with what the script had to say', async () => {
  await using server = testGraphql({ fetchSecret: async () => failing() });
  const { data, errors } = await server.ask('mutation { legate { fetch(secret: "account.x") { value } } }');
  assert.deepEqual(data, { legate: { fetch: null } });
  assert.match(
    errors[0]?.message ?? '',
    /^Exception while fetching data \(\/legate\/fetch\) : The script ended/,
  );
  assert.deepEqual(errors[0]?.extensions, {
    classification: 'DataFetchingException',
    code: 'SCRIPT_EXIT_NONZERO',
    reason: 'script-failed',
    attempts: 1,
    exitCode: 7,
    stderrTail: 'no such path',
    delegate: 'd1',
  });
});

const subscription = `subscription($c: String!) { legateConnectionTest(connector: $c) {
  __typename
  ... on LegateAccepted { delegate }
  ... on LegateLog { text }
  ... on LegateSucceeded { delegate }
  ... on LegateFailed { code exitCode stderrTail refusals { delegate } }
} }`;

/** The events of a stream as they come: name and data of each. */
async function* eventsOf(response: Response): AsyncGenerator<[string, unknown]> {
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.ok(response.body);
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, name, data = ''] = /^event: (\w+)\ndata: ?(.*)$/.exec(block) ?? [];
      if (name) yield [name, data && JSON.parse(data)];
    }
  }
}

function subscribe(url: string, connector: string, signal?: AbortSignal): Promise<Response> {
  const headers = {
    'x-api-key': graphqlKey,
    accept: 'text/event-stream',
    'content-type': 'application/json',
  };
  const body = JSON.stringify({ query: subscription, variables: { c: connector } });
  return fetch(url, { method: 'POST', headers, body, ...(signal ? { signal } : {}) });
}

test('a connection test tells what happens while it runs, and never the value', async () => {
  const goOn = Promise.withResolvers<void>();
  const { publicKey } = await generateSealingKeys();
  await using server = testGraphql({
    async testConnector() {
      return (async function* () {
        yield { event: 'log', text: 'looking\n' } as const;
        await goOn.promise;
        yield* succeeding('the value', publicKey);
      })();
    },
  });
  const seen: unknown[] = [];
  for await (const [name, data] of eventsOf(await subscribe(await server.listen(), 'account.kv'))) {
    seen.push(name === 'next' ? data : name);
    // The log is here before the script has ended.
    goOn.resolve();
  }
  const event = (facts: object) => ({ data: { legateConnectionTest: facts } });
  assert.deepEqual(seen, [
    event({ __typename: 'LegateLog', text: 'looking\n' }),
    event({ __typename: 'LegateAccepted', delegate: 'd1' }),
    event({ __typename: 'LegateSucceeded', delegate: 'd1' }),
    'complete',
  ]);
});

test('a connection test that fails, and one that is refused, say so', async () => {
  await using server = testGraphql({
    async testConnector(_, { identifier }) {
      if (identifier === 'kv') return failing();
      throw new RequestError('RESOURCE_NOT_FOUND', 'there is no connector account.other');
    },
  });
  const url = await server.listen();
  const failed = await Array.fromAsync(eventsOf(await subscribe(url, 'account.kv')));
  const facts = { code: 'SCRIPT_EXIT_NONZERO', exitCode: 7, stderrTail: 'no such path', refusals: [] };
  assert.deepEqual(failed[1], [
    'next',
    { data: { legateConnectionTest: { __typename: 'LegateFailed', ...facts } } },
  ]);
  const [refused] = await Array.fromAsync(eventsOf(await subscribe(url, 'account.other')));
  assert.match(
    JSON.stringify(refused),
    /Exception while fetching data \(\/legateConnectionTest\) : Resource not found: there is no connector/,
  );
});

test('who hangs up, or whose key ends, ends the test that runs', async () => {
  const signals: AbortSignal[] = [];
  await using server = testGraphql({
    async testConnector(_, __, signal) {
      signals.push(signal);
      return (async function* () {
        yield { event: 'log', text: 'looking' } as const;
        await new Promise(resolve => signal.addEventListener('abort', resolve));
      })();
    },
  });
  const url = await server.listen();
  const aborted = (signal?: AbortSignal) =>
    signal?.aborted || new Promise(resolve => signal?.addEventListener('abort', resolve));
  const hangUp = new AbortController();
  const first = eventsOf(await subscribe(url, 'account.kv', hangUp.signal));
  await first.next();
  hangUp.abort();
  await assert.rejects(first.next());
  await aborted(signals[0]);
  const second = eventsOf(await subscribe(url, 'account.kv'));
  await second.next();
  server.endKey();
  await aborted(signals[1]);
  for await (const _ of second);
});
