// Both real programs against a peer that breaks the protocol: the golden vectors and worse.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { delegatePath, frameText, generateSealingKeys, openValue, subprotocol } from '../protocol/index.ts';
import { invalidVectors, validVectors } from './harness/vectors.ts';
import { startWorld } from './harness/world.ts';

const hello = async (name: string) => ({
  type: 'hello',
  name,
  instance: `instance-of-${name}`,
  hostName: 'host',
  agentVersion: '0',
  tags: [],
  capacity: 1,
  shells: ['bash'],
  publicKey: (await generateSealingKeys()).publicKey,
});

function closing(socket: WebSocket): Promise<{ code: number; reason: string }> {
  return new Promise(resolve =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
}

const opening = (socket: WebSocket) => new Promise<void>(resolve => socket.once('open', resolve));
const firstFrame = (socket: WebSocket) =>
  new Promise<string>(resolve => socket.once('message', (data: RawData) => resolve(frameText(data))));

test('the control plane closes the socket of a delegate for every frame that breaks the schema, and lives on', async () => {
  await using world = await startWorld();
  const token = await world.token('wire');
  const url = new URL(delegatePath, world.url.replace('http', 'ws'));
  const connect = () => new WebSocket(url, subprotocol, { headers: { authorization: `Bearer ${token}` } });
  const vectors = invalidVectors().filter(({ direction }) => direction === 'toControlPlane');
  assert.ok(vectors.length > 10);
  for (const { name, frame } of vectors) {
    const socket = connect();
    const closed = closing(socket);
    await opening(socket);
    socket.send(JSON.stringify(await hello('breaker')));
    await firstFrame(socket);
    socket.send(frame);
    assert.equal((await closed).code, 4400, name);
  }
  const binary = connect();
  const closed = closing(binary);
  await opening(binary);
  binary.send(JSON.stringify(await hello('binary')));
  await firstFrame(binary);
  binary.send(Buffer.from([0, 1, 2]));
  assert.equal((await closed).code, 4400);

  await world.connectedAgent();
  const { secret } = await world.script('secret=v');
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'v');
});

test('the agent closes the socket for every frame that breaks the schema, and comes back', async () => {
  await using world = await startWorld();
  const vectors = invalidVectors().filter(({ direction }) => direction === 'toDelegate');
  assert.ok(vectors.length > 5);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  try {
    await new Promise(resolve => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const next = () =>
      new Promise<{ socket: WebSocket; first: Promise<string> }>(resolve =>
        server.once('connection', socket => resolve({ socket, first: firstFrame(socket) })),
      );
    let coming = next();
    const agent = await world.agent({ url: `http://127.0.0.1:${port}`, token: 'any' });
    // A few of them: each costs the agent's pause before it reconnects, which grows.
    for (const { name, frame } of vectors.filter((_, index) => index % Math.ceil(vectors.length / 4) === 0)) {
      const { socket, first } = await coming;
      coming = next();
      assert.equal(JSON.parse(await first).type, 'hello');
      const closed = closing(socket);
      socket.send(frame);
      assert.equal((await closed).code, 4400, name);
    }
    const { socket, first } = await coming;
    await first;
    // What a newer control plane may say: unknown types and fields are no reason to leave.
    for (const { frame } of validVectors().filter(
      ({ direction, message }) => direction === 'toDelegate' && !message,
    )) {
      socket.send(frame);
    }
    socket.send(JSON.stringify({ type: 'welcome', serverVersion: '9', heartbeatMs: 60_000, news: true }));
    await agent.said('connected to the control plane');
    assert.equal(socket.readyState, WebSocket.OPEN);
  } finally {
    for (const client of server.clients) client.terminate();
    await new Promise(resolve => server.close(resolve));
  }
});

test('a delegate that reports on tasks it was not given changes nothing', async () => {
  await using world = await startWorld();
  const token = await world.token('liar');
  const url = new URL(delegatePath, world.url.replace('http', 'ws'));
  const liar = new WebSocket(url, subprotocol, { headers: { authorization: `Bearer ${token}` } });
  await opening(liar);
  liar.send(JSON.stringify({ ...(await hello('liar')), tags: ['lies'] }));
  await firstFrame(liar);
  await world.connectedAgent({ name: 'honest', tags: 'truth' });
  const { secret } = await world.script('sleep 0.5; secret=v', { selectors: ['truth'] });
  const fetching = world.api('/fetch', { secret }).then(response => response.text());
  const started = await world.server.said('delegate connected', { delegate: 'honest' });
  assert.ok(started);
  const id = { task: 'made-up-task', attempt: 1 };
  liar.send(JSON.stringify({ type: 'succeeded', ...id, chunks: 1, durationMs: 1 }));
  liar.send(JSON.stringify({ type: 'failed', ...id, reason: 'internal', durationMs: 1 }));
  const events = (await fetching)
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.equal(events.find(({ event }) => event === 'value').text, 'v');
  assert.equal(liar.readyState, WebSocket.OPEN);
  liar.terminate();
});

test('a caller that brings a key gets the value sealed to it, and only it can open it', async () => {
  await using world = await startWorld();
  await world.connectedAgent();
  const { secret } = await world.script('secret="sealed all the way"');
  const keys = await generateSealingKeys();
  const text = await (await world.api('/fetch', { secret, publicKey: keys.publicKey })).text();
  assert.ok(!text.includes('sealed all the way'));
  const events = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  const { task, attempt, seq, final, sealed } = events.find(({ event }) => event === 'value');
  const opener = openValue(keys, { task, attempt });
  assert.equal(Buffer.from(await opener.open({ seq, final, sealed })).toString(), 'sealed all the way');
  opener.finish();
  const others = openValue(await generateSealingKeys(), { task, attempt });
  await assert.rejects(others.open({ seq, final, sealed }), { name: 'SealError' });
});
