/** Which way is tried next, and the loop that goes from one to the other and back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'node:test';
import { type Channel, type Hello, transportOf } from '../protocol/index.ts';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { type ListeningGateway, listeningGateway, someHello } from '../test/harness/gateway.ts';
import { eventually } from '../test/harness/local-runner.ts';
import { memoryLogger } from '../test/harness/memory-logger.ts';
import { plainProxy } from '../test/harness/plain-proxy.ts';
import { type ConnectionOptions, connections } from './connection.ts';
import { givenToken } from './token-source.ts';
import { TransportChoice } from './transport-choice.ts';

const hello: Hello = {
  type: 'hello',
  name: 'edge-1',
  instance: 'instance-1',
  hostName: 'host',
  agentVersion: '0',
  tags: [],
  capacity: 1,
  shells: ['bash'],
  publicKey: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) },
};

test('what was asked for is what is tried, whatever happens', () => {
  const { logger } = memoryLogger();
  for (const [when, transport] of [
    ['true', 'polling'],
    ['false', 'websocket'],
  ] as const) {
    const choice = new TransportChoice(when, logger);
    for (let n = 0; n < 9; n++) {
      assert.equal(choice.next(), transport);
      choice.upgradeSpoiled();
    }
  }
});

test('after three spoiled upgrades in a row it is polling, and after that a websocket once', () => {
  const { logger } = memoryLogger();
  const choice = new TransportChoice('auto', logger);
  const tried: string[] = [];
  for (let n = 0; n < 8; n++) {
    const next = choice.next();
    tried.push(next);
    if (next === 'polling') choice.polled();
    else choice.upgradeSpoiled();
  }
  const [w, p] = ['websocket', 'polling'];
  assert.deepEqual(tried, [w, w, w, p, w, p, w, p]);
  choice.websocketWorked();
  assert.equal(choice.next(), w);
  choice.upgradeSpoiled();
  choice.upgradeSpoiled();
  assert.equal(choice.next(), w);
});

/** The loop of an agent that says hello over whatever it gets, and keeps it until it closes. */
function loop(port: number, options: Partial<ConnectionOptions> = {}) {
  const clock = new FakeClock();
  const log = memoryLogger();
  const over = new AbortController();
  const channels: Channel[] = [];
  let idle: Promise<void> = Promise.resolve();
  /** How long it pauses, if it does: no other timer is set for such a time. */
  const pause = () => clock.pending().find(ms => [250, 500, 1_000, 2_000, 4_000, 7_500].includes(ms));
  const ended = (async () => {
    for await (const channel of connections({
      url: new URL(`ws://127.0.0.1:${port}`),
      tokens: givenToken('any'),
      clock,
      logger: log.logger,
      random: () => 0.5,
      poll: 'auto',
      returning: { hello, idle: () => idle },
      signal: over.signal,
      ...options,
    })) {
      channels.push(channel);
      const closed = new Promise<void>(resolve => channel.once('close', () => resolve()));
      channel.send(JSON.stringify(someHello));
      await closed;
    }
  })();
  ended.catch(() => {});
  return {
    clock,
    log,
    channels,
    last: () => channels.at(-1),
    isBusyUntil(then: Promise<void>) {
      idle = then;
    },
    /** Waits for each pause and lets it pass, until there are so many channels. */
    async until(count: number) {
      while (channels.length < count) {
        await eventually('it pauses or connects', () => pause() !== undefined || channels.length >= count);
        if (channels.length < count) await clock.advance(pause() ?? 0);
      }
    },
    pause,
    async [Symbol.asyncDispose]() {
      over.abort();
      for (const channel of channels) channel.terminate();
      await ended.catch(() => {});
      await eventually('no timers are left', () => clock.pending().length === 0);
    },
  };
}

/** Lets ten minutes pass on both sides, in steps in which requests can travel. */
async function pass(gateway: ListeningGateway, clock: FakeClock, channel: Channel): Promise<void> {
  let answers = 0;
  channel.on('pong', () => {
    answers += 1;
  });
  for (let passedMs = 0; passedMs < 600_000; passedMs += 10_000) {
    await gateway.clock.advance(10_000);
    await clock.advance(10_000);
    const before = answers;
    channel.send(JSON.stringify({ type: 'heartbeat', running: [], draining: false }));
    await eventually('it was heard', () => answers > before);
  }
}

