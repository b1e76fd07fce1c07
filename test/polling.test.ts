// Delegates behind a proxy that knows no websockets: everything works over long polls, and nothing is lost or done twice.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeBatch } from '../protocol/index.ts';
import { plainProxy } from './harness/plain-proxy.ts';
import { startPollers } from './harness/pollers.ts';
import { pollingPeer, pollRaw } from './harness/polling-peer.ts';
import { appears, becomesTrue, ends, startWorld, type World } from './harness/world.ts';

const portOf = (world: World) => Number(new URL(world.url).port);
const polling = { LEGATE_POLL: 'true' };

/** Writes down that it ran: a line per run, its process first. */
const counted = (folder: string, then: string) => `echo "$$" >>'${folder}/runs'; ${then}`;
const runsIn = (folder: string) => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').map(Number);

/** Of a run of its own. */
async function value(world: World, secret: string): Promise<string> {
  const { out, err, code } = await world.legate(['secret', 'get', secret, '--fresh']);
  assert.equal(code, 0, err);
  return out.toString();
}

test('values small and large, logs and failures arrive as over a websocket', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const agent = await world.connectedAgent({ url: proxy.url, env: polling });
  await agent.said('connected to the control plane', { transport: 'polling' });
  await world.server.said('delegate connected', { transport: 'polling' });
  const small = await world.script('echo "a line of the log" >&2; secret=hunter2');
  assert.equal(await value(world, small.secret), 'hunter2');
  const large = await world.script(`printf -v secret '%01000000d' 7`);
  assert.match(await value(world, large.secret), /^0{999999}7$/);
  const script = 'secret=$(tr a-z A-Z <<<"<+spec.environmentVariables.word>")';
  const input = await world.script(script, { inputs: { word: 'spoken' } });
  assert.equal(await value(world, input.secret), 'SPOKEN');
  const failing = await world.script('echo "no such path" >&2; exit 7');
  const failed = await world.legate(['secret', 'get', failing.secret]);
  assert.equal(failed.code, 1);
  assert.match(failed.err, /script-failed/);
  assert.match(failed.err, /no such path/);
  const events = await (await world.api('/fetch', { secret: small.secret, logs: true })).text();
  assert.match(events, /a line of the log/);
  const listed = await fetch(`${world.url}/api/graphql`, {
    method: 'POST',
    headers: { 'x-api-key': world.apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({
      query: '{ delegateList(limit: 9) { nodes { delegateName polllingModeEnabled } } }',
    }),
  });
  assert.match(await listed.text(), /"polllingModeEnabled":true/);
  assert.equal(proxy.refused(), 0, 'it never tried a websocket');
  assert.doesNotMatch(world.output(), /hunter2/);
});

test('the routes of polls know delegate tokens, not API keys, and no session by another token', async () => {
  await using world = await startWorld();
  const port = portOf(world);
  const token = await world.token('edge');
  const peer = await pollingPeer(port, token);
  assert.deepEqual(Object.keys(peer.opened.envelope), ['session', 'protocol']);
  const body = writeBatch({ session: peer.session, received: 0, waitMs: 0 });
  const noSession = { close: { code: 4404, reason: 'there is no such session for this token' } };
  for (const other of [await world.token('other'), world.apiKey, 'x', undefined])
    assert.deepEqual((await pollRaw(port, 'receive', other, body)).envelope, noSession);
  const open = await pollRaw(port, 'open', world.apiKey, writeBatch({ protocols: ['legate.v1'] }));
  assert.deepEqual(open.envelope, { close: { code: 4401, reason: 'unknown token' } });
  // The content type is nobody's business: the body is read as what it is.
  const plain = await fetch(`${world.url}/api/v1/delegates/poll/receive`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  });
  assert.equal(await plain.text(), '{"seq":1}\n');
  for (const [method, path] of [
    ['GET', 'receive'],
    ['POST', 'other'],
  ] as const)
    assert.equal((await fetch(`${world.url}/api/v1/delegates/poll/${path}`, { method })).status, 404);
  assert.ok(!world.output().includes(peer.session), 'a session is in no log');
});

test('answers that are lost and requests that come twice lose no task, and run none twice', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  await world.connectedAgent({ url: proxy.url, env: polling });
  const { secret } = await world.script(counted(world.folder, `printf -v secret '%0200000d' 7`));
  proxy.lose(path => !path.endsWith('/open'));
  proxy.repeat('/send');
  const values = await Promise.all([1, 2, 3].map(() => value(world, secret)));
  for (const one of values) assert.match(one, /^0{199999}7$/);
  assert.equal(runsIn(world.folder).length, 3);
  assert.ok(proxy.lost() > 6, `${proxy.lost()} answers were lost`);
  assert.ok(!world.output().includes('delegate disconnected'), 'the session has lived through it');
});

