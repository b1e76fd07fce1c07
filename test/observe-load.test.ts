// Delegates that take no tasks: by a setting, or for their load.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scrape, total } from './harness/metrics.ts';
import { becomesTrue, startWorld } from './harness/world.ts';

test('a delegate that is set to run no shell gets no task, and the failure says why', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ env: { BLOCK_SHELL_TASK: 'true' } });
  const { secret } = await world.script('secret=v');
  const fetched = await world.legate(['secret', 'get', secret]);
  assert.equal(fetched.code, 1);
  assert.match(fetched.err, /^no-eligible-delegate: /);
  assert.match(fetched.err, /it does not run bash scripts/);
});

test('a delegate above its threshold rejects, counts it, and another one gets the task', async () => {
  await using world = await startWorld();
  // More than one percent of any machine's memory is in use.
  const env = { DYNAMIC_REQUEST_HANDLING: 'true', DELEGATE_RESOURCE_THRESHOLD: '1' };
  const agent = await world.connectedAgent({ name: 'full', env });
  const { secret } = await world.script('secret=v', { timeout: 20 });
  const url = `http://127.0.0.1:${String((await agent.said('agent started')).healthPort)}`;
  assert.match(await (await fetch(`${url}/readyz`)).text(), /(memory|cpu) is at [0-9]+ %, above 1 %/);
  const fetching = world.legate(['secret', 'get', secret]);
  const prefix = 'io_harness_custom_metric';
  await becomesTrue(async () => {
    const metrics = await scrape(`${url}/api/metrics`);
    assert.equal(total(metrics, `${prefix}_resource_consumption_above_threshold`), 1);
    return total(metrics, `${prefix}_task_rejected_total`, { delegate_name: 'full' }) >= 1;
  });
  await world.connectedAgent({ name: 'free' });
  assert.equal((await fetching).out.toString(), 'v');
});

test("variables of Harness' delegate that mean nothing here are one debug line each, without their values", async () => {
  await using world = await startWorld();
  const env = { JAVA_OPTS: '-Xms64M', UPGRADER_TOKEN: 'a-token-of-others', NEXT_GEN: '', ACCOUNT_ID: 'x' };
  const agent = await world.connectedAgent({ env });
  const lines = agent.lines().filter(({ msg }) => String(msg).startsWith('this variable means something'));
  assert.deepEqual(
    lines.map(({ level, variable }) => [level, variable]),
    [
      [20, 'JAVA_OPTS'],
      [20, 'UPGRADER_TOKEN'],
    ],
  );
  assert.doesNotMatch(agent.output(), /Xms64M|a-token-of-others/);
});
