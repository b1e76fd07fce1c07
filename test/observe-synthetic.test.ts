// Synthetic tasks, all the way: control plane, delegate, bash, and the sealed value back.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scrape, total } from './harness/metrics.ts';
import { becomesTrue, startWorld } from './harness/world.ts';

test('they are measured on both sides, and one that fails makes the delegate not ready until it works again', async () => {
  await using world = await startWorld({
    args: ['--metrics-listen', '127.0.0.1:0', '--synthetic-interval', '1'],
  });
  // The delegate's programs are its own here, so that its bash can be taken away.
  const bin = join(world.folder, 'bin');
  mkdirSync(bin);
  for (const name of ['bash', 'setsid', 'env', 'sh', 'cat', 'rm', 'mkdir', 'ps', 'nproc'])
    symlinkSync(`/usr/bin/${name}`, join(bin, name));
  chmodSync(bin, 0o755);
  const agent = await world.connectedAgent({ env: { PATH: bin } });
  const { metricsPort } = await world.server.said('control plane started');
  const { healthPort } = await agent.said('agent started');
  const agents = `http://127.0.0.1:${String(healthPort)}`;
  const rounds = async (outcome: string) => {
    const metrics = await scrape(`http://127.0.0.1:${String(metricsPort)}/metrics`);
    return total(metrics, 'legate_synthetic_duration_seconds_count', { outcome });
  };
  await becomesTrue(async () => (await rounds('succeeded')) >= 2);
  const metrics = await scrape(`${agents}/metrics`);
  assert.ok(total(metrics, 'legate_agent_synthetic_tasks_total', { outcome: 'succeeded' }) >= 2);
  assert.equal(total(metrics, 'legate_agent_task_duration_seconds_count'), 0);

  renameSync(join(bin, 'bash'), join(bin, 'hidden'));
  await becomesTrue(async () => (await fetch(`${agents}/readyz/synthetic`)).status === 503);
  assert.match(
    await (await fetch(`${agents}/readyz`)).text(),
    /the last synthetic task failed: shell-missing/,
  );
  await world.server.said('synthetic task failed', { reason: 'shell-missing', delegate: 'delegate' });
  assert.ok((await rounds('shell-missing')) >= 1);
  renameSync(join(bin, 'hidden'), join(bin, 'bash'));
  await becomesTrue(async () => (await fetch(`${agents}/readyz`)).status === 200);
});
