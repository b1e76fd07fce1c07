/** Delegates that vanish, fall silent, forget their work, or come back before they were missed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import type { Task } from '../../protocol/index.ts';
import {
  eventually,
  type ListeningGateway,
  listeningGateway,
  type Peer,
} from '../../test/harness/gateway.ts';
import type { Link } from '../dispatch/link.ts';

const task: Task = {
  type: 'task',
  task: 't',
  attempt: 1,
  remainingMs: 20_000,
  program: { shell: 'bash', text: 'secret=x', digest: `sha256:${'0'.repeat(64)}` },
  inputs: [],
  recipient: { kty: 'OKP', crv: 'X25519', x: 'B'.repeat(43) },
};
const id = { task: 't', attempt: 1 };
const heartbeat = (...running: object[]) => ({ type: 'heartbeat', running, draining: false });

async function joined(gateway: ListeningGateway, hello = {}): Promise<{ peer: Peer; link: Link }> {
  const peer = await gateway.join(hello);
  await peer.next();
  const link = gateway.links.at(-1);
  assert.ok(link);
  return { peer, link };
}

async function running({ peer, link }: { peer: Peer; link: Link }) {
  const attempt = link.start(task);
  await peer.next();
  peer.send({ type: 'accepted', ...id });
  await attempt.next();
  return attempt;
}

/** Lets time pass in steps in which pongs can travel. */
async function pass(gateway: ListeningGateway, peer: Peer, ms: number, step = 5_000): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await gateway.clock.advance(step);
    if (peer.socket.readyState === peer.socket.OPEN) await peer.heard().catch(() => {});
  }
}

test('what runs on a delegate whose connection closes is lost, and the delegate leaves the roster', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await running(delegate);
  delegate.peer.socket.terminate();
  assert.deepEqual(await attempt.next(), { type: 'lost', why: 'the connection closed' });
  assert.deepEqual([gateway.links.length, delegate.link.running], [0, 0]);
  attempt.close();
  gateway.clock.assertNoTimers();
});

test('a task for a delegate that has just gone is lost at once', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  peer.socket.terminate();
  await eventually(() => gateway.links.length === 0);
  const attempt = link.start(task);
  assert.equal((await attempt.next()).type, 'lost');
  attempt.close();
  assert.equal(link.running, 0);
});

test('an accepted task that a heartbeat does not name is lost, one that it names goes on', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await running(delegate);
  delegate.peer.send(heartbeat({ task: 'x', attempt: 1 }, id));
  await delegate.peer.heard();
  assert.equal(delegate.link.running, 1);
  delegate.peer.send(heartbeat({ task: 't', attempt: 2 }));
  assert.deepEqual(await attempt.next(), { type: 'lost', why: 'the delegate no longer runs it' });
  assert.deepEqual([delegate.link.running, gateway.changes()], [0, 1]);
});

test('a heartbeat that was sent before the task arrived does not lose it', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  const attempt = link.start(task);
  peer.send(heartbeat());
  await peer.heard();
  assert.equal(link.running, 1);
  peer.send({ type: 'accepted', ...id });
  assert.equal((await attempt.next()).type, 'accepted');
});

test('a cancelled task that a heartbeat no longer names gives its place back', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await running(delegate);
  attempt.close();
  delegate.peer.send(heartbeat());
  await delegate.peer.heard();
  assert.deepEqual([delegate.link.running, gateway.changes()], [0, 1]);
});

test('a delegate whose heartbeats stay away is given up, although its socket answers', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await running(delegate);
  await pass(gateway, delegate.peer, 55_000);
  assert.equal(gateway.links.length, 1);
  await pass(gateway, delegate.peer, 5_000);
  assert.equal((await attempt.next()).type, 'lost');
  assert.equal((await delegate.peer.closed).code, 1006);
  assert.match(gateway.notes.join('\n'), /delegate given up: no heartbeat/);
  gateway.clock.assertNoTimers();
});

test('a delegate that sends heartbeats stays, for as long as it does', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  for (let n = 0; n < 30; n++) {
    peer.send(heartbeat());
    await pass(gateway, peer, 10_000);
  }
  assert.equal(gateway.links.length, 1);
});

test('other messages are no heartbeat', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  for (let n = 0; n < 6; n++) {
    peer.send({ type: 'drained' }, { type: 'unknown' });
    await pass(gateway, peer, 10_000);
  }
  assert.equal((await peer.closed).code, 1006);
});

test('a half-open socket is noticed within twice the heartbeat, and what ran over it is lost', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await running(delegate);
  await delegate.peer.heard();
  // Nothing is read from the socket any more: no pong goes back.
  delegate.peer.socket.pause();
  await gateway.clock.advance(19_999);
  assert.equal(gateway.links.length, 1);
  await gateway.clock.advance(1);
  assert.equal((await attempt.next()).type, 'lost');
  assert.match(gateway.notes.join('\n'), /delegate fell silent/);
  gateway.clock.assertNoTimers();
});

test('an instance that connects anew supersedes its older socket, whose work is lost at once', async () => {
  await using gateway = await listeningGateway();
  const old = await joined(gateway);
  const attempt = await running(old);
  // As after a break of the network: the old socket will never answer.
  old.peer.socket.pause();
  const fresh = await joined(gateway);
  assert.deepEqual(await attempt.next(), { type: 'lost', why: 'the same instance has connected again' });
  assert.deepEqual(gateway.links, [fresh.link]);
  old.peer.socket.resume();
  assert.deepEqual(await old.peer.closed, { code: 4409, reason: 'the same instance has connected again' });
  await fresh.peer.heard();
  assert.deepEqual(gateway.links, [fresh.link]);
});

test('two instances of one name are replicas: both stay', async () => {
  await using gateway = await listeningGateway();
  const one = await joined(gateway);
  const two = await joined(gateway, { instance: 'instance-2' });
  await one.peer.heard();
  assert.deepEqual(gateway.links, [one.link, two.link]);
});

test('a delegate of another name that claims the same instance pushes nobody out', async () => {
  await using gateway = await listeningGateway();
  const victim = await joined(gateway);
  await joined(gateway, { name: 'edge-2' });
  await victim.peer.heard();
  assert.equal(gateway.links.length, 2);
  assert.equal(victim.peer.socket.readyState, victim.peer.socket.OPEN);
});

test('the control plane pings, so that the delegate can notice a silence too', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  const ping = once(peer.socket, 'ping');
  await gateway.clock.advance(10_000);
  await ping;
});
