// Metrics of real programs: what happens is what they count.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scrape, total } from './harness/metrics.ts';
import type { Program } from './harness/program.ts';
import { becomesTrue, startWorld } from './harness/world.ts';

const ofServer = async (server: Program) =>
  scrape(`http://127.0.0.1:${String((await server.said('control plane started')).metricsPort)}/metrics`);
const ofAgent = async (agent: Program) =>
  scrape(`http://127.0.0.1:${String((await agent.said('agent started')).healthPort)}/api/metrics`);

test('fetches, failures, masks and connections are counted on both sides', async () => {
  await using world = await startWorld({ args: ['--metrics-listen', '127.0.0.1:0'] });
  const agent = await world.connectedAgent({ name: 'edge' });
  const good = await world.script('secret=a-value');
  const bad = await world.script('echo "of $password" >&2; exit 3', { inputs: { password: 'plain' } });
  const none = await world.script('secret=v', { selectors: ['nowhere'] });
  const leaky = await world.script('secret=long-enough; echo "it is long-enough" >&2');
  assert.equal((await world.legate(['secret', 'get', good.secret])).code, 0);
  assert.equal((await world.legate(['secret', 'get', leaky.secret])).code, 0);
  assert.equal((await world.legate(['secret', 'get', bad.secret])).code, 1);
  assert.equal((await world.legate(['secret', 'get', none.secret])).code, 1);

  const delegate = await ofAgent(agent);
  const ended = (outcome: string) => total(delegate, 'legate_agent_task_duration_seconds_count', { outcome });
  assert.deepEqual([ended('succeeded'), ended('script-failed')], [2, 1]);
  const script = total(delegate, 'legate_agent_script_duration_seconds_sum');
  const whole = total(delegate, 'legate_agent_task_duration_seconds_sum');
  assert.ok(script > 0 && whole >= script);
  assert.equal(total(delegate, 'legate_agent_connected'), 1);
  assert.equal(total(delegate, 'legate_agent_connections_total'), 1);
  assert.equal(total(delegate, 'legate_agent_task_capacity'), 50);
  assert.equal(total(delegate, 'legate_agent_redactions_total'), 1);
  const edge = { delegate_name: 'edge' };
  const compatible = (name: string) => total(delegate, `io_harness_custom_metric_${name}`, edge);
  assert.equal(compatible('task_completed_total'), 2);
  assert.equal(compatible('task_failed_total'), 1);
  assert.equal(compatible('delegate_connected'), 1);
  assert.ok(compatible('task_execution_time') > 0);

  const server = await ofServer(world.server);
  const tasks = (outcome: string) => total(server, 'legate_task_duration_seconds_count', { outcome });
  assert.deepEqual([tasks('succeeded'), tasks('script-failed'), tasks('no-eligible-delegate')], [2, 1, 1]);
  assert.equal(total(server, 'legate_task_queue_seconds_count'), 3);
  assert.equal(total(server, 'delegate_task_no_eligible_delegates'), 1);
  assert.equal(total(server, 'legate_delegates_connected', { scope: 'account' }), 1);
  assert.equal(
    total(server, 'legate_http_request_duration_seconds_count', { route: '/api/v1/fetch', status: '2xx' }),
    4,
  );
  const text = JSON.stringify([
    [...delegate.keys()],
    [...server].map(([, { values }]) => [...values.keys()]),
  ]);
  assert.doesNotMatch(text, /script_[0-9]/, 'no metric names what was fetched');
});

test('a delegate that goes, and one that is refused, are counted; it counts its own connections', async () => {
  await using world = await startWorld({ args: ['--metrics-listen', '127.0.0.1:0'] });
  const agent = await world.connectedAgent();
  const stranger = await world.agent({ token: 'nobody-knows-it' });
  assert.equal((await stranger.ended).code, 3);
  assert.equal(total(await ofServer(world.server), 'legate_delegate_refusals_total', { code: '4401' }), 1);
  await world.restartServer('SIGKILL');
  await becomesTrue(async () => total(await ofAgent(agent), 'legate_agent_connections_total') === 2);
  assert.equal(total(await ofServer(world.server), 'delegate_disconnected'), 0);
  await agent.stop();
  await world.server.said('delegate disconnected');
  const server = await ofServer(world.server);
  assert.equal(total(server, 'delegate_disconnected'), 1);
  assert.equal(total(server, 'legate_delegates_connected'), 0);
});

test('without the compatibility switch there are only our names; without an address the control plane serves none', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent({ env: { LEGATE_COMPATIBLE_METRICS: 'off' } });
  const names = [...(await ofAgent(agent)).keys()];
  assert.deepEqual(
    names.filter(name => name.startsWith('io_')),
    [],
  );
  assert.ok(names.includes('process_start_time_seconds'));
  assert.equal((await world.server.said('control plane started')).metricsPort, undefined);
  assert.equal((await fetch(`${world.url}/metrics`)).status, 404);
});
