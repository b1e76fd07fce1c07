import assert from 'node:assert/strict';
import test from 'node:test';
import { anyCompile } from '../test/harness/compile.ts';
import { testDatabase } from '../test/harness/database.ts';
import { recipient } from '../test/harness/dispatching.ts';
import { connectorYaml, secretYaml, templateYaml } from '../test/harness/documents.ts';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { applyDocuments } from './apply.ts';
import type { DispatchEvent, DispatchRequest } from './dispatch/dispatcher.ts';
import { RequestError } from './domain/errors.ts';
import { type FetchRequest, fetchSecret } from './fetch-secret.ts';

type Events = AsyncGenerator<DispatchEvent, void, void>;
const id = { task: 'some-task', attempt: 2 };
const secret = { secret: 'account.db_password' };

/** A store with one secret, and what is noted of fetching it. */
async function fetching(dispatch: (request: DispatchRequest, clock: FakeClock) => Events) {
  const store = await testDatabase();
  const clock = new FakeClock();
  const notes: [facts: Readonly<Record<string, unknown>>, message: string][] = [];
  const sources = [templateYaml, connectorYaml, secretYaml].map(text => ({ name: 'x.yaml', text }));
  await applyDocuments({ database: store.database, compile: anyCompile, now: () => '' }, sources, false);
  const tools = {
    database: store.database,
    dispatch: (request: DispatchRequest) => dispatch(request, clock),
    clock,
    note: (facts: Readonly<Record<string, unknown>>, message: string) => notes.push([facts, message]),
  };
  return {
    notes,
    fetch: (subject: FetchRequest['subject']) =>
      fetchSecret(tools, {
        subject,
        recipient,
        caller: 'admin',
        logs: false,
        signal: new AbortController().signal,
      }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function all(events: Events): Promise<DispatchEvent[]> {
  const taken: DispatchEvent[] = [];
  for await (const event of events) taken.push(event);
  return taken;
}

test('a fetch is one line in the log when it is over: who, what, where and for how long, no input and no value', async () => {
  await using world = await fetching(async function* (request, clock) {
    assert.deepEqual(request.plan.inputs, ['kv', 'demo/db', 'password']);
    yield { event: 'accepted', ...id, delegate: 'edge' };
    yield { event: 'log', text: 'hunter2' };
    await clock.advance(1_234);
    yield { event: 'value', ...id, seq: 0, final: true, sealed: 'sealed-hunter2' };
    yield { event: 'succeeded', ...id, delegate: 'edge', durationMs: 7 };
  });
  const events = await all(await world.fetch(secret));
  assert.equal(events.length, 4);
  assert.deepEqual(world.notes, [
    [
      {
        secret: 'account.db_password',
        connector: 'account.kv_http',
        template: 'account.http_kv_store@1.0',
        caller: 'admin',
        outcome: 'succeeded',
        ...id,
        delegate: 'edge',
        durationMs: 1_234,
      },
      'fetch',
    ],
  ]);
});

test('a failure is noted with its reason, and nothing that a script wrote', async () => {
  await using world = await fetching(async function* () {
    const failure = {
      reason: 'script-failed',
      detail: 'hunter2',
      stderrTail: 'hunter2',
      exitCode: 3,
    } as const;
    yield { event: 'failed', ...id, delegate: 'edge', failure };
  });
  await all(await world.fetch(secret));
  const facts = world.notes[0]?.[0];
  assert.deepEqual([facts?.outcome, facts?.reason, facts?.delegate], ['failed', 'script-failed', 'edge']);
  assert.doesNotMatch(JSON.stringify(world.notes), /hunter2/);
});

test('a connection test is noted as one', async () => {
  await using world = await fetching(async function* () {
    yield { event: 'succeeded', ...id, delegate: 'edge', durationMs: 7 };
  });
  await all(await world.fetch({ connector: 'account.kv_http' }));
  assert.deepEqual(
    world.notes.map(([{ secret: subject }, message]) => [subject, message]),
    [['', 'connection test']],
  );
});

test('a caller who stops reading is noted as having abandoned the fetch', async () => {
  await using world = await fetching(async function* () {
    yield { event: 'accepted', ...id, delegate: 'edge' };
    yield { event: 'succeeded', ...id, delegate: 'edge', durationMs: 7 };
  });
  const events = await world.fetch(secret);
  await events.next();
  await events.return();
  assert.deepEqual(
    world.notes.map(([{ outcome }]) => outcome),
    ['abandoned'],
  );
});

test('what cannot be resolved is refused before anything is dispatched', async () => {
  await using world = await fetching(() => assert.fail('it was dispatched'));
  await assert.rejects(world.fetch({ secret: 'account.nothing' }), RequestError);
  assert.deepEqual(world.notes, []);
});

test('a fault of ours on the way ends the events with internal, and the log has the fault', async () => {
  const fault = new Error('a bug');
  await using world = await fetching(async function* () {
    yield { event: 'accepted', ...id, delegate: 'edge' };
    throw fault;
  });
  const events = await all(await world.fetch(secret));
  assert.deepEqual(events.at(-1), { event: 'failed', ...id, failure: { reason: 'internal' } });
  const facts = world.notes[0]?.[0];
  assert.deepEqual(
    [facts?.outcome, facts?.reason, facts?.err, facts?.task],
    ['failed', 'internal', fault, id.task],
  );
});
