/** Delegates that poll: who is let in, what is confirmed, what is said again, and how a session ends. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { limits, writeBatch } from '../../protocol/index.ts';
import {
  eventually,
  type ListeningGateway,
  listeningGateway,
  someHello,
  someToken,
} from '../../test/harness/gateway.ts';
import { type PollingPeer, pollingPeer, pollRaw } from '../../test/harness/polling-peer.ts';
import { aTask } from '../../test/harness/task.ts';
import type { Link } from '../dispatch/link.ts';
import type { TokenRefusal } from './token-session.ts';

const heartbeat = { type: 'heartbeat', running: [], draining: false };
const welcome = { type: 'welcome', serverVersion: '0', heartbeatMs: 10_000 };
const noSession = { close: { code: 4404, reason: 'there is no such session for this token' } };

/** A delegate that polls, is in the roster and has read its welcome. */
async function joined(gateway: ListeningGateway, hello = {}): Promise<{ peer: PollingPeer; link: Link }> {
  const peer = await pollingPeer(gateway.port);
  assert.deepEqual((await peer.send(1, [{ ...someHello, ...hello }])).envelope, { received: 1 });
  const first = await peer.receive(0);
  assert.deepEqual([first.envelope, first.frames], [{ seq: 1 }, [welcome]]);
  const link = gateway.links.at(-1);
  assert.ok(link);
  return { peer, link };
}

test('a delegate that polls is welcomed and in the roster, and the log says how it came', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  assert.match(peer.session, /^[A-Za-z0-9_-]{32}$/);
  assert.equal(peer.opened.envelope.protocol, 'legate.v1');
  assert.deepEqual([link.name, link.instance], ['edge-1', 'instance-1']);
  assert.match(gateway.notes.join('\n'), /^delegate connected .*"transport":"polling"/);
});

test('a task comes to a request that waits, and reports go back in the order of their numbers', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  const waiting = peer.receive(1);
  await eventually(() => gateway.clock.pending().includes(25_000));
  const attempt = link.start(aTask({ task: 't' }));
  const { envelope, frames } = await waiting;
  assert.deepEqual([envelope, frames], [{ seq: 2 }, [aTask({ task: 't' })]]);
  const id = { task: 't', attempt: 1 };
  const value = { type: 'value', ...id, seq: 0, final: true, sealed: 'a.b.c.d.e' };
  const succeeded = { type: 'succeeded', ...id, chunks: 1, durationMs: 1 };
  assert.equal((await peer.send(2, [{ type: 'accepted', ...id }, value])).envelope.received, 3);
  assert.equal((await peer.send(4, [succeeded])).envelope.received, 4);
  for (const type of ['accepted', 'value', 'succeeded']) assert.equal((await attempt.next()).type, type);
  assert.equal(link.running, 0);
});

test('what was not confirmed is said again, and what was is not', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  link.start(aTask({ task: 'one' }));
  link.start(aTask({ task: 'two' }));
  for (let n = 0; n < 3; n++) {
    const again = await peer.receive(1);
    assert.deepEqual(
      [again.envelope, again.frames],
      [{ seq: 2 }, [aTask({ task: 'one' }), aTask({ task: 'two' })]],
    );
  }
  const rest = await peer.receive(2);
  assert.deepEqual([rest.envelope, rest.frames], [{ seq: 3 }, [aTask({ task: 'two' })]]);
  const waiting = peer.receive(3);
  await eventually(() => gateway.clock.pending().includes(25_000));
  // Overtaken on its way: answered at once, with nothing, and the one that waits goes on waiting.
  assert.deepEqual((await peer.receive(1)).frames, []);
  link.start(aTask({ task: 'three' }));
  assert.deepEqual((await waiting).frames, [aTask({ task: 'three' })]);
});

test('a body that comes twice, or overlaps the one before, counts once', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway, { capacity: 9 });
  const attempt = link.start(aTask({ task: 't' }));
  const id = { task: 't', attempt: 1 };
  const log = (text: string) => ({ type: 'log', ...id, text });
  const bodies: [seq: number, messages: object[], received: number][] = [
    [2, [{ type: 'accepted', ...id }], 2],
    [2, [{ type: 'accepted', ...id }], 2],
    [2, [{ type: 'accepted', ...id }, log('a')], 3],
    [3, [log('a'), log('b')], 4],
    [1, [someHello], 4],
    [5, [], 4],
  ];
  for (const [seq, messages, received] of bodies)
    assert.deepEqual((await peer.send(seq, messages)).envelope, { received });
  for (const expected of ['accepted', 'a', 'b']) {
    const report = await attempt.next();
    assert.equal(report.type === 'log' ? report.text : report.type, expected);
  }
  assert.equal(gateway.links.length, 1, 'a second hello would have closed it');
});

test('a gap in the numbers, and a confirmation of what was never said, are told as 4400', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  await peer.send(3, [heartbeat]);
  const close = { code: 4400, reason: 'frames are missing before these' };
  assert.deepEqual((await peer.receive(1)).envelope, { seq: 2, close });
  const other = await joined(gateway, { instance: 'instance-2' });
  assert.equal(Object(await other.peer.receive(2)).envelope.close.code, 4400);
  await eventually(() => gateway.links.length === 0);
});

