// Several processes of one name: replicas, successors and strangers, and what is told of their coming and going.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Program } from './harness/program.ts';
import { appears, becomesTrue, ends, startWorld, type World } from './harness/world.ts';

interface AuditRecord {
  readonly type: string;
  readonly action: string;
  readonly reason?: string;
  readonly actor: { readonly name: string };
  readonly scope?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The oldest first. */
async function events(world: World, ...filter: string[]): Promise<AuditRecord[]> {
  const { out } = await world.legate(['audit', 'list', '--json', '--limit', '500', ...filter]);
  return out
    .toString()
    .split('\n')
    .filter(line => line !== '')
    .map((line): AuditRecord => JSON.parse(line))
    .filter(({ type }) => type === 'event')
    .toReversed();
}

const instanceOf = async (agent: Program) => String((await agent.said('agent started')).instance);

test('a replica that is killed and restarted takes over: its task is done by another, the name is never refused', async () => {
  await using world = await startWorld();
  const token = await world.token('edges');
  const marker = join(world.folder, 'started');
  const { secret } = await world.script(
    `if [ -e '${marker}' ]; then secret=second; else echo $$ >'${marker}.part'; mv '${marker}.part' '${marker}'; sleep 600; fi`,
  );
  const first = await world.connectedAgent({ name: 'edge', token });
  const fetching = world.legate(['secret', 'get', secret, '--json']);
  await appears(marker);
  first.signal('SIGKILL');
  const successor = await world.connectedAgent({ name: 'edge', token });
  const fetched = await fetching;
  assert.equal(fetched.code, 0, fetched.err);
  const { value, attempt, delegate } = JSON.parse(fetched.out.toString());
  assert.deepEqual({ value, attempt, delegate }, { value: 'second', attempt: 2, delegate: 'edge' });
  const shown = JSON.parse((await world.legate(['delegate', 'show', 'edge', '--json'])).out.toString());
  assert.deepEqual(
    shown.instances.map(({ instance }: Record<string, unknown>) => instance),
    [await instanceOf(successor)],
  );
  const [failure] = shown.failures;
  assert.deepEqual(
    [failure.reason, failure.connector, failure.instance],
    ['delegate-lost', secret, await instanceOf(first)],
  );
  const orphan = Number(await readFile(marker, 'utf8'));
  process.kill(-orphan, 'SIGKILL');
  await ends(orphan);
});

test('replicas come back by themselves after the control plane died, each as itself', async () => {
  await using world = await startWorld();
  const { secret } = await world.script('secret=v');
  const agent = await world.connectedAgent({ name: 'edge' });
  const peer = await world.connectedAgent({ name: 'edge' });
  // The server dies; both come back by themselves, each as itself.
  await world.restartServer('SIGKILL');
  for (const one of [agent, peer])
    await world.server.said('delegate connected', { instance: await instanceOf(one) });
  const shown = JSON.parse((await world.legate(['delegate', 'show', 'edge', '--json'])).out.toString());
  assert.deepEqual([shown.state, shown.instances.length, shown.capacity], ['connected', 2, 100]);
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'v');
});

test('a delegate of another scope with a name that is connected is told so, and so is whoever looks after the server', async () => {
  await using world = await startWorld();
  const ours = await world.connectedAgent({ name: 'edge', token: await world.token('ours') });
  const token = await world.token('theirs', '--org', 'payments');
  const stranger = await world.agent({ name: 'edge', token });
  const told = await stranger.said('connection closed', { code: 4410 });
  assert.equal(told.reason, 'a delegate of another scope is connected with this name');
  const { scope, connectedScope } = await world.server.said('delegate refused', { code: 4410 });
  assert.deepEqual([scope, connectedScope], ['org/payments', 'account']);
  const [refused] = await events(world, '--action', 'delegate.refused');
  assert.deepEqual(
    [refused?.reason, refused?.actor.name, refused?.scope],
    ['nameTaken', 'delegate-token/theirs', 'org/payments'],
  );
  // When the one that came first leaves, the other one gets in by itself: it has been trying all the time.
  await ours.stop();
  await stranger.said('connected to the control plane');
});

test('joined, draining, drained, lost and refused are in the log and on the trail, and the trail stays whole', async () => {
  await using world = await startWorld();
  const token = await world.token('edges');
  const { secret } = await world.script(
    `touch '${world.folder}/started'; while [ ! -e '${world.folder}/go' ]; do sleep 0.05; done; secret=v`,
  );
  const agent = await world.connectedAgent({ name: 'edge', token });
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(join(world.folder, 'started'));
  agent.signal('SIGTERM');
  await world.server.said('delegate draining', { delegate: 'edge' });
  await writeFile(join(world.folder, 'go'), '');
  assert.equal((await fetching).out.toString(), 'v');
  assert.deepEqual(await agent.ended, { code: 0, signal: null });
  await world.server.said('delegate drained', { delegate: 'edge' });
  await world.server.said('delegate disconnected', { delegate: 'edge', code: 1000 });
  const summary = async () =>
    (await events(world, '--subject', 'delegate/edge')).map(({ action, reason, actor }) =>
      [action, reason, actor.name].filter(Boolean).join(' '),
    );
  await becomesTrue(async () => (await summary()).length === 4);
  assert.deepEqual(await summary(), [
    'delegate.joined delegate-token/edges',
    'delegate.draining delegate-token/edges',
    'delegate.drained delegate-token/edges',
    'delegate.lost normal delegate-token/edges',
  ]);
  // A hot loop of agents that nobody knows.
  for (let n = 0; n < 5; n++) {
    const wrong = await world.agent({ name: `edge-${n}`, token: 'lgd_wrong' });
    assert.equal((await wrong.ended).code, 3);
  }
  const refused = () => events(world, '--action', 'delegate.refused');
  assert.equal((await refused()).length, 1);
  await world.restartServer('SIGTERM');
  assert.deepEqual(
    (await refused()).map(({ reason, actor, details }) => [reason, actor.name, details?.more]),
    [
      ['badToken', 'unknown', undefined],
      ['badToken', 'unknown', 4],
    ],
  );
  assert.match((await world.legate(['audit', 'verify'])).out.toString(), /records are right/);
  assert.equal((await world.legate(['delegate', 'drain', 'edge'])).code, 0);
  await world.server.said('delegate drained', { delegate: 'edge' });
  await world.legate(['delegate', 'undrain', 'edge']);
  await world.server.said('delegate resumed', { delegate: 'edge' });
});
