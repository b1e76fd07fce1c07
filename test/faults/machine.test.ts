// What happens around the delegate and its control plane: names, clocks, packets.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'node:test';
import {
  backWithinMs,
  faultRow,
  faultyWorld,
  noneTwice,
  seconds,
  worksAgain,
} from '../harness/fault-matrix.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { nameServer } from '../harness/name-server.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { becomesTrue } from '../harness/world.ts';

const back = `works again within ${seconds(backWithinMs)}, not restarted`;

function refusal(command: string): string | undefined {
  const { status, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
  return status === 0 ? undefined : `this machine refuses "${command}": ${stderr.trim()}`;
}

const noMount = refusal('unshare --mount true && [ "$(id -u)" = 0 ]');
const noNetwork = refusal(
  `ip netns add legate-probe-${process.pid} && ip netns del legate-probe-${process.pid}`,
);
const [fakeTime] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');

suite('the machine', { concurrency: 3 }, () => {
  for (const how of ['with a failure', 'not at all'] as const)
    faultRow(
      `the connection is cut, and for 15 s the name server answers ${how}`,
      back,
      async () => {
        await using names = await nameServer();
        await using faulty = await faultyWorld();
        const { world } = faulty;
        await using proxy = await faultProxy(Number(new URL(world.url).port));
        const [resolver, hosts] = [join(world.folder, 'resolv.conf'), join(world.folder, 'hosts')];
        writeFileSync(resolver, `nameserver ${names.address}\n`);
        writeFileSync(hosts, '127.0.0.1 localhost\n');
        const mounts = `mount --bind '${resolver}' /etc/resolv.conf && mount --bind '${hosts}' /etc/hosts && exec "$@"`;
        const agent = await world.connectedAgent({
          url: `http://legate.test:${proxy.port}`,
          within: ['unshare', '--mount', 'bash', '-c', mounts, 'in'],
        });
        faulty.agents.push(agent);
        await worksAgain(faulty);
        names.answer(how);
        proxy.cut();
        await agent.said('cannot connect to the control plane');
        await new Promise(resolve => setTimeout(resolve, 15_000));
        names.answer('well');
        const works = seconds(await worksAgain(faulty));
        await agent.stop();
        return `works after ${works}; ${noneTwice(faulty)}`;
      },
      { skip: noMount },
    );

  faultRow(
    'the clocks of both sides jump, a minute ahead and two back',
    'no connection is lost, and fetches go on',
    async () => {
      using clock = fakeTimeFile();
      const env = {
        LD_PRELOAD: fakeTime ?? '',
        FAKETIME_TIMESTAMP_FILE: clock.path,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      };
      await using faulty = await faultyWorld(['--heartbeat', '3'], env);
      const agent = await faulty.world.connectedAgent({ env });
      faulty.agents.push(agent);
      await worksAgain(faulty);
      const jumps: number[] = [];
      for (const jump of ['+60', '-60']) {
        clock.set(jump);
        const lines = agent.lines().length;
        await worksAgain(faulty);
        await becomesTrue(() => agent.lines().length > lines);
        jumps.push(Math.round((Number(agent.lines().at(-1)?.time) - Date.now()) / 1_000));
        // Twice the heartbeat and more, after which a silence would have been noticed.
        await new Promise(resolve => setTimeout(resolve, 7_000));
      }
      assert.ok(Math.abs((jumps[0] ?? 0) - 60) < 20 && Math.abs((jumps[1] ?? 0) + 60) < 20, jumps.join());
      await worksAgain(faulty);
      assert.equal(agent.lines().filter(({ msg }) => msg === 'connection closed').length, 0);
      return `none was lost; ${noneTwice(faulty)}`;
    },
    { skip: fakeTime === undefined ? 'there is no libfaketime here' : undefined },
  );

  faultRow(
    'a firewall drops every packet for 20 s, without a word',
    back,
    async () => {
      await using network = await ownNetwork();
      await using faulty = await faultyWorld();
      const { world } = faulty;
      await using proxy = await faultProxy(Number(new URL(world.url).port), network.here);
      const agent = await world.connectedAgent({
        url: `http://${network.here}:${proxy.port}`,
        within: ['ip', 'netns', 'exec', network.name],
      });
      faulty.agents.push(agent);
      await worksAgain(faulty);
      network.drop(true);
      await agent.said('the control plane has fallen silent; closing the socket');
      await world.server.said('delegate disconnected');
      await new Promise(resolve => setTimeout(resolve, 18_000));
      network.drop(false);
      const works = seconds(await worksAgain(faulty));
      await agent.stop();
      return `works after ${works}; ${noneTwice(faulty)}`;
    },
    { skip: noNetwork },
  );
});

function fakeTimeFile(): Disposable & { path: string; set(offset: string): void } {
  const folder = temporaryFolder();
  const path = folder.file('clock');
  const set = (offset: string) => writeFileSync(path, `${offset}\n`);
  set('+0');
  return {
    path,
    set,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** A network namespace with a line to this one, over which a firewall may drop everything. */
async function ownNetwork(): Promise<
  AsyncDisposable & { name: string; here: string; drop(all: boolean): void }
> {
  const name = `legate-${process.pid}`;
  const [outer, inner] = [`lg${process.pid % 100_000}a`, `lg${process.pid % 100_000}b`];
  const [here, there] = ['198.18.219.1', '198.18.219.2'];
  const run = (command: string) => {
    const { status, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
  };
  run(`ip netns add ${name} && ip -n ${name} link set lo up`);
  run(`ip link add ${outer} type veth peer name ${inner} netns ${name}`);
  run(`ip address add ${here}/30 dev ${outer} && ip link set ${outer} up`);
  run(`ip -n ${name} address add ${there}/30 dev ${inner} && ip -n ${name} link set ${inner} up`);
  return {
    name,
    here,
    drop: all =>
      run(
        all
          ? `ip netns exec ${name} nft 'add table ip t; add chain ip t i { type filter hook input priority 0; policy drop; }; add chain ip t o { type filter hook output priority 0; policy drop; }'`
          : `ip netns exec ${name} nft delete table ip t`,
      ),
    async [Symbol.asyncDispose]() {
      run(`ip netns del ${name}`);
    },
  };
}
