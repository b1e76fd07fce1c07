// Health of a real agent, asked over its port and with `legate agent health`.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { execa } from 'execa';
import type { Program } from './harness/program.ts';
import { appears, becomesTrue, startWorld } from './harness/world.ts';

const cli = new URL('../cli/main.ts', import.meta.url).pathname;
const at = async (agent: Program) =>
  `http://127.0.0.1:${String((await agent.said('agent started')).healthPort)}`;
const status = async (url: string) => (await fetch(url)).status;
const textOf = async (url: string) => (await fetch(url)).text();

async function health(...args: string[]) {
  const run = await execa(process.execPath, [cli, 'agent', 'health', ...args], { reject: false });
  return { code: run.exitCode, out: run.stdout, err: run.stderr };
}

test('an agent whose control plane goes and comes back is alive all the time, and ready when it is there', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent({ env: { LEGATE_HEALTH_GRACE: '1' } });
  const url = await at(agent);
  assert.deepEqual([await status(`${url}/readyz`), await status(`${url}/api/ready`)], [200, 200]);
  world.server.signal('SIGKILL');
  await world.server.ended;
  await becomesTrue(async () => (await status(`${url}/readyz`)) === 503);
  assert.match(await textOf(`${url}/readyz`), /not connected to the control plane/);
  assert.equal(await status(`${url}/livez`), 200);
  await becomesTrue(async () => (await status(`${url}/api/health`)) === 503);
  assert.match(await textOf(`${url}/api/health`), /Delegate is not healthy\. Socket is not open\./);
  await world.restartServer('SIGKILL');
  await becomesTrue(async () => (await status(`${url}/readyz`)) === 200);
  assert.equal(await status(`${url}/api/health`), 200);
});

test('a control plane that is frozen is noticed before its connection is given up', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent();
  const url = await at(agent);
  world.server.signal('SIGSTOP');
  try {
    await becomesTrue(async () => (await status(`${url}/readyz`)) === 503);
    assert.equal(await status(`${url}/livez`), 200);
  } finally {
    world.server.signal('SIGCONT');
  }
  await becomesTrue(async () => (await status(`${url}/readyz`)) === 200);
});

test('a full agent is not ready, except for who does not ask for that', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent({ args: ['--max-tasks', '1'] });
  const url = await at(agent);
  const go = join(world.folder, 'go');
  const { secret } = await world.script(
    `touch '${world.folder}/started'; while [ ! -e '${go}' ]; do sleep 0.05; done; secret=v`,
  );
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'started'));
  assert.match(await textOf(`${url}/readyz`), /full: 1 of 1 tasks are running/);
  assert.equal(await status(`${url}/readyz?exclude=capacity`), 200);
  writeFileSync(go, '');
  assert.equal((await fetching).code, 0);
  assert.equal(await status(`${url}/readyz`), 200);
});

test('an agent whose event loop hardly comes round is called stuck, and one that was stopped once is not', async () => {
  await using world = await startWorld();
  const busy = join(world.folder, 'busy');
  const blocker = join(world.folder, 'blocker.mjs');
  // Blocks the loop for longer than it may be late, again and again, while there is a file that says so.
  writeFileSync(
    blocker,
    `import { existsSync } from 'node:fs';
     setInterval(() => {
       const until = Date.now() + 3500;
       while (existsSync('${busy}') && Date.now() < until);
     }, 50).unref();`,
  );
  const agent = await world.connectedAgent({
    env: { LEGATE_STUCK_AFTER: '2', NODE_OPTIONS: `--import=${blocker}` },
  });
  const url = await at(agent);
  agent.signal('SIGSTOP');
  await new Promise(resolve => setTimeout(resolve, 5_000)); // What is looked at is real time, of a real process.
  agent.signal('SIGCONT');
  assert.equal(await status(`${url}/livez`), 200);
  writeFileSync(busy, '');
  await becomesTrue(async () => (await status(`${url}/livez`)) === 503, 'it is not called stuck');
  assert.match(await textOf(`${url}/livez`), /the event loop has been late at every turn for too long/);
  rmSync(busy);
  await becomesTrue(async () => (await status(`${url}/livez`)) === 200);
});

test('legate agent health says in one line and with its exit code how the agent beside it is', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent();
  const url = await at(agent);
  assert.deepEqual(await health('--at', url), { code: 0, out: '{"status":"ok"}', err: '' });
  assert.equal((await health('--at', new URL(url).host)).code, 0, 'the scheme may be left out');
  assert.deepEqual(await health('--ready', '--health-listen', url.slice(7)), {
    code: 0,
    out: '{"status":"ok"}',
    err: '',
  });
  world.server.signal('SIGKILL');
  await becomesTrue(async () => (await status(`${url}/readyz`)) === 503);
  const reason = '{"status":"not ready","reason":"not connected to the control plane"}';
  assert.deepEqual(await health('--ready', '--at', `${url}/`), { code: 1, out: reason, err: '' });
  await agent.stop();
  assert.deepEqual(await health('--at', url), {
    code: 1,
    out: `${url}/livez does not answer: ECONNREFUSED`,
    err: '',
  });
  assert.equal((await health('--health-listen', 'off')).code, 0);
  assert.equal((await health('--at', 'nonsense')).code, 1);
  assert.equal((await health('--other')).code, 2);
});
