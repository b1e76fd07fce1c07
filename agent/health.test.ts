import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { type Health, type HealthState, serveHealth } from './health.ts';

async function open(
  state: Partial<HealthState> = {},
  { clock = new FakeClock(), ...other }: Partial<Health> & { clock?: FakeClock } = {},
  port = 0,
) {
  const now = clock.now();
  const health = { registered: false, draining: false, lastRegisteredAt: now, lastHeardAt: now, ...state };
  const server = await serveHealth(
    { host: '127.0.0.1', port },
    {
      state: health,
      now: () => clock.now(),
      load: () => ({ running: 0, capacity: 2, draining: false }),
      graceMs: 300_000,
      isStuck: () => false,
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'legate_agent_connected 1\n' }),
      ...other,
    },
  );
  return {
    health,
    clock,
    server,
    async get(path: string, method = 'GET') {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
      const text = await response.text();
      const isJson = response.headers.get('content-type') === 'application/json' && text !== '';
      const body: unknown = isJson ? JSON.parse(text) : undefined;
      return { status: response.status, body, text, headers: response.headers };
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

type Open = Awaited<ReturnType<typeof open>>;
const without = (body: unknown, ...names: string[]) =>
  Object.fromEntries(Object.entries(body ?? {}).filter(([name]) => !names.includes(name)));

const full = { load: () => ({ running: 2, capacity: 2, draining: false }) };
const drains = { load: () => ({ running: 1, capacity: 2, draining: true }) };
const failing = { syntheticFailure: () => 'the last synthetic task failed: shell-missing' };
const draining = 'draining: finishing what runs, taking no more tasks';

const states: [what: string, state: Partial<HealthState>, other: Partial<Health>, reason?: string][] = [
  ['before it is connected', {}, {}, 'not connected to the control plane'],
  ['when it is connected', { registered: true }, {}],
  ['when it is draining', { registered: true, draining: true }, {}, draining],
  ['when the control plane has told it to drain', { registered: true }, drains, draining],
  ['when it is draining and not connected', { draining: true }, {}, draining],
  ['when it is full', { registered: true }, full, 'full: 2 of 2 tasks are running'],
  [
    'when a synthetic task has failed',
    { registered: true },
    failing,
    'the last synthetic task failed: shell-missing',
  ],
];

for (const [what, state, other, reason] of states) {
  test(`an agent is alive, and ${reason ? 'not ready' : 'ready'}, ${what}`, async () => {
    await using agent = await open(state, other);
    const live = await agent.get('/livez');
    assert.deepEqual([live.status, live.body], [200, { status: 'ok' }]);
    for (const path of ['/readyz', '/api/ready']) {
      const { status, body } = await agent.get(path);
      assert.equal(status, reason ? 503 : 200);
      assert.deepEqual(body, reason ? { status: 'not ready', reason } : { status: 'ok' });
    }
  });
}

test('a control plane that gives no sign of life is noticed, and when it gives one again', async () => {
  await using agent = await open({ registered: true });
  await agent.clock.advance(19_999);
  assert.equal((await agent.get('/readyz')).status, 200);
  await agent.clock.advance(1);
  const { status, body } = await agent.get('/readyz');
  const reason = 'the control plane has given no sign of life for 20 s';
  assert.deepEqual([status, body], [503, { status: 'not ready', reason }]);
  agent.health.lastHeardAt = agent.clock.now();
  assert.equal((await agent.get('/readyz')).status, 200);
});

test('a delegate that polls may hear nothing for as long as a poll takes', async () => {
  await using agent = await open({ registered: true, transport: 'polling' });
  await agent.clock.advance(49_999);
  assert.equal((await agent.get('/readyz')).status, 200);
  await agent.clock.advance(1);
  assert.equal((await agent.get('/readyz')).status, 503);
});

test('a check can be asked for by itself, and left out', async () => {
  await using agent = await open({ registered: true }, full);
  const status = async (path: string) => (await agent.get(path)).status;
  assert.equal(await status('/readyz/capacity'), 503);
  assert.equal(await status('/readyz/connection'), 200);
  assert.equal(await status('/api/ready/draining'), 200);
  assert.equal(await status('/readyz?exclude=capacity'), 200);
  assert.equal(await status('/readyz?exclude=heartbeat,capacity'), 200);
  assert.equal(await status('/readyz?exclude=heartbeat&exclude=capacity'), 200);
  assert.equal(await status('/readyz?exclude=connection'), 503);
  const verbose = await agent.get('/readyz?verbose');
  assert.deepEqual(without(verbose.body, 'status', 'reason'), {
    checks: {
      draining: 'ok',
      connection: 'ok',
      heartbeat: 'ok',
      capacity: 'full: 2 of 2 tasks are running',
      synthetic: 'ok',
    },
  });
  const unknown = await agent.get('/readyz/other');
  assert.equal(unknown.status, 404);
  assert.match(unknown.text, /the checks are draining, connection, heartbeat, capacity, synthetic/);
});

test('a process that is stuck says so where it is asked whether it lives, and stays as ready as it was', async () => {
  let isStuck = true;
  await using agent = await open({ registered: true }, { isStuck: () => isStuck });
  const reason = 'the event loop has been late at every turn for too long';
  const live = await agent.get('/livez');
  assert.deepEqual([live.status, live.body], [503, { status: 'stuck', reason }]);
  assert.equal((await agent.get('/readyz')).status, 200);
  const health = await agent.get('/api/health');
  assert.equal(health.status, 503);
  assert.match(health.text, /"message":"Delegate is not healthy\. It is stuck: /);
  isStuck = false;
  assert.equal((await agent.get('/livez')).status, 200);
});

describe('/api/health', () => {
  const status = async (agent: Open) => (await agent.get('/api/health')).status;

  test('has the body that existing probes know, and another number each time', async () => {
    await using agent = await open({ registered: true });
    const [one, other] = [await agent.get('/api/health'), await agent.get('/api/health')];
    assert.equal(one.status, 200);
    const { correlationId, ...rest } = without(one.body);
    assert.deepEqual(rest, { status: 'SUCCESS', data: 'healthy', metaData: null });
    assert.match(String(correlationId), /^[0-9a-f-]{36}$/);
    assert.notDeepEqual(one.body, other.body);
  });

  const sentences = {
    websocket: 'Delegate is not healthy. Socket is not open.',
    polling: 'Polling mode delegate is not healthy. Not able to send heartbeat.',
  };
  for (const transport of [undefined, 'websocket', 'polling'] as const) {
    test(`stays healthy for five minutes without a connection, and no longer, by ${transport ?? 'default'}`, async () => {
      await using agent = await open(transport ? { transport } : {});
      await agent.clock.advance(299_999);
      assert.equal(await status(agent), 200);
      await agent.clock.advance(1);
      const health = await agent.get('/api/health');
      assert.equal(health.status, 503);
      assert.deepEqual(without(health.body, 'correlationId'), {
        status: 'ERROR',
        code: 'UNKNOWN_ERROR',
        message: sentences[transport ?? 'websocket'],
      });
    });
  }

  test('is patient for as long as it was told to, or for ever', async () => {
    await using agent = await open({}, { graceMs: 1_000 });
    await agent.clock.advance(999);
    assert.equal(await status(agent), 200);
    await agent.clock.advance(1);
    assert.equal(await status(agent), 503);
    await using patient = await open({}, { graceMs: 0 });
    await patient.clock.advance(86_400_000);
    assert.equal(await status(patient), 200);
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
    for (let minute = 0; minute < 60; minute += 1) {
      await agent.clock.advance(10_000);
      agent.health.lastHeardAt = agent.clock.now();
    }
    assert.equal(await status(agent), 200);
    agent.health.registered = false;
    agent.health.lastRegisteredAt = agent.clock.now();
    await agent.clock.advance(299_999);
    assert.equal(await status(agent), 200);
    await agent.clock.advance(1);
    assert.equal(await status(agent), 503);
    agent.health.registered = true;
    agent.health.lastHeardAt = agent.clock.now();
    assert.equal(await status(agent), 200);
  });

  test('counts them from the last sign of life where a connection seems to be there', async () => {
    await using agent = await open({ registered: true, transport: 'polling' });
    await agent.clock.advance(299_999);
    assert.equal(await status(agent), 200);
    await agent.clock.advance(1);
    assert.match((await agent.get('/api/health')).text, /Not able to send heartbeat\./);
  });

  test('says nothing about draining or load, which are no reason to be restarted', async () => {
    await using agent = await open({ registered: true, draining: true }, full);
    assert.equal(await status(agent), 200);
  });
});

test('the metrics are served as text, at the path that Harness has and at the usual one', async () => {
  await using agent = await open();
  for (const path of ['/api/metrics', '/metrics']) {
    const { status, text, headers } = await agent.get(path);
    assert.deepEqual([status, text], [200, 'legate_agent_connected 1\n']);
    assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4');
  }
});

test('metrics that cannot be collected are an error, and the rest goes on', async () => {
  await using agent = await open({}, { metrics: () => Promise.reject(new Error('no')) });
  assert.equal((await agent.get('/metrics')).status, 500);
  assert.equal((await agent.get('/livez')).status, 200);
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
      assert.match(JSON.stringify(body), /\/livez, \/readyz, \/api\/health or \/api\/metrics/);
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
  await assert.rejects(open({}, {}, agent.server.port), { code: 'EADDRINUSE' });
});