test('a caller that hangs up cancels the task on a delegate that polls', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const agent = await world.connectedAgent({ url: proxy.url, env: polling });
  const { secret } = await world.script(counted(world.folder, `touch '${world.folder}/begun'; sleep 600`));
  const hangUp = new AbortController();
  const answering = world.api('/fetch', { secret }, hangUp.signal).catch(() => {});
  await appears(join(world.folder, 'begun'));
  hangUp.abort();
  await answering;
  await agent.said('task failed', { reason: 'cancelled' });
  for (const pid of runsIn(world.folder)) await ends(pid);
});

test('SIGTERM finishes what runs, reports it, and leaves', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const agent = await world.connectedAgent({ url: proxy.url, env: polling });
  const { folder } = world;
  const wait = `touch '${folder}/begun'; until [ -e '${folder}/go' ]; do sleep 0.1; done; secret=done`;
  const { secret } = await world.script(counted(folder, wait));
  const fetching = value(world, secret);
  await appears(join(folder, 'begun'));
  agent.signal('SIGTERM');
  await agent.said('draining: finishing what runs, taking no more tasks');
  await writeFile(join(folder, 'go'), '');
  assert.equal(await fetching, 'done');
  assert.deepEqual(await agent.ended, { code: 0, signal: null });
  await world.server.said('delegate disconnected', { code: 1000 });
  assert.equal(runsIn(folder).length, 1);
});

test('a token that is unknown or revoked ends a polling agent with the exit code of a websocket', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const stranger = await world.agent({
    url: proxy.url,
    env: polling,
    token: 'lgd_unknown',
    name: 'stranger',
  });
  assert.equal((await stranger.ended).code, 3);
  const token = await world.token('edge');
  const agent = await world.connectedAgent({ url: proxy.url, env: polling, token, name: 'edge' });
  const other = await world.agent({
    url: proxy.url,
    env: polling,
    token: await world.token('b', '--delegate', 'b'),
  });
  assert.equal((await other.ended).code, 4);
  const revoked = await world.legate(['delegate', 'token', 'revoke', 'edge']);
  assert.equal(revoked.code, 0, revoked.err);
  assert.equal((await agent.ended).code, 7);
  assert.doesNotMatch(world.output(), /lgd_unknown/);
});

test('a control plane that stops tells it, and has it back when it starts again; killed, too', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const agent = await world.connectedAgent({ url: proxy.url, env: polling });
  const { secret } = await world.script(counted(world.folder, 'secret=v'));
  const before = performance.now();
  await world.restartServer('SIGTERM');
  assert.ok(performance.now() - before < 20_000, 'what waits does not keep it from stopping');
  await agent.said('connection closed', { code: 1001 });
  await world.server.said('delegate connected', { transport: 'polling' });
  assert.equal(await value(world, secret), 'v');
  await world.restartServer('SIGKILL');
  await agent.said('connection closed', { code: 4404 });
  await world.server.said('delegate connected', { transport: 'polling' });
  assert.equal(await value(world, secret), 'v');
  assert.equal(runsIn(world.folder).length, 2);
});

test('a polling agent that is killed is missed soon, and another one takes over', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const first = await world.connectedAgent({ url: proxy.url, env: polling, name: 'first' });
  const { folder } = world;
  const script = `if [ -e '${folder}/begun' ]; then secret=$$; else touch '${folder}/begun'; sleep 600; fi`;
  const { secret } = await world.script(counted(folder, script), { timeout: 120 });
  const fetching = value(world, secret);
  await appears(join(folder, 'begun'));
  await world.connectedAgent({ url: proxy.url, env: polling, name: 'second' });
  first.signal('SIGKILL');
  await world.server.said('delegate disconnected', { delegate: 'first', code: 1006 });
  assert.match(await fetching, /^[0-9]+$/);
  assert.equal(runsIn(folder).length, 2);
});

test('a hundred delegates that poll are all let in, and each of them can be asked', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const token = await world.token('many');
  await using pollers = await startPollers(proxy.url, token, 100);
  await becomesTrue(async () => {
    const answer: unknown = await (await world.api('/delegates')).json();
    return Object(answer).items.length === 100;
  });
  const { secret } = await world.script('secret=v');
  await Promise.all(
    Array.from({ length: 10 }, () => world.api('/fetch', { secret }).then(one => one.text())),
  );
  assert.equal(pollers.tasks(), 10);
});
