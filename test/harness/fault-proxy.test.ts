import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { type FaultProxy, faultProxy } from './fault-proxy.ts';
import { eventually } from './local-runner.ts';

/** A server behind a proxy, and clients of it. Each side keeps what it hears. */
async function behindProxy() {
  const heard: string[] = [];
  const served: Socket[] = [];
  const clients: Socket[] = [];
  const server = createServer(socket => {
    served.push(socket);
    socket.on('error', () => {});
    socket.on('data', data => heard.push(data.toString()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy = await faultProxy(typeof address === 'object' && address ? address.port : 0);
  return {
    proxy,
    served,
    heard: () => heard.join(''),
    async client() {
      const socket = connect(proxy.port, '127.0.0.1');
      clients.push(socket);
      const said: Buffer[] = [];
      socket.on('error', () => {});
      socket.on('data', data => said.push(data));
      await once(socket, 'connect');
      return { socket, said: () => Buffer.concat(said) };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of [...clients, ...served]) socket.destroy();
      await proxy[Symbol.asyncDispose]();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

test('a direction that is lost stays lost, and the other one goes on', async () => {
  await using world = await behindProxy();
  const { socket, said } = await world.client();
  socket.write('a');
  await eventually('the first arrives', () => world.heard() === 'a');
  world.proxy.halfOpen('up');
  socket.write('b');
  world.served[0]?.write('c');
  await eventually('what the server says arrives', () => said().toString() === 'c');
  assert.equal(world.heard(), 'a');
});

test('what is stalled fills the buffers of the system, holds the sender up, and arrives in the end', async () => {
  await using world = await behindProxy();
  const { socket } = await world.client();
  world.proxy.stall('up');
  const block = 'x'.repeat(1_000_000);
  for (let n = 0; n < 20; n += 1) socket.write(block);
  await eventually('something waits', () => socket.writableLength > 1_000_000);
  assert.equal(world.heard(), '');
  world.proxy.release();
  await eventually('all of it arrives', () => world.heard().length === 20_000_000);
});

test('a throttled connection takes its time', async () => {
  await using world = await behindProxy();
  const { socket } = await world.client();
  world.proxy.throttle(10_000);
  const begun = performance.now();
  socket.write('x'.repeat(3_000));
  await eventually('it arrives', () => world.heard().length === 3_000);
  assert.ok(performance.now() - begun >= 290);
});

test('a cut comes in the middle', async () => {
  await using world = await behindProxy();
  const { socket, said } = await world.client();
  await eventually('it is through', () => world.served.length === 1);
  world.proxy.cutAfter(5);
  const closed = new Promise(resolve => socket.once('close', resolve));
  world.served[0]?.write('0123456789');
  await closed;
  assert.ok('01234'.startsWith(said().toString()));
});

test('connections that were held are let through in another order than they came', async () => {
  await using world = await behindProxy();
  const order = async (proxy: FaultProxy) => {
    proxy.hold();
    for (const name of ['1', '2', '3']) (await world.client()).socket.write(name);
    await eventually('all have come', () => proxy.connections() === 3);
    proxy.letThroughReversed();
    await eventually('all are through', () => world.heard().length === 3);
    return world.heard();
  };
  assert.equal(await order(world.proxy), '321');
});