test('a request that waits is answered with nothing when its time is over, or a later one takes its place', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  const first = peer.receive(1, 5_000);
  await eventually(() => gateway.clock.pending().includes(5_000));
  const second = peer.receive(1);
  assert.deepEqual([(await first).envelope, (await first).frames], [{ seq: 2 }, []]);
  for (let passed = 0; passed < 25_000; passed += 5_000) {
    await gateway.clock.advance(5_000);
    await peer.send(2, []);
  }
  assert.deepEqual([(await second).envelope, (await second).frames], [{ seq: 2 }, []]);
});

test('refusals are those of websockets, each told at the first opportunity', async () => {
  const tokens: Record<string, TokenRefusal> = { e: 'expired', r: 'revoked', a: 'address' };
  await using gateway = await listeningGateway(async token =>
    token === 'edges'
      ? someToken('edges', { delegateNames: ['edge-1'], tags: ['eu'] })
      : (tokens[token] ?? 'unknown'),
  );
  for (const [token, code] of [
    ['e', 4411],
    ['r', 4412],
    ['a', 4414],
    ['lgd_hunter2', 4401],
    [undefined, 4401],
    ['x'.repeat(513), 4401],
  ] as const) {
    const answer = await pollRaw(gateway.port, 'open', token, writeBatch({ protocols: ['legate.v1'] }));
    assert.equal(answer.status, 200);
    assert.deepEqual(Object.keys(answer.envelope), ['close']);
    assert.equal(Object(answer.envelope.close).code, code);
  }
  for (const [hello, code] of [
    [{ name: 'edge-9' }, 4403],
    [{ tags: ['prod'] }, 4413],
    [{ capacity: 0 }, 4400],
    ['nonsense', 4400],
  ] as const) {
    const peer = await pollingPeer(gateway.port, 'edges');
    await peer.send(1, [typeof hello === 'string' ? hello : { ...someHello, ...hello }]);
    assert.equal(Object((await peer.receive(0)).envelope.close).code, code);
  }
  const other = await pollingPeer(gateway.port, 'edges', ['legate.v9']);
  assert.equal(other.opened.envelope.protocol, 'legate.v9');
  const close = { code: 4406, reason: 'this side speaks legate.v1' };
  assert.deepEqual((await other.receive(0)).envelope, { seq: 1, close });
  const silent = await pollingPeer(gateway.port, 'edges');
  const told = silent.receive(0);
  await eventually(() => gateway.clock.pending().includes(25_000));
  await gateway.clock.advance(10_000);
  assert.equal(Object((await told).envelope.close).code, 4408);
  assert.deepEqual(gateway.links, []);
  assert.doesNotMatch(gateway.notes.join(), /hunter2|xxx/);
});

test('a session is of no use with another token, and who has none is told nothing', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  link.start(aTask({ task: 't' }));
  const receive = writeBatch({ session: peer.session, received: 0, waitMs: 0 });
  const send = writeBatch({ session: peer.session, seq: 2 }, ['broken']);
  const unknown = writeBatch({ session: 'x'.repeat(32), received: 0, waitMs: 0 });
  await pollingPeer(gateway.port, 'edges');
  for (const token of ['edges', 'never seen', '', undefined]) {
    for (const [step, body] of [
      ['receive', receive],
      ['receive', unknown],
      ['send', send],
    ] as const)
      assert.deepEqual((await pollRaw(gateway.port, step, token, body)).envelope, noSession, token);
  }
  assert.deepEqual((await pollRaw(gateway.port, 'receive', 'any', unknown)).envelope, noSession);
  assert.deepEqual((await peer.receive(1)).frames, [aTask({ task: 't' })]);
});

test('a session goes on with the token that opened it, also after that one has ended', async () => {
  let known = true;
  await using gateway = await listeningGateway(async () => (known ? someToken('any') : 'expired'));
  const { peer } = await joined(gateway);
  known = false;
  assert.deepEqual((await peer.send(2, [heartbeat])).envelope, { received: 2 });
});

test('an envelope that breaks its table and a body that is too large are told, and nothing of them', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  const broken = await pollRaw(gateway.port, 'send', 'any', '{"session":"hunter2","seq":1}\n');
  assert.equal(Object(broken.envelope.close).code, 4400);
  assert.doesNotMatch(JSON.stringify(broken) + gateway.notes.join(), /hunter2/);
  const large = await pollRaw(gateway.port, 'send', 'any', 'x'.repeat(limits.body + 1));
  assert.deepEqual(large.envelope, { close: { code: 1009, reason: 'the body is too large' } });
  await peer.send(2, ['x'.repeat(limits.frameToControlPlane + 1)]);
  assert.equal(Object((await peer.receive(1)).envelope.close).code, 1009);
  assert.equal((await fetch(`http://127.0.0.1:${gateway.port}/api/v1/delegates/poll/other`)).status, 404);
});

