import assert from 'node:assert/strict';
import test from 'node:test';
import { testDatabase } from '../test/harness/database.ts';
import { recipient } from '../test/harness/dispatching.ts';
import { connectorYaml, secretYaml, templateYaml } from '../test/harness/documents.ts';
import { delivering, failing, type Play, someCaller, type Tools, toolsFor } from '../test/harness/tools.ts';
import { type Audit, AuditError } from './audit/audit.ts';
import type { DispatchEvent } from './dispatch/dispatcher.ts';
import { RequestError } from './domain/errors.ts';
import { type FetchRequest, fetchSecret } from './fetch-secret.ts';

type Events = AsyncGenerator<DispatchEvent, void, void>;
const id = { task: 'some-task', attempt: 2 };
const secret = { secret: { scope: 'account', identifier: 'db_password' } } as const;
const connector = { connector: { scope: 'account', identifier: 'kv_http' } } as const;
const chunk = { event: 'value', ...id, seq: 0, final: true, sealed: 'sealed-hunter2' } as const;
const end = { event: 'succeeded', ...id, delegate: 'edge', durationMs: 7 } as const;

/** A store with one secret, and what comes of fetching it. */
async function fetching(
  play: Play = delivering('hunter2'),
  change: (tools: Tools) => Tools = tools => tools,
) {
  const store = await testDatabase();
  const tools = await toolsFor(store.database);
  await tools.apply([templateYaml, connectorYaml, secretYaml].join('---\n'));
  const before = (await tools.trail()).length;
  tools.play = play;
  const changed = change(tools);
  return {
    ...store,
    tools,
    fetch: (subject: FetchRequest['subject'], more: Partial<FetchRequest> = {}) =>
      fetchSecret(changed, {
        subject,
        recipient,
        caller: someCaller(),
        logs: false,
        signal: new AbortController().signal,
        ...more,
      }),
    /** What the fetches have left in the audit trail. */
    trail: async () => (await tools.trail()).slice(before),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function all(events: Events): Promise<DispatchEvent[]> {
  const taken: DispatchEvent[] = [];
  for await (const event of events) taken.push(event);
  return taken;
}

test('a fetch is one line in the log when it is over: who, what, where and for how long, no input and no value', async () => {
  await using world = await fetching();
  world.tools.play = async function* ({ plan }) {
    assert.deepEqual(
      plan.inputs.map(({ value }) => value),
      ['kv', 'demo/db', 'password'],
    );
    yield { event: 'accepted', ...id, delegate: 'edge' };
    yield { event: 'log', text: 'hunter2' };
    await world.tools.clock.advance(1_234);
    yield chunk;
    yield end;
  };
  const events = await all(await world.fetch(secret));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['accepted', 'log', 'value', 'succeeded'],
  );
  assert.deepEqual(world.tools.notes, [
    {
      secret: 'account.db_password',
      connector: 'account.kv_http',
      template: 'account.http_kv_store@1.0',
      caller: 'somebody',
      outcome: 'succeeded',
      ...id,
      delegate: 'edge',
      durationMs: 1_234,
    },
  ]);
});

test('a fetch leaves a request and a response, with who, what, where and how long', async () => {
  await using world = await fetching();
  await all(await world.fetch(secret));
  const [request, response, ...more] = await world.trail();
  assert.deepEqual(more, []);
  const { seq: _, time: __, ...asked } = request ?? {};
  assert.deepEqual(asked, {
    type: 'request',
    id: asked.id,
    action: 'secret.fetch',
    actor: { id: 'key-1', name: 'somebody' },
    source: '127.0.0.1',
    subject: 'account.db_password',
    scope: 'account',
  });
  const { seq: ___, time: ____, ...answered } = response ?? {};
  assert.deepEqual(answered, {
    ...asked,
    type: 'response',
    connector: 'account.kv_http',
    template: 'account.http_kv_store@1.0',
    delegate: 'edge',
    task: 'task-1',
    attempt: 1,
    durationMs: 0,
    outcome: 'succeeded',
  });
});

test('a failure is noted and recorded with its reason, and nothing that a script wrote', async () => {
  await using world = await fetching(failing);
  await all(await world.fetch(secret));
  const [facts] = world.tools.notes;
  assert.deepEqual([facts?.outcome, facts?.reason, facts?.delegate], ['failed', 'script-failed', 'edge']);
  const [, response] = await world.trail();
  assert.deepEqual([response?.outcome, response?.reason], ['failed', 'script-failed']);
  assert.doesNotMatch(JSON.stringify([world.tools.notes, await world.trail()]), /no such entry/);
});

test('nothing of a value is given where the script failed after all, or another attempt brought one', async () => {
  await using world = await fetching(async function* (request) {
    yield chunk;
    yield* failing(request);
  });
  assert.deepEqual(
    (await all(await world.fetch(secret))).map(({ event }) => event),
    ['failed'],
  );
  world.tools.play = async function* () {
    yield { ...chunk, attempt: 1, sealed: 'lost on the way' };
    yield chunk;
    yield end;
  };
  assert.deepEqual(await all(await world.fetch(secret)), [chunk, end]);
});

test('a connection test is noted and recorded as one, and has its output sent while it runs', async () => {
  await using world = await fetching();
  world.tools.play = async function* ({ logs, liveLogs, plan }) {
    assert.deepEqual([logs, liveLogs, plan.subject.secret], [true, true, '']);
    yield end;
  };
  await all(await world.fetch(connector));
  assert.deepEqual(
    world.tools.notes.map(({ secret: subject, connector: of }) => [subject, of]),
    [['', 'account.kv_http']],
  );
  assert.deepEqual(
    (await world.trail()).map(({ type, action, subject }) => [type, action, subject]),
    [
      ['request', 'connector.test', 'account.kv_http'],
      ['response', 'connector.test', 'account.kv_http'],
    ],
  );
});

test('a caller who stops reading is noted and recorded as having abandoned the fetch', async () => {
  await using world = await fetching();
  const events = await world.fetch(secret);
  await events.next();
  await events.return();
  assert.deepEqual(
    world.tools.notes.map(({ outcome }) => outcome),
    ['abandoned'],
  );
  const [, response, ...more] = await world.trail();
  assert.deepEqual([response?.outcome, more], ['abandoned', []]);
});

test('the signal of a caller that hangs up reaches whatever is run for it', async () => {
  const hungUp = new AbortController();
  await using world = await fetching();
  world.tools.play = async function* (request) {
    assert.equal(request.signal, hungUp.signal);
    yield { event: 'failed', ...id, failure: { reason: 'cancelled' } };
  };
  await all(await world.fetch(secret, { signal: hungUp.signal }));
  assert.deepEqual((await world.trail())[1]?.reason, 'cancelled');
});

test('what cannot be resolved is refused before anything is dispatched, and recorded', async () => {
  await using world = await fetching(() => assert.fail('it was dispatched'));
  const nothing = { secret: { scope: 'account', identifier: 'nothing' } } as const;
  await assert.rejects(world.fetch(nothing), RequestError);
  await world.tools.apply(connectorYaml.replace(', useAsDefault: true', ''));
  await assert.rejects(world.fetch(secret), /Missing environment variables are: mount/);
  assert.deepEqual(world.tools.notes, []);
  const ends = (await world.trail()).filter(
    ({ type, action }) => type === 'response' && action === 'secret.fetch',
  );
  assert.deepEqual(
    ends.map(({ subject, outcome, reason }) => [subject, outcome, reason]),
    [
      ['account.nothing', 'failed', 'INVALID_REQUEST'],
      ['account.db_password', 'failed', 'INVALID_REQUEST'],
    ],
  );
});

test('a fault of ours on the way ends the events with internal, and the log has the fault', async () => {
  const fault = new Error('a bug');
  await using world = await fetching(async function* () {
    yield { event: 'accepted', ...id, delegate: 'edge' };
    throw fault;
  });
  const events = await all(await world.fetch(secret));
  assert.deepEqual(events.at(-1), { event: 'failed', ...id, failure: { reason: 'internal' } });
  const [facts] = world.tools.notes;
  assert.deepEqual(
    [facts?.outcome, facts?.reason, facts?.err, facts?.task],
    ['failed', 'internal', fault, id.task],
  );
  const [, response] = await world.trail();
  assert.deepEqual(response?.outcome, 'failed');
});

/** The tools, with a trail that takes no record of this type. */
const without =
  (type: 'request' | 'response') =>
  (tools: Tools): Tools => {
    const record: Audit['record'] = entry =>
      entry.type === type ? Promise.reject(new AuditError('no room')) : tools.audit.record(entry);
    return { ...tools, audit: Object.assign(Object.create(tools.audit), { record }) };
  };

test('a fetch that cannot be recorded is refused before anything is looked up or run', async () => {
  await using world = await fetching(() => assert.fail('it was dispatched'), without('request'));
  await assert.rejects(world.fetch(secret), AuditError);
  await assert.rejects(world.fetch({ secret: { scope: 'account', identifier: 'nothing' } }), AuditError);
  assert.deepEqual(await world.trail(), []);
});

test('a fetch whose end cannot be recorded fails, and nothing of the value is given', async () => {
  await using world = await fetching(delivering('hunter2'), without('response'));
  const events = await all(await world.fetch(secret));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['accepted', 'failed'],
  );
  assert.ok(world.tools.notes[0]?.err instanceof AuditError);
  await assert.rejects(world.fetch({ secret: { scope: 'account', identifier: 'nothing' } }), AuditError);
});
