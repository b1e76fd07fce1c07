/** What a delegate says of its tasks, and how much of it is believed. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Task } from '../../protocol/index.ts';
import { type ListeningGateway, listeningGateway, type Peer } from '../../test/harness/gateway.ts';
import type { Attempt, Link } from '../dispatch/link.ts';

const sealed = 'a.b.c.d.e';

function taskOf(task: string, attempt = 1): Task {
  return {
    type: 'task',
    task,
    attempt,
    remainingMs: 20_000,
    program: { shell: 'bash', text: 'secret=x', digest: `sha256:${'0'.repeat(64)}` },
    inputs: [],
    recipient: { kty: 'OKP', crv: 'X25519', x: 'B'.repeat(43) },
  };
}

/** A delegate that is in the roster, and its link. */
async function joined(gateway: ListeningGateway, hello = {}): Promise<{ peer: Peer; link: Link }> {
  const peer = await gateway.join(hello);
  await peer.next();
  const link = gateway.links.at(-1);
  assert.ok(link);
  return { peer, link };
}

/** A task that was started, and the delegate has seen. */
async function started(
  { peer, link }: { peer: Peer; link: Link },
  task = 't',
  attempt = 1,
): Promise<Attempt> {
  const running = link.start(taskOf(task, attempt));
  assert.deepEqual(await peer.next(), taskOf(task, attempt));
  return running;
}

const id = (task = 't', attempt = 1) => ({ task, attempt });
const accepted = (task?: string) => ({ type: 'accepted', ...id(task) });
const chunk = (seq: number, final: boolean) => ({ type: 'value', ...id(), seq, final, sealed });
const succeeded = (chunks: number) => ({ type: 'succeeded', ...id(), chunks, durationMs: 1 });
const heartbeat = (running: object[], draining = false) => ({ type: 'heartbeat', running, draining });

test('the reports of an attempt arrive in their order, and its place is free at the end', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await started(delegate);
  assert.equal(delegate.link.running, 1);
  const reports = [
    accepted(),
    { type: 'log', ...id(), text: 'x' },
    chunk(0, false),
    chunk(1, true),
    succeeded(2),
  ];
  delegate.peer.send(...reports);
  for (const report of reports) assert.deepEqual(await attempt.next(), report);
  assert.deepEqual([delegate.link.running, gateway.changes()], [0, 1]);
});

test('asking twice before there is an answer gives the same answer twice, and loses none', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await started(delegate);
  const both = [attempt.next(), attempt.next()];
  delegate.peer.send(accepted(), chunk(0, true));
  assert.deepEqual(await Promise.all(both), [accepted(), accepted()]);
  assert.deepEqual(await attempt.next(), chunk(0, true));
});

test('a report of a task that the delegate does not hold is dropped: never given, another attempt, or over', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const other = await joined(gateway, { name: 'edge-2', instance: 'instance-2' });
  const attempt = await started(delegate, 't', 2);
  other.peer.send({ type: 'failed', ...id('t', 2), reason: 'internal', durationMs: 1 });
  delegate.peer.send({ type: 'rejected', ...id('t', 1), why: 'refused' }, accepted('made-up'));
  await Promise.all([other.peer.heard(), delegate.peer.heard()]);
  assert.equal(delegate.link.running, 1);
  delegate.peer.send({ type: 'accepted', ...id('t', 2) });
  assert.equal((await attempt.next()).type, 'accepted');
  delegate.peer.send({ type: 'failed', ...id('t', 2), reason: 'empty-value', durationMs: 1 });
  delegate.peer.send({ type: 'failed', ...id('t', 2), reason: 'internal', durationMs: 1 });
  await delegate.peer.heard();
  assert.deepEqual(await attempt.next(), {
    type: 'failed',
    ...id('t', 2),
    reason: 'empty-value',
    durationMs: 1,
  });
  assert.equal(delegate.peer.socket.readyState, delegate.peer.socket.OPEN);
});

test('the same thing is noted once, however often a delegate does it', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  for (let n = 0; n < 50; n++) peer.send(accepted(`t${n}`), { type: 'news' });
  await peer.heard();
  assert.equal(gateway.notes.filter(note => note.includes('does not hold')).length, 1);
  assert.equal(gateway.notes.filter(note => note.includes('does not know; ignored')).length, 1);
});

const outOfPlace: Record<string, object[]> = {
  'a value before it is accepted': [chunk(0, true)],
  'an end before it is accepted': [{ type: 'failed', ...id(), reason: 'internal', durationMs: 1 }],
  'accepted twice': [accepted(), accepted()],
  'rejected after accepted': [accepted(), { type: 'rejected', ...id(), why: 'draining' }],
  'a chunk that is not the first': [accepted(), chunk(1, true)],
  'a chunk twice': [accepted(), chunk(0, false), chunk(0, false)],
  'a chunk left out': [accepted(), chunk(0, false), chunk(2, true)],
  'a chunk after the final one': [accepted(), chunk(0, true), chunk(1, true)],
  'succeeded without a value': [accepted(), succeeded(1)],
  'succeeded before the final chunk': [accepted(), chunk(0, false), succeeded(1)],
  'succeeded with another number of chunks': [accepted(), chunk(0, true), succeeded(2)],
  'a second hello': [{ type: 'hello' }],
};
for (const [what, reports] of Object.entries(outOfPlace)) {
  test(`the connection is closed with 4400 for ${what}, and what ran over it is lost at once`, async () => {
    await using gateway = await listeningGateway();
    const delegate = await joined(gateway);
    const attempt = await started(delegate);
    // It does not answer the close, as a broken one may not.
    delegate.peer.send(...reports);
    delegate.peer.socket.pause();
    let report = await attempt.next();
    while (report.type === 'accepted' || report.type === 'value') report = await attempt.next();
    assert.equal(report.type, 'lost');
    assert.deepEqual([gateway.links.length, delegate.link.running], [0, 0]);
    delegate.peer.socket.resume();
    assert.equal((await delegate.peer.closed).code, 4400);
    gateway.clock.assertNoTimers();
  });
}

