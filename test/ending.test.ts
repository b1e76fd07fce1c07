// Every way a task can end before its script does, and what is left of it: nothing.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { appears, becomesTrue, ends, startWorld, type World } from './harness/world.ts';

/** Writes its own process id and that of a grandchild that ignores TERM and holds every pipe open. */
function stubborn(folder: string): string {
  return [
    `(trap '' TERM; while :; do sleep 0.2; done) &`,
    `echo "$$ $!" >'${folder}/pids.part'; mv '${folder}/pids.part' '${folder}/pids'`,
    'sleep 600; secret=v',
  ].join('\n');
}

const pidsIn = async (folder: string) =>
  (await readFile(join(folder, 'pids'), 'utf8')).trim().split(' ').map(Number);

async function allGone(world: World, pids: readonly number[]): Promise<void> {
  for (const pid of pids) await ends(pid);
  // The private working directories go too; what stays is the one of the shell that waits for the next task.
  const [runs = ''] = await readdir(join(world.folder, 'work-0'));
  await becomesTrue(async () => (await readdir(join(world.folder, 'work-0', runs))).length <= 1);
}

test('a timeout ends the whole process tree, says how, and names the reason', async () => {
  await using world = await startWorld();
  await world.connectedAgent();
  const { secret } = await world.script(stubborn(world.folder), { timeout: 2 });
  const fetched = await world.legate(['secret', 'get', secret]);
  assert.equal(fetched.code, 1);
  assert.match(fetched.err, /^timed-out: /);
  assert.match(fetched.err, /its process tree ignored SIGTERM and was killed/);
  await allGone(world, await pidsIn(world.folder));
});

test('interrupting the command line cancels the task on the delegate', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent();
  const { secret } = await world.script(stubborn(world.folder));
  const interrupt = new AbortController();
  const fetching = world.legate(['secret', 'get', secret], { signal: interrupt.signal });
  await appears(join(world.folder, 'pids'));
  interrupt.abort();
  const fetched = await fetching;
  assert.equal(fetched.code, 130);
  assert.match(fetched.err, /interrupted; the fetch is cancelled/);
  await agent.said('task failed', { reason: 'cancelled' });
  await allGone(world, await pidsIn(world.folder));
});

test('an HTTP caller that hangs up cancels the task on the delegate', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent();
  const { secret } = await world.script(stubborn(world.folder));
  const hangUp = new AbortController();
  const answering = world.api('/fetch', { secret }, hangUp.signal);
  await appears(join(world.folder, 'pids'));
  hangUp.abort();
  await assert.rejects(
    answering.then(response => response.text()),
    { name: 'AbortError' },
  );
  await agent.said('task failed', { reason: 'cancelled' });
  await world.server.said('fetch', { reason: 'cancelled' });
  await allGone(world, await pidsIn(world.folder));
});

test('SIGTERM lets a running task finish, takes no other, and exits 0', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent();
  const go = join(world.folder, 'go');
  const slow = await world.script(
    `touch '${world.folder}/started'; while [ ! -e '${go}' ]; do sleep 0.05; done; secret=finished`,
  );
  const other = await world.script('secret=v');
  const fetching = world.legate(['secret', 'get', slow.secret]);
  await appears(join(world.folder, 'started'));
  agent.signal('SIGTERM');
  await agent.said('draining: finishing what runs, taking no more tasks');
  const health = (await agent.said('agent started')).healthPort;
  const ready = await fetch(`http://127.0.0.1:${String(health)}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /draining/);

  const refused = await world.legate(['secret', 'get', other.secret]);
  assert.match(refused.err, /^no-eligible-delegate: /);
  assert.match(refused.err, /it is draining and takes no more tasks/);

  await writeFile(go, '');
  assert.equal((await fetching).out.toString(), 'finished');
  assert.deepEqual(await agent.ended, { code: 0, signal: null });
  await world.server.said('delegate disconnected');
});

test('a second SIGTERM cancels what still runs', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent();
  const { secret } = await world.script(stubborn(world.folder), { timeout: 10 });
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'pids'));
  agent.signal('SIGTERM');
  await agent.said('draining: finishing what runs, taking no more tasks');
  agent.signal('SIGTERM');
  assert.deepEqual(await agent.ended, { code: 1, signal: null });
  // Another delegate is waited for, and none comes.
  const fetched = await fetching;
  assert.equal(fetched.code, 1);
  assert.match(
    fetched.err,
    /^rejected-by-delegate: .*\n.*draining: the delegate stops, and ended the script/,
  );
  for (const pid of await pidsIn(world.folder)) await ends(pid);
});

test('the drain timeout cancels what still runs', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent({ args: ['--drain-timeout', '1'] });
  const { secret } = await world.script(stubborn(world.folder), { timeout: 10 });
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'pids'));
  agent.signal('SIGTERM');
  assert.deepEqual(await agent.ended, { code: 1, signal: null });
  assert.match((await fetching).err, /^rejected-by-delegate: /);
  for (const pid of await pidsIn(world.folder)) await ends(pid);
});

test('a stopped agent leaves no folder behind', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent();
  const { secret } = await world.script('touch left-over; chmod 000 .; secret=v');
  assert.equal((await world.legate(['secret', 'get', secret])).code, 0);
  await agent.stop();
  assert.deepEqual(await readdir(join(world.folder, 'work-0')), []);
});

test('the control plane stops although a fetch is under way, and its caller is told', async () => {
  await using world = await startWorld();
  await world.connectedAgent();
  const { secret } = await world.script(stubborn(world.folder));
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'pids'));
  world.server.signal('SIGTERM');
  assert.deepEqual(await world.server.ended, { code: 0, signal: null });
  assert.equal((await fetching).code, 1);
  await allGone(world, await pidsIn(world.folder));
});