test('an agent behind a proxy that refuses upgrades polls by itself, says so, and comes back by itself', async () => {
  await using gateway = await listeningGateway();
  await using proxy = await plainProxy(gateway.port);
  await using agent = loop(proxy.port);
  await agent.until(1);
  assert.equal(proxy.refused(), 3);
  const first = agent.last();
  assert.ok(first);
  assert.equal(transportOf(first), 'polling');
  assert.ok(agent.log.messages().includes('websockets do not get through: trying long polling'));
  await eventually('it is let in', () => gateway.links.length === 1);

  await pass(gateway, agent.clock, first);
  await eventually('it has looked', () => proxy.refused() === 4);
  assert.equal(first.readyState, first.OPEN);

  const { promise: idle, resolve: becomeIdle } = Promise.withResolvers<void>();
  agent.isBusyUntil(idle);
  proxy.allowUpgrades(true);
  await pass(gateway, agent.clock, first);
  // It has asked whether it would be let in, and waits.
  await eventually('it has looked', () => proxy.upgrades() === 1);
  await pass(gateway, agent.clock, first);
  assert.equal(first.readyState, first.OPEN);
  assert.equal(proxy.upgrades(), 1, 'once is enough');
  becomeIdle();
  await agent.until(2);
  const second = agent.last();
  assert.ok(second);
  assert.equal(transportOf(second), 'websocket');
  assert.ok(agent.log.messages().includes('websockets get through again: changing back to one'));
  await eventually('it is let in', () =>
    gateway.notes.some(note => note.includes('"transport":"websocket"')),
  );
  assert.match(gateway.notes.join('\n'), /delegate disconnected .*"code":1000/);
});

test('a websocket that is opened and cut before a word came through counts as spoiled', async () => {
  await using gateway = await listeningGateway();
  await using proxy = await plainProxy(gateway.port);
  proxy.allowUpgrades(true);
  proxy.cutUpgrades(true);
  await using agent = loop(proxy.port);
  await agent.until(4);
  assert.deepEqual(agent.channels.map(transportOf), ['websocket', 'websocket', 'websocket', 'polling']);
});

test('a connection that fails before the upgrade is sent says nothing of websockets', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  server.close();
  await once(server, 'close');
  await using agent = loop(port);
  for (let n = 1; n <= 6; n++) {
    await eventually('it pauses', () => agent.pause() !== undefined);
    const tries = () =>
      agent.log.messages().filter(text => text === 'cannot connect to the control plane').length;
    assert.equal(tries(), n);
    await agent.clock.advance(agent.pause() ?? 0);
    await eventually('it has tried again', () => tries() === n + 1);
  }
  assert.ok(!agent.log.text().includes('long polling'));
});

test('a control plane that is down behind a proxy is tried over both, with growing pauses', async () => {
  await using gateway = await listeningGateway();
  const ports = { target: 1 };
  await using proxy = await plainProxy(() => ports.target);
  await using agent = loop(proxy.port);
  for (let n = 0; n < 6; n++) {
    const expected = Math.min(7_500, 250 * 2 ** n);
    await eventually('it pauses', () => agent.pause() === expected);
    await agent.clock.advance(expected);
  }
  await eventually('it pauses again', () => agent.pause() === 7_500);
  ports.target = gateway.port;
  proxy.allowUpgrades(true);
  await agent.until(1);
  assert.equal(agent.log.messages().filter(text => text.includes('long polling')).length, 3);
});

test('a fatal refusal ends the loop over polling too', async () => {
  await using gateway = await listeningGateway();
  await using proxy = await plainProxy(gateway.port);
  const fatal = connections({
    url: new URL(proxy.url.replace('http', 'ws')),
    tokens: givenToken('unknown'),
    clock: new FakeClock(),
    logger: memoryLogger().logger,
    poll: 'true',
    signal: new AbortController().signal,
  });
  const wait = async () => {
    for await (const channel of fatal)
      await new Promise<void>(resolve => channel.once('close', () => resolve()));
  };
  await assert.rejects(wait(), { name: 'FatalCloseError', exitCode: 3 });
});
