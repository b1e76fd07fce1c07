import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { type HealthState, serveHealth } from './health.ts';

async function open(state: Partial<HealthState> = {}, clock = new FakeClock()) {
  const health = { registered: false, draining: false, lastRegisteredAt: clock.now(), ...state };
  const server = await serveHealth({ host: '127.0.0.1', port: 0 }, health, clock);
  return {
    health,
    clock,
    server,
    async get(path: string, method = 'GET') {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
      const text = await response.text();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      return { status: response.status, body, headers: response.headers };
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

const states: [what: string, state: Partial<HealthState>, ready: number, reason: RegExp][] = [
  ['before it is connected', {}, 503, /not connected/],
  ['when it is connected', { registered: true }, 200, /^$/],
  ['when it is draining', { registered: true, draining: true }, 503, /draining/],
  ['when it is draining and not connected', { draining: true }, 503, /draining/],
];

for (const [what, state, ready, reason] of states) {
  test(`an agent is alive, and ${ready === 200 ? 'ready' : 'not ready'}, ${what}`, async () => {
    await using agent = await open(state);
    assert.deepEqual((await agent.get('/livez')).body, { status: 'ok' });
    const { status, body } = await agent.get('/readyz');
    assert.equal(status, ready);
    if (ready === 200) assert.deepEqual(body, { status: 'ok' });
    else assert.match(JSON.stringify(body), reason);
  });
}

describe('/api/health', () => {
  test('has the body that existing probes know, and another number each time', async () => {
    await using agent = await open({ registered: true });
    const [one, other] = [await agent.get('/api/health'), await agent.get('/api/health')];
    assert.equal(one.status, 200);
    const { correlationId, ...rest } = Object.fromEntries(Object.entries(one.body ?? {}));
    assert.deepEqual(rest, { status: 'SUCCESS', data: 'healthy', metaData: null });
    assert.match(String(correlationId), /^[0-9a-f-]{36}$/);
    assert.notDeepEqual(one.body, other.body);
  });

  test('stays healthy for five minutes without a connection, and no longer', async () => {
    await using agent = await open();
    await agent.clock.advance(299_999);
    assert.equal((await agent.get('/api/health')).status, 200);
    await agent.clock.advance(1);
    const { status, body } = await agent.get('/api/health');
    assert.equal(status, 503);
    const { correlationId: _, ...rest } = Object.fromEntries(Object.entries(body ?? {}));
    const message = 'Delegate is not healthy. Socket is not open.';
    assert.deepEqual(rest, { status: 'ERROR', code: 'UNKNOWN_ERROR', message });
  });

  test('says so in other words where the delegate polls', async () => {
    await using agent = await open({ transport: 'polling' });
    await agent.clock.advance(300_000);
    const { status, body } = await agent.get('/api/health');
    assert.equal(status, 503);
    assert.match(
      JSON.stringify(body),
      /"message":"Polling mode delegate is not healthy\. Not able to send heartbeat\."/,
    );
  });

  test('counts the five minutes from when the connection was lost', async () => {
    await using agent = await open({ registered: true });
    await agent.clock.advance(10_000_000);
    assert.equal((await agent.get('/api/health')).status, 200);
    agent.health.registered = false;
    agent.health.lastRegisteredAt = agent.clock.now();
    await agent.clock.advance(299_999);
    assert.equal((await agent.get('/api/health')).status, 200);
    await agent.clock.advance(1);
    assert.equal((await agent.get('/api/health')).status, 503);
    agent.health.registered = true;
    assert.equal((await agent.get('/api/health')).status, 200);
  });

  test('says nothing about draining, which is no reason to be restarted', async () => {
    await using agent = await open({ registered: true, draining: true });
    assert.equal((await agent.get('/api/health')).status, 200);
  });
});

describe('answers', () => {
  test('are JSON that nobody keeps, with and without a query', async () => {
    await using agent = await open({ registered: true });
    for (const path of ['/livez', '/readyz?verbose=1', '/api/health?x', '/nothing']) {
      const { headers } = await agent.get(path);
      assert.equal(headers.get('content-type'), 'application/json');
      assert.equal(headers.get('cache-control'), 'no-store');
    }
    assert.equal((await agent.get('/readyz?verbose=1')).status, 200);
  });

  test('to other paths are a 404 that says what there is', async () => {
    await using agent = await open();
    for (const path of ['/', '/livez/', '/api/health/x', '//livez']) {
      const { status, body } = await agent.get(path);
      assert.equal(status, 404);
      assert.match(JSON.stringify(body), /\/livez, \/readyz or \/api\/health/);
    }
  });

  test('to HEAD have no body', async () => {
    await using agent = await open();
    assert.deepEqual((await agent.get('/livez', 'HEAD')).body, undefined);
  });
});

test('closing does not wait for a prober that keeps its connection open', async () => {
  const agent = await open();
  const prober = connect(agent.server.port, '127.0.0.1');
  await new Promise(resolve => prober.once('connect', resolve));
  const closed = new Promise(resolve => prober.once('close', resolve));
  prober.on('error', () => {});
  await agent.server.close();
  await closed;
});

test('an address that is taken is an error, not a silence', async () => {
  await using agent = await open();
  const again = serveHealth({ host: '127.0.0.1', port: agent.server.port }, agent.health, agent.clock);
  await assert.rejects(again, { code: 'EADDRINUSE' });
});
