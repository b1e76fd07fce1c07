// What networks do to the connection between a delegate and its control plane.
import assert from 'node:assert/strict';
import { suite } from 'node:test';
import {
  backWithinMs,
  type FaultyWorld,
  faultRow,
  faultyWorld,
  fetchOnce,
  noneTwice,
  seconds,
  worksAgain,
} from '../harness/fault-matrix.ts';
import { type Direction, type FaultProxy, faultProxy } from '../harness/fault-proxy.ts';
import type { Program } from '../harness/program.ts';
import { becomesTrue } from '../harness/world.ts';

interface Behind extends AsyncDisposable {
  readonly faulty: FaultyWorld;
  readonly proxy: FaultProxy;
  readonly agent: Program;
}

/** A delegate that reaches its control plane through a proxy. */
async function behindProxy(args?: readonly string[]): Promise<Behind> {
  const faulty = await faultyWorld(args);
  const proxy = await faultProxy(Number(new URL(faulty.world.url).port));
  const agent = await faulty.world.connectedAgent({ url: `http://127.0.0.1:${proxy.port}` });
  faulty.agents.push(agent);
  await worksAgain(faulty);
  return {
    faulty,
    proxy,
    agent,
    async [Symbol.asyncDispose]() {
      proxy.release();
      await faulty[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const back = `works again within ${seconds(backWithinMs)}, not restarted`;
/** Twice the heartbeat of a second, and what a busy machine takes to say so; tests with a turned clock are exact. */
const noticedWithinMs = 2_000 + 3_000;

suite('the network', { concurrency: 3 }, () => {
  faultRow('a connection is cut with a reset', back, async () => {
    await using behind = await behindProxy();
    const { faulty, proxy, agent } = behind;
    proxy.cut();
    await agent.said('connection closed');
    return `after ${seconds(await worksAgain(faulty))}; ${noneTwice(faulty)}`;
  });

  faultRow('all packets are dropped for 20 s, on new connections too', back, async () => {
    await using behind = await behindProxy();
    const { faulty, proxy, agent } = behind;
    proxy.stall();
    proxy.freezeNew(true);
    await agent.said('the control plane has fallen silent; closing the socket');
    await agent.said('cannot connect to the control plane');
    await new Promise(resolve => setTimeout(resolve, 8_000));
    proxy.freezeNew(false);
    proxy.release();
    return `after ${seconds(await worksAgain(faulty))}; ${noneTwice(faulty)}`;
  });

  const directions: [fault: string, direction: Direction][] = [
    ['the control plane does not hear the delegate', 'up'],
    ['the delegate does not hear the control plane', 'down'],
  ];
  for (const [fault, direction] of directions)
    faultRow(
      `a connection is half-open: ${fault}`,
      `both sides notice within twice the heartbeat; ${back}`,
      async () => {
        await using behind = await behindProxy();
        const { faulty, proxy, agent } = behind;
        const begun = performance.now();
        proxy.halfOpen(direction);
        const noticed = [
          agent.said('connection closed').then(() => performance.now() - begun),
          faulty.world.server.said('delegate disconnected').then(() => performance.now() - begun),
        ];
        const [here = 0, there = 0] = await Promise.all(noticed);
        assert.ok(Math.max(here, there) <= noticedWithinMs, `${here} ms, ${there} ms`);
        const again = seconds(await worksAgain(faulty));
        return `after ${seconds(here)} and ${seconds(there)}; works after ${again}; ${noneTwice(faulty)}`;
      },
    );

  faultRow(
    'a cable is pulled: neither hears the other',
    `noticed by both within twice the heartbeat; ${back}`,
    async () => {
      await using behind = await behindProxy();
      const { faulty, proxy, agent } = behind;
      const begun = performance.now();
      proxy.freeze();
      await Promise.all([agent.said('connection closed'), faulty.world.server.said('delegate disconnected')]);
      const noticedMs = performance.now() - begun;
      assert.ok(noticedMs <= noticedWithinMs, `${noticedMs} ms`);
      return `after ${seconds(noticedMs)}; works after ${seconds(await worksAgain(faulty))}; ${noneTwice(faulty)}`;
    },
  );

  faultRow(
    'a reset comes in the middle of a value',
    `the caller is told that it failed; ${back}`,
    async () => {
      await using behind = await behindProxy();
      const { faulty, proxy } = behind;
      const { secret } = await faulty.world.script('secret=$(head -c 700000 /dev/zero | tr "\\0" x)');
      proxy.cutAfter(300_000, 'up');
      const { value, reason } = await fetchOnce(faulty.world, secret);
      assert.deepEqual([value, reason], [undefined, 'delegate-lost']);
      return `${reason}; works after ${seconds(await worksAgain(faulty))}; ${noneTwice(faulty)}`;
    },
  );

  faultRow('a slow line: 200 kB/s', 'a value of 500 kB arrives whole, and the connection stays', async () => {
    await using behind = await behindProxy([]);
    const { faulty, proxy, agent } = behind;
    const { secret } = await faulty.world.script('secret=$(head -c 500000 /dev/zero | tr "\\0" x)');
    proxy.throttle(200_000);
    const begun = performance.now();
    const { value } = await fetchOnce(faulty.world, secret);
    assert.equal(value?.length, 500_000);
    assert.equal(agent.lines().filter(({ msg }) => msg === 'connection closed').length, 0);
    return `it did, after ${seconds(performance.now() - begun)}`;
  });

  faultRow(
    'a line with a delay of 0.4 s each way',
    'fetches take longer, and the connection stays',
    async () => {
      await using behind = await behindProxy([]);
      const { faulty, proxy, agent } = behind;
      proxy.delay(400);
      const begun = performance.now();
      assert.equal((await fetchOnce(faulty.world, faulty.quick)).value, 'v');
      assert.equal(agent.lines().filter(({ msg }) => msg === 'connection closed').length, 0);
      return `a fetch took ${seconds(performance.now() - begun)}`;
    },
  );

  faultRow(
    'connections get through in another order than they were made',
    'every delegate is let in once',
    async () => {
      await using faulty = await faultyWorld();
      await using proxy = await faultProxy(Number(new URL(faulty.world.url).port));
      proxy.hold();
      const url = `http://127.0.0.1:${proxy.port}`;
      const names = ['one', 'two', 'three'];
      for (const name of names) faulty.agents.push(await faulty.world.agent({ name, url }));
      await becomesTrue(() => proxy.connections() === names.length);
      proxy.letThroughReversed();
      for (const agent of faulty.agents) await agent.said('connected to the control plane');
      const listed: unknown[] = JSON.parse(
        (await faulty.world.legate(['get', 'delegates', '--json'])).out.toString(),
      );
      assert.equal(listed.length, names.length);
      await worksAgain(faulty);
      await Promise.all(faulty.agents.map(agent => agent.stop()));
      return `${listed.length} of ${names.length} are there; ${noneTwice(faulty)}`;
    },
  );

  faultRow(
    'the way to the control plane takes nothing more',
    `the connection is given up; ${back}`,
    async () => {
      await using behind = await behindProxy();
      const { faulty, proxy, agent } = behind;
      const { secret } = await faulty.world.script('secret=$(head -c 1000000 /dev/zero | tr "\\0" x)');
      proxy.stall('up');
      const lost = Promise.all([1, 2, 3].map(() => fetchOnce(faulty.world, secret)));
      await agent.said('connection closed');
      proxy.release();
      const works = seconds(await worksAgain(faulty));
      const told = new Set((await lost).map(({ value, reason }) => reason ?? `${value?.length} bytes`));
      return `works after ${works}; callers got: ${[...told].join(', ')}; ${noneTwice(faulty)}`;
    },
  );
});