test('more chunks than the largest value needs close the connection with 4400', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  await started(delegate);
  delegate.peer.send(accepted(), ...Array.from({ length: 23 }, (_, seq) => chunk(seq, false)));
  assert.equal((await delegate.peer.closed).code, 4400);
});

test('after a broken frame nothing of the delegate is heard any more', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await started(delegate);
  delegate.peer.send('not json', accepted(), chunk(0, true), succeeded(1), heartbeat([], true), 'not json');
  assert.equal((await delegate.peer.closed).code, 4400);
  assert.equal((await attempt.next()).type, 'lost');
  assert.equal(gateway.notes.filter(note => note.includes('broke the protocol')).length, 1);
  assert.deepEqual([gateway.changes(), delegate.link.draining], [0, false]);
});

test('binary frames are not used', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  peer.socket.send(Buffer.from(JSON.stringify(heartbeat([]))), { binary: true });
  assert.deepEqual(await peer.closed, { code: 4400, reason: 'binary frames are not used' });
});

test('of a noisy script 64 logs are passed on, and everything else all the same', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await started(delegate);
  delegate.peer.send(accepted());
  for (let n = 0; n < 200; n++) delegate.peer.send({ type: 'log', ...id(), text: `${n}` });
  delegate.peer.send(chunk(0, true));
  await attempt.next();
  let logs = 0;
  while ((await attempt.next()).type === 'log') logs += 1;
  assert.equal(logs, 64);
});

test('an attempt that is given up is cancelled over there, and counts as running until it has ended there', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await started(delegate);
  delegate.peer.send(accepted());
  await attempt.next();
  attempt.close();
  attempt.close();
  assert.deepEqual(await delegate.peer.next(), { type: 'cancel', ...id() });
  delegate.peer.send(chunk(0, true));
  await delegate.peer.heard();
  assert.deepEqual([delegate.link.running, delegate.peer.frames.length, gateway.changes()], [1, 0, 0]);
  delegate.peer.send({ type: 'failed', ...id(), reason: 'cancelled', durationMs: 1 });
  await delegate.peer.heard();
  assert.deepEqual([delegate.link.running, gateway.changes()], [0, 1]);
  // What came after nobody wanted it was not kept.
  assert.equal(await Promise.race([attempt.next(), Promise.resolve('nothing')]), 'nothing');
});

test('an attempt that has ended is not cancelled when it is closed', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const attempt = await started(delegate);
  delegate.peer.send({ type: 'rejected', ...id(), why: 'at-capacity' });
  assert.equal((await attempt.next()).type, 'rejected');
  attempt.close();
  await delegate.peer.heard();
  assert.deepEqual(delegate.peer.frames, []);
});

test('the same attempt number may be given again when it was rejected', async () => {
  await using gateway = await listeningGateway();
  const delegate = await joined(gateway);
  const first = await started(delegate);
  delegate.peer.send({ type: 'rejected', ...id(), why: 'at-capacity' });
  await first.next();
  const second = await started(delegate);
  first.close();
  delegate.peer.send(accepted());
  assert.equal((await second.next()).type, 'accepted');
  assert.deepEqual(delegate.peer.frames, []);
});

test('a task that no frame can carry is refused before it takes a place', async () => {
  await using gateway = await listeningGateway();
  const { link } = await joined(gateway);
  const inputs = Array.from({ length: 30 }, () => ({ kind: 'plain' as const, data: 'x'.repeat(60_000) }));
  assert.throws(() => link.start({ ...taskOf('t'), inputs }), { name: 'ProtocolError' });
  assert.equal(link.running, 0);
});

test('draining is known from a heartbeat and from drained, and told once', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  peer.send(heartbeat([], true), heartbeat([], true), { type: 'drained' });
  await peer.heard();
  assert.deepEqual([link.draining, gateway.changes()], [true, 1]);
  const other = await joined(gateway, { instance: 'instance-2' });
  other.peer.send({ type: 'drained' });
  await other.peer.heard();
  assert.equal(other.link.draining, true);
});

test('a task that is still being sealed has its place, is sent with what was sealed, and is not sent when nobody waits any more', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  const sealing = Promise.withResolvers<Pick<Task, 'inputs'>>();
  const wanted = link.start(taskOf('wanted'), sealing.promise);
  const unwanted = Promise.withResolvers<Pick<Task, 'inputs'>>();
  const given = link.start(taskOf('unwanted'), unwanted.promise);
  assert.equal(link.running, 2);
  given.close();
  unwanted.resolve({ inputs: [] });
  const inputs = [{ kind: 'sealed' as const, data: sealed }];
  sealing.resolve({ inputs });
  assert.deepEqual(await peer.next(), { ...taskOf('wanted'), inputs });
  assert.equal(link.running, 1);
  peer.send({ type: 'rejected', ...id('wanted'), why: 'at-capacity' });
  assert.equal((await wanted.next()).type, 'rejected');
  assert.equal(link.running, 0);
});

test('a delegate to whose key nothing can be sealed is lost to the task, and keeps no place for it', async () => {
  await using gateway = await listeningGateway();
  const { link } = await joined(gateway);
  const attempt = link.start(taskOf('t'), Promise.reject(new Error('no such point')));
  assert.deepEqual(await attempt.next(), { type: 'lost', why: 'nothing can be sealed to the delegate' });
  assert.equal(link.running, 0);
});
