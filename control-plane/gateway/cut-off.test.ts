// Delegates that keep the control plane busy with nothing, or let its memory fill up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits, type Task } from '../../protocol/index.ts';
import { eventually, type ListeningGateway, listeningGateway } from '../../test/harness/gateway.ts';

const late = { type: 'succeeded', task: 'not-held', attempt: 1, chunks: 1, durationMs: 1 };
const floods: [what: string, message: object][] = [
  ['outcomes of tasks that it was not given', late],
  ['messages of unknown types', { type: 'chatter' }],
  ['heartbeats', { type: 'heartbeat', running: [], draining: false }],
];

async function joined(gateway: ListeningGateway) {
  const peer = await gateway.join();
  await peer.next();
  return peer;
}

for (const [what, message] of floods)
  test(`a delegate that floods with ${what} is cut off, and told why`, async () => {
    await using gateway = await listeningGateway();
    const peer = await joined(gateway);
    peer.send(...Array.from({ length: limits.uselessPerMinute - 1 }, () => message));
    await peer.heard(); // By a ping, which counts as well.
    assert.equal(gateway.links.length, 1, 'up to the limit it stays');
    peer.send(message, message);
    assert.deepEqual(await peer.closed, { code: 4400, reason: 'too many messages that mean nothing' });
    assert.equal(gateway.links.length, 0);
    assert.match(gateway.notes.join('\n'), /delegate was cut off/);
  });

test('a delegate that floods with pings is cut off', async () => {
  await using gateway = await listeningGateway();
  const { socket, closed } = await joined(gateway);
  for (let n = 0; n <= limits.uselessPerMinute; n += 1) socket.ping();
  // The library may come first, where it cannot keep up with the answers.
  assert.ok([4400, 1006, 1008].includes((await closed).code));
  await eventually(() => gateway.links.length === 0);
});

test('what is useless now and then adds up in no minute', async () => {
  await using gateway = await listeningGateway();
  const peer = await joined(gateway);
  for (let minute = 0; minute < 3; minute += 1) {
    peer.send(...Array.from({ length: limits.uselessPerMinute - 100 }, () => late));
    peer.send({ type: 'heartbeat', running: [], draining: false });
    await peer.heard();
    for (let step = 0; step < 7; step += 1) {
      await gateway.clock.advance(9_000);
      peer.send({ type: 'heartbeat', running: [], draining: false });
      await peer.heard();
    }
  }
  assert.equal(gateway.links.length, 1);
});

test('a frame larger than allowed closes with 1009', async () => {
  await using gateway = await listeningGateway();
  const peer = await joined(gateway);
  peer.send('x'.repeat(limits.frameToControlPlane + 1));
  assert.equal((await peer.closed).code, 1009);
  await eventually(() => gateway.links.length === 0);
});

test('a delegate that reads nothing is ended before what waits for it fills the memory', async () => {
  await using gateway = await listeningGateway();
  const peer = await gateway.join({ capacity: 1_000 });
  await peer.next();
  const [link] = gateway.links;
  assert.ok(link);
  peer.socket.pause();
  const task = (name: string): Task => ({
    type: 'task',
    task: name,
    attempt: 1,
    remainingMs: 20_000,
    program: { shell: 'bash', text: '#'.repeat(limits.program), digest: `sha256:${'0'.repeat(64)}` },
    inputs: [],
    recipient: { kty: 'OKP', crv: 'X25519', x: 'B'.repeat(43) },
  });
  let given = 0;
  while (gateway.links.length > 0 && given < 1_000) {
    link.start(task(`t${given}`));
    given += 1;
    await new Promise(resolve => setImmediate(resolve));
  }
  const most = (2 * limits.unread) / limits.program;
  assert.ok(given > 100 && given < most, `${given} tasks were sent`);
});
