// Programs that are stopped, killed, started anew or in the way of each other.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'node:test';
import { WebSocket } from 'ws';
import { delegatePath, subprotocol } from '../../protocol/index.ts';
import { hello } from '../harness/agent-session.ts';
import {
  backWithinMs,
  type FaultyWorld,
  faultRow,
  faultyWorld,
  fetchOnce,
  linesIn,
  noneTwice,
  seconds,
  worksAgain,
} from '../harness/fault-matrix.ts';
import { appears, becomesTrue, ends } from '../harness/world.ts';

const back = `works again within ${seconds(backWithinMs)}, not restarted`;
const frozenMs = 90_000;

/** A script that notes each of its runs in `file`, and ends only where `go` is there. */
const patient = (file: string, go: string) =>
  `echo $$ >>'${file}'; until [ -e '${go}' ]; do sleep 0.1; done; secret=done`;

async function withAgents(args: readonly string[] | undefined, ...names: string[]): Promise<FaultyWorld> {
  const faulty = await faultyWorld(args);
  for (const name of names) faulty.agents.push(await faulty.world.connectedAgent({ name }));
  await worksAgain(faulty);
  return faulty;
}

suite('processes', { concurrency: 3 }, () => {
  faultRow(
    'the control plane is frozen for 90 s (SIGSTOP) and goes on',
    `every delegate ${back}; the fetch under way is answered, on a second attempt`,
    async () => {
      await using faulty = await withAgents([], 'one', 'two', 'three');
      const { world, agents } = faulty;
      const [runs, go] = [join(world.folder, 'patient'), join(world.folder, 'go')];
      const { secret } = await world.script(patient(runs, go), { timeout: 600 });
      const fetching = fetchOnce(world, secret);
      await appears(runs);
      const before = agents.map(connectedTimes);
      const { pid } = world.server;
      process.kill(pid, 'SIGSTOP');
      await new Promise(resolve => setTimeout(resolve, frozenMs));
      process.kill(pid, 'SIGCONT');
      const begun = performance.now();
      await becomesTrue(() => agents.every((agent, at) => connectedTimes(agent) > (before[at] ?? 0)));
      const againMs = performance.now() - begun;
      assert.ok(againMs <= backWithinMs, `${againMs} ms`);
      await worksAgain(faulty);
      const touched = await world.script(`: >'${go}'; secret=v`);
      await fetchOnce(world, touched.secret);
      const { value, attempt } = await fetching;
      assert.deepEqual([value, attempt], ['done', 2]);
      assert.equal(linesIn(runs), 2, 'run once for each attempt');
      return `all back after ${seconds(againMs)}; attempt ${attempt} answered; ${noneTwice(faulty, 3)}`;
    },
    { timeoutMs: 240_000 },
  );

  faultRow(
    'the control plane freezes for less than twice the heartbeat',
    'no delegate is lost, the fetch under way is answered on its first attempt',
    async () => {
      await using faulty = await withAgents([], 'one', 'two');
      const { world, agents } = faulty;
      const [runs, go] = [join(world.folder, 'patient'), join(world.folder, 'go')];
      const { secret } = await world.script(patient(runs, go), { timeout: 60 });
      const fetching = fetchOnce(world, secret);
      await appears(runs);
      world.server.signal('SIGSTOP');
      await new Promise(resolve => setTimeout(resolve, 9_000));
      world.server.signal('SIGCONT');
      await worksAgain(faulty);
      await fetchOnce(world, (await world.script(`: >'${go}'; secret=v`)).secret);
      const { value, attempt } = await fetching;
      assert.deepEqual([value, attempt], ['done', 1]);
      assert.deepEqual(agents.map(connectedTimes), [1, 1]);
      return `none was lost; ${noneTwice(faulty, 2)}`;
    },
  );

  for (const how of ['SIGKILL', 'SIGTERM'] as const)
    faultRow(
      `the control plane is restarted (${how}) while fetches run`,
      `callers are told, and their scripts end; every delegate ${back}; asked again, each fetch is answered`,
      async () => {
        await using faulty = await withAgents(undefined, 'one', 'two');
        const { world } = faulty;
        const [runs, go] = [join(world.folder, 'patient'), join(world.folder, 'go')];
        const { secret } = await world.script(patient(runs, go));
        const asked = [1, 2, 3].map(() =>
          fetchOnce(world, secret).then(
            ({ value, reason }) => value ?? reason,
            () => 'connection closed',
          ),
        );
        await becomesTrue(() => linesIn(runs) === 3);
        await world.restartServer(how);
        const works = await worksAgain(faulty);
        for (const told of await Promise.all(asked)) assert.notEqual(told, 'done');
        for (const pid of pids(runs)) await ends(pid);
        await fetchOnce(world, (await world.script(`: >'${go}'; secret=v`)).secret);
        for (let n = 0; n < 3; n += 1) assert.equal((await fetchOnce(world, secret)).value, 'done');
        assert.equal(linesIn(runs), 6);
        return `works after ${seconds(works)}; 3 of 3 answered when asked again; ${noneTwice(faulty, 7)}`;
      },
    );

  faultRow(
    'a delegate is killed (SIGKILL) in the middle of a task',
    'another one takes over as attempt 2',
    async () => {
      await using faulty = await withAgents(undefined, 'one');
      const { world } = faulty;
      const [runs, go] = [join(world.folder, 'patient'), join(world.folder, 'go')];
      const { secret } = await world.script(patient(runs, go));
      const fetching = fetchOnce(world, secret);
      await appears(runs);
      const second = await world.connectedAgent({ name: 'two' });
      const [first] = faulty.agents.splice(0, 1, second);
      first?.signal('SIGKILL');
      await becomesTrue(() => linesIn(runs) === 2);
      const [orphan = 0] = pids(runs);
      process.kill(-orphan, 'SIGKILL');
      await fetchOnce(world, (await world.script(`: >'${go}'; secret=v`)).secret);
      const { value, attempt } = await fetching;
      assert.deepEqual([value, attempt], ['done', 2]);
      return `answered by attempt ${attempt}`;
    },
  );

  faultRow(
    'a delegate sleeps for 25 s (SIGSTOP) and goes on, as a laptop does',
    `it is given up meanwhile; ${back}`,
    async () => {
      await using faulty = await withAgents([], 'one');
      const { world, agents } = faulty;
      agents[0]?.signal('SIGSTOP');
      await world.server.said('delegate disconnected');
      await new Promise(resolve => setTimeout(resolve, 5_000));
      agents[0]?.signal('SIGCONT');
      return `works after ${seconds(await worksAgain(faulty))}; ${noneTwice(faulty)}`;
    },
  );

  faultRow(
    'the same instance connects twice',
    'the older connection is closed with 4409, and one delegate is there',
    async () => {
      await using faulty = await faultyWorld();
      const { world } = faulty;
      const headers = { authorization: `Bearer ${await world.token('twice')}` };
      const url = new URL(delegatePath, world.url.replace('http', 'ws'));
      const join = () => {
        const socket = new WebSocket(url, subprotocol, { headers });
        socket.once('open', () => socket.send(JSON.stringify(hello)));
        return new Promise<WebSocket>(resolve => socket.once('message', () => resolve(socket)));
      };
      const older = await join();
      const closed = new Promise(resolve => older.once('close', resolve));
      const newer = await join();
      const code = await closed;
      assert.equal(code, 4409);
      const listed: unknown[] = JSON.parse(
        (await world.legate(['get', 'delegates', '--json'])).out.toString(),
      );
      newer.terminate();
      assert.equal(listed.length, 1);
      return `closed with ${String(code)}; ${listed.length} delegate`;
    },
  );
});

const pids = (file: string) => readFileSync(file, 'utf8').trim().split('\n').map(Number);

function connectedTimes(agent: { lines(): readonly Readonly<Record<string, unknown>>[] }): number {
  return agent.lines().filter(({ msg }) => msg === 'connected to the control plane').length;
}