test('the reason of a close is said again to a delegate that has lost the answer, for a minute', async () => {
  let known = true;
  await using gateway = await listeningGateway(async () => (known ? someToken('any') : 'revoked'));
  const { peer, link } = await joined(gateway);
  link.start(aTask({ task: 'last' }));
  known = false;
  for (const session of gateway.gateway.sessions()) session.cut('revoked');
  const close = { code: 4412, reason: 'the token was revoked' };
  for (let n = 0; n < 3; n++) {
    const last = await peer.receive(1);
    assert.deepEqual([last.envelope, last.frames], [{ seq: 2, close }, [aTask({ task: 'last' })]]);
  }
  assert.deepEqual(gateway.links, []);
  known = true;
  await gateway.clock.advance(60_000);
  await pollingPeer(gateway.port);
  assert.deepEqual((await peer.receive(1)).envelope, noSession);
});

test('a delegate that closes is gone at once, and may say so twice', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  const close = { code: 1000, reason: 'drained' };
  for (let n = 0; n < 2; n++) {
    assert.deepEqual((await peer.send(2, [{ type: 'drained' }], { close })).envelope, { received: 2 });
    assert.deepEqual(gateway.links, []);
  }
  assert.match(gateway.notes.join('\n'), /delegate disconnected .*"code":1000/);
});

test('a session without a request is given up within two periods, although one waits', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  const attempt = link.start(aTask({ task: 't' }));
  await peer.receive(1);
  const waiting = peer.receive(2);
  await eventually(() => gateway.clock.pending().includes(25_000));
  await gateway.clock.advance(30_000);
  assert.deepEqual(await attempt.next(), { type: 'lost', why: 'the connection closed' });
  assert.deepEqual(gateway.links, []);
  await waiting;
  assert.deepEqual((await peer.receive(2)).envelope, noSession);
  gateway.clock.assertNoTimers();
});

test('a session stays for as long as its requests come', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  for (let n = 0; n < 12; n++) {
    await gateway.clock.advance(10_000);
    await peer.send(2 + n, [heartbeat]);
  }
  assert.equal(gateway.links.length, 1);
});

test('a delegate whose waiting request breaks off has ten seconds to come back', async () => {
  await using gateway = await listeningGateway();
  const { peer, link } = await joined(gateway);
  const breakOff = async () => {
    const broken = new AbortController();
    const waiting = peer.receive(1, 25_000, broken.signal);
    await eventually(() => gateway.clock.pending().includes(25_000));
    broken.abort();
    await assert.rejects(waiting);
    await eventually(
      () => gateway.clock.pending().includes(10_000) && !gateway.clock.pending().includes(25_000),
    );
  };
  await breakOff();
  await gateway.clock.advance(9_999);
  await peer.send(2, [heartbeat]);
  await gateway.clock.advance(9_999);
  assert.equal(gateway.links.length, 1);
  await peer.send(3, [heartbeat]);
  await breakOff();
  const attempt = link.start(aTask({ task: 't' }));
  await gateway.clock.advance(10_000);
  assert.equal((await attempt.next()).type, 'lost');
  assert.deepEqual(gateway.links, []);
  gateway.clock.assertNoTimers();
});

test('an instance that comes back supersedes its older session, over whichever transport', async () => {
  await using gateway = await listeningGateway();
  const older = await joined(gateway);
  const attempt = older.link.start(aTask({ task: 't' }));
  const newer = await joined(gateway);
  assert.equal((await attempt.next()).type, 'lost');
  const last = await older.peer.receive(1);
  assert.equal(Object(last.envelope.close).code, 4409);
  const websocket = await gateway.join();
  assert.equal((await websocket.next()).type, 'welcome');
  assert.equal(Object((await newer.peer.receive(1)).envelope.close).code, 4409);
  assert.equal(gateway.links.length, 1);
});

test('a hello that only asks is answered and not registered, and cannot stay for ever', async () => {
  await using gateway = await listeningGateway();
  const peer = await pollingPeer(gateway.port);
  await peer.send(1, [{ ...someHello, check: true }]);
  assert.deepEqual((await peer.receive(0)).frames, [welcome]);
  assert.deepEqual(gateway.links, []);
  await gateway.clock.advance(10_000);
  assert.deepEqual((await peer.receive(1)).envelope, noSession);
  gateway.clock.assertNoTimers();
});

test('closing answers what waits, tells everybody who asks, and waits for nobody who does not', async () => {
  await using gateway = await listeningGateway();
  const { peer } = await joined(gateway);
  await joined(gateway, { instance: 'instance-2' });
  const waiting = peer.receive(1);
  await eventually(() => gateway.clock.pending().includes(25_000));
  const closing = gateway.gateway.close();
  const goingAway = { code: 1001, reason: 'the control plane is stopping' };
  assert.deepEqual((await waiting).envelope, { seq: 2, close: goingAway });
  assert.deepEqual((await pollingPeer(gateway.port)).opened.envelope, { close: goingAway });
  await gateway.clock.advance(2_000);
  await closing;
  assert.deepEqual(gateway.links, []);
  gateway.clock.assertNoTimers();
});
