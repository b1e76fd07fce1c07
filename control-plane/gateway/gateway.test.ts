/** Who is let in: token, protocol version, hello, name. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import test from 'node:test';
import { delegatePath } from '../../protocol/index.ts';
import { eventually, listeningGateway, someHello, someToken } from '../../test/harness/gateway.ts';

test('a delegate with a token, the protocol and a hello is welcomed and in the roster', async () => {
  await using gateway = await listeningGateway();
  const peer = await gateway.join({ tags: ['EU', 'two words'] });
  assert.deepEqual(await peer.next(), { type: 'welcome', serverVersion: '0', heartbeatMs: 10_000 });
  const [link] = gateway.links;
  assert.deepEqual(
    [link?.name, link?.instance, link?.hostName, link?.tags, link?.capacity, link?.running, link?.draining],
    ['edge-1', 'instance-1', 'host', ['EU', 'two words'], 2, 0, false],
  );
  assert.deepEqual([...(link?.tagSet ?? [])].sort(), ['edge-1', 'eu', 'host', 'two words']);
  assert.match(gateway.notes.join('\n'), /^delegate connected .*"token":"any".*"address":"127\.0\.0\.1"/);
});

test('the roster has it before it is welcomed, so that a welcomed delegate can be given work at once', async () => {
  await using gateway = await listeningGateway();
  const peer = await gateway.join();
  await peer.next();
  assert.equal(gateway.links.length, 1);
});

test('a token that is unknown, missing or malformed is refused with 4401, and never written to the log', async () => {
  await using gateway = await listeningGateway();
  for (const token of ['lgd_hunter2', undefined, '', `${'x'.repeat(513)}`]) {
    const peer = await gateway.connect({ token });
    peer.send(someHello);
    assert.deepEqual(await peer.closed, { code: 4401, reason: 'unknown token' });
  }
  assert.deepEqual(gateway.links, []);
  assert.doesNotMatch(gateway.notes.join(), /hunter2/);
});

test('a peer that speaks other versions only is told so with 4406, one that offers ours among them is let in', async () => {
  await using gateway = await listeningGateway();
  const other = await gateway.connect({ token: 'any', protocols: ['legate.v9', 'legate.v8'] });
  assert.equal(other.socket.protocol, 'legate.v9');
  assert.deepEqual(await other.closed, { code: 4406, reason: 'this side speaks legate.v1' });
  const none = await gateway.connect({ token: 'any', protocols: [] });
  assert.equal((await none.closed).code, 4406);
  const both = await gateway.connect({ token: 'any', protocols: ['legate.v9', 'legate.v1'] });
  both.send(someHello);
  assert.equal((await both.next()).type, 'welcome');
});

test('a peer that says nothing is closed with 4408 after 10 s, not before', async () => {
  await using gateway = await listeningGateway();
  const peer = await gateway.connect({ token: 'any' });
  await gateway.clock.advance(9_999);
  await peer.heard();
  await gateway.clock.advance(1);
  assert.deepEqual(await peer.closed, { code: 4408, reason: 'no hello' });
  gateway.clock.assertNoTimers();
});

test('a first message that is not a hello, or none at all, is closed with 4400', async () => {
  await using gateway = await listeningGateway();
  const heartbeat = { type: 'heartbeat', running: [], draining: false };
  const wrong = [heartbeat, { type: 'unknown' }, 'not json', '[]', { ...someHello, capacity: 0 }, ''];
  for (const message of wrong) {
    const peer = await gateway.connect({ token: 'any' });
    peer.send(message);
    assert.equal((await peer.closed).code, 4400, JSON.stringify(message));
  }
  const binary = await gateway.connect({ token: 'any' });
  binary.socket.send(Buffer.from(JSON.stringify(someHello)), { binary: true });
  assert.equal((await binary.closed).code, 4400);
  assert.deepEqual(gateway.links, []);
  gateway.clock.assertNoTimers();
});

test('the reason of a close names path and rule, and nothing of the frame', async () => {
  await using gateway = await listeningGateway();
  const peer = await gateway.join({ tags: ['hunter2'.repeat(100)] });
  const { code, reason } = await peer.closed;
  assert.equal(code, 4400);
  assert.match(reason, /^invalid "hello": \/tags\/0 must NOT have more than 256 characters/);
  assert.doesNotMatch(reason + gateway.notes.join(), /hunter2/);
});

test('a malformed name, or one that the token does not allow, is refused with 4403', async () => {
  await using gateway = await listeningGateway();
  for (const name of ['-edge', 'a b', 'a/b', 'a\n', 'é', '$(x)'])
    assert.deepEqual(await (await gateway.join({ name })).closed, {
      code: 4403,
      reason: 'the name is malformed',
    });
  for (const name of ['edge-3', 'EDGE-1', 'edge-1.', 'edge'])
    assert.deepEqual(await (await gateway.join({ name }, 'edges')).closed, {
      code: 4403,
      reason: 'the token is for delegates of other names',
    });
  assert.equal((await (await gateway.join({ name: 'edge-2' }, 'edges')).next()).type, 'welcome');
});

test('a frame that is too large is closed with 1009, before and after the hello', async () => {
  await using gateway = await listeningGateway();
  const early = await gateway.connect({ token: 'any' });
  early.send('x'.repeat(1_048_577));
  assert.equal((await early.closed).code, 1009);
  const late = await gateway.join();
  await late.next();
  late.send('x'.repeat(1_048_577));
  assert.equal((await late.closed).code, 1009);
});

test('a hello that only asks is answered and not registered, and cannot stay for ever', async () => {
  await using gateway = await listeningGateway();
  const peer = await gateway.join({ check: true });
  assert.equal((await peer.next()).type, 'welcome');
  assert.deepEqual([gateway.links, gateway.notes], [[], []]);
  await gateway.clock.advance(10_000);
  assert.equal((await peer.closed).code, 1006);
  const polite = await gateway.join({ check: true });
  await polite.next();
  polite.socket.close();
  await eventually(() => gateway.clock.pending().length === 0);
});

test('any other path is answered with 404', async () => {
  await using gateway = await listeningGateway();
  for (const path of ['/', '/api/v1/delegates', `${delegatePath}/`, `/x${delegatePath}`])
    await assert.rejects(gateway.connect({ token: 'any', path }), /Unexpected server response: 404/);
  const query = await gateway.connect({ token: 'any', path: `${delegatePath}?x=1` });
  query.send(someHello);
  assert.equal((await query.next()).type, 'welcome');
});

test('a client that resets its connection in the middle of an upgrade does no harm', async () => {
  await using gateway = await listeningGateway();
  for (const path of ['/nowhere', delegatePath]) {
    for (let n = 0; n < 30; n++) {
      const socket = connectTcp(gateway.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
      socket.write(`${head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`);
      await new Promise(resolve => setImmediate(resolve));
      socket.resetAndDestroy();
    }
  }
  assert.equal((await (await gateway.join()).next()).type, 'welcome');
});

test('a flood of frames before the hello is read by nobody, and the hello counts all the same', async () => {
  await using gateway = await listeningGateway();
  const flood = await gateway.connect({ token: 'any' });
  for (let n = 0; n < 5_000; n++) flood.send('{"type":"heartbeat"}');
  assert.equal((await flood.closed).code, 4400);
  const rest = await gateway.join();
  assert.equal((await rest.next()).type, 'welcome');
  assert.equal(gateway.notes.filter(note => note.startsWith('delegate refused')).length, 1);
});

test('a store that fails while a token is looked up costs that delegate its connection, and nobody else', async () => {
  let broken = true;
  await using gateway = await listeningGateway(async () => {
    if (broken) throw new Error('the disk is full');
    return someToken('any');
  });
  const peer = await gateway.join();
  assert.deepEqual(await peer.closed, { code: 1011, reason: 'internal error' });
  broken = false;
  assert.equal((await (await gateway.join()).next()).type, 'welcome');
});

test('a delegate that is gone before its token was looked up does not get into the roster', async () => {
  const { promise: looked, resolve: look } = Promise.withResolvers<void>();
  await using gateway = await listeningGateway(async () => {
    await looked;
    return someToken('any');
  });
  const peer = await gateway.join();
  await peer.heard();
  peer.socket.close();
  await peer.closed;
  await eventually(() => gateway.clock.pending().length === 0);
  look();
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(gateway.links, []);
  gateway.clock.assertNoTimers();
});

test('closing tells every delegate to come back later, and lets nobody in any more', async () => {
  await using gateway = await listeningGateway();
  const peers = [
    await gateway.join(),
    await gateway.join({ name: 'edge-2' }),
    await gateway.connect({ token: 'any' }),
  ];
  await peers[0]?.next();
  await peers[1]?.next();
  await gateway.gateway.close();
  for (const peer of peers)
    assert.deepEqual(await peer.closed, { code: 1001, reason: 'the control plane is stopping' });
  assert.deepEqual(gateway.links, []);
  await assert.rejects(gateway.connect({ token: 'any' }));
  gateway.clock.assertNoTimers();
});

// The library itself would give up after 5 s of real time.
test('closing does not wait for a delegate that does not answer', { timeout: 4_000 }, async () => {
  await using gateway = await listeningGateway();
  const peer = await gateway.join();
  await peer.next();
  peer.socket.pause();
  const closing = gateway.gateway.close();
  await gateway.clock.advance(2_000);
  await closing;
  assert.deepEqual(gateway.links, []);
  gateway.clock.assertNoTimers();
});
