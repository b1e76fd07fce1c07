// What scripts do to the delegate that runs them, and what is left of them.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'node:test';
import {
  backWithinMs,
  faultRow,
  faultyWorld,
  fetchOnce,
  seconds,
  worksAgain,
} from '../harness/fault-matrix.ts';
import { becomesTrue, type World } from '../harness/world.ts';

const back = `works again within ${seconds(backWithinMs)}, not restarted`;

/** A command that makes what it runs process 1, and why that cannot be had here. */
const asProcessOne = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const noNamespace = refusal(asProcessOne);
const noMount = refusal(['unshare', '--mount']);

function refusal(within: readonly string[]): string | undefined {
  const [command = '', ...args] = within;
  const { status, stderr } = spawnSync(command, [...args, 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `the kernel refuses ${within.join(' ')}: ${stderr.trim()}`;
}

/** All processes of a PID namespace, seen from outside: id, state and command. */
function processesOf(namespace: string): { pid: number; state: string; name: string }[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(Number.isInteger)
    .flatMap(pid => {
      try {
        if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return [];
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const state = stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '';
        return [{ pid, state, name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')) }];
      } catch {
        return [];
      }
    });
}

const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

async function fetchMany(world: World, secret: string, count: number): Promise<void> {
  let left = count;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      assert.equal((await fetchOnce(world, secret)).value, 'v');
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
}

const groups = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'];

/** Where a memory control group can be made here, in either layout. */
function memoryRoot(): { root: string; limit: string } | undefined {
  for (const [root, limit] of [
    [groups[0], 'memory.limit_in_bytes'],
    [groups[1], 'memory.max'],
  ] as const) {
    const probe = join(root ?? '', `legate-probe-${process.pid}`);
    try {
      mkdirSync(probe);
      const has = readdirSync(probe).includes(limit);
      rmdirSync(probe);
      if (has && root) return { root, limit };
    } catch {
      // Not here, or not ours.
    }
  }
  return undefined;
}

function noMemoryGroup(): string | undefined {
  return memoryRoot() ? undefined : 'no control group with a limit of memory can be made here';
}

function memoryGroup(mib: number): Disposable & { add(pid: number): void } {
  const found = memoryRoot();
  assert.ok(found);
  const path = join(found.root, `legate-test-${process.pid}`);
  mkdirSync(path);
  writeFileSync(join(path, found.limit), String(mib * 1_048_576));
  return {
    add: pid => writeFileSync(join(path, 'cgroup.procs'), String(pid)),
    [Symbol.dispose]: () => {
      try {
        rmdirSync(path);
      } catch {
        // A process of it may still be ending; an empty group does no harm.
      }
    },
  };
}

suite('scripts', { concurrency: 2 }, () => {
  faultRow(
    '1,000 tasks that fork twice, with the delegate as process 1',
    'no zombie, no orphan, no file, as many descriptors as before',
    async () => {
      await using faulty = await faultyWorld([]);
      const { world } = faulty;
      const agent = await world.connectedAgent({ within: asProcessOne });
      const { secret } = await world.script('(setsid sleep 300 &); (sleep 0.01 &) ; touch left; secret=v');
      await fetchMany(world, secret, 16);
      const child = execFileSync('pgrep', ['-P', String(agent.pid)], { encoding: 'utf8' });
      const namespace = readlinkSync(`/proc/${child.trim()}/ns/pid`);
      const isAgent = ({ name }: { name: string }) => /^(node|MainThread)/.test(name);
      const node = processesOf(namespace).find(isAgent);
      assert.ok(node);
      // Process 1, the agent, and the shell that waits for the next task.
      const isTidy = () => {
        const processes = processesOf(namespace);
        return processes.length <= 3 && processes.every(({ state }) => state !== 'Z');
      };
      await becomesTrue(isTidy, 'what the first scripts left is still there');
      const before = descriptors(node.pid);
      const begun = performance.now();
      await fetchMany(world, secret, 1_000);
      const spent = seconds(performance.now() - begun);
      await becomesTrue(isTidy, JSON.stringify(processesOf(namespace)));
      await becomesTrue(() => descriptors(node.pid) <= before, `${descriptors(node.pid)} of ${before}`);
      const [runs = ''] = readdirSync(join(world.folder, 'work-0'));
      assert.ok(readdirSync(join(world.folder, 'work-0', runs)).length <= 1);
      const after = descriptors(node.pid);
      process.kill(Number(child), 'SIGTERM');
      assert.equal((await agent.ended).code, 0);
      assert.deepEqual(readdirSync(join(world.folder, 'work-0')), []);
      return `none in ${spent}; ${before} descriptors, then ${after}; SIGTERM to process 1 ends it with 0`;
    },
    { skip: noNamespace, timeoutMs: 240_000 },
  );

  faultRow(
    'a script takes more memory than its limit (LEGATE_TASK_MEMORY)',
    'it fails, which is told in words, and the delegate goes on',
    async () => {
      await using faulty = await faultyWorld([]);
      const { world } = faulty;
      faulty.agents.push(await world.connectedAgent({ args: ['--task-memory', '64'] }));
      const { secret } = await world.script('secret=$(head -c 200M /dev/zero | tr "\\0" x)');
      const { code, err } = await world.legate(['secret', 'get', secret]);
      assert.equal(code, 1);
      assert.match(err, /^script-failed: /);
      assert.match(err, /cannot allocate/);
      const told = /cannot allocate .*/.exec(err)?.[0];
      return `"${told}"; works after ${seconds(await worksAgain(faulty))}`;
    },
  );

  faultRow(
    'a script takes all the memory of its control group',
    'the kernel kills the script and not the delegate; the failure says so',
    async () => {
      await using faulty = await faultyWorld([]);
      const { world } = faulty;
      const agent = await world.connectedAgent();
      faulty.agents.push(agent);
      using group = memoryGroup(256);
      group.add(agent.pid);
      await worksAgain(faulty); // The shell that waited was started outside of the group.
      const { secret } = await world.script('x=x; while :; do x=$x$x; done; secret=v', { timeout: 60 });
      const { code, err } = await world.legate(['secret', 'get', secret]);
      assert.equal(code, 1);
      assert.match(err, /^script-failed: .*SIGKILL, as the system does when memory runs out/s);
      const works = seconds(await worksAgain(faulty));
      await agent.stop();
      return `the script was ended by SIGKILL; works after ${works}`;
    },
    { skip: noMemoryGroup() },
  );

  faultRow(
    'no bash on the delegate',
    `each fetch says "shell-missing"; the delegate ${back} when it is there again`,
    async () => {
      await using faulty = await faultyWorld([]);
      const { world } = faulty;
      const bin = join(world.folder, 'bin');
      mkdirSync(bin);
      faulty.agents.push(await world.connectedAgent({ env: { PATH: bin } }));
      const { reason } = await fetchOnce(world, faulty.quick);
      assert.equal(reason, 'shell-missing');
      const bash = execFileSync('bash', ['-c', 'type -P bash'], { encoding: 'utf8' }).trim();
      execFileSync('ln', ['-s', bash, join(bin, 'bash')]);
      return `${reason}; works after ${seconds(await worksAgain(faulty))}`;
    },
  );

  faultRow(
    'the disk of the working directories is full',
    `each fetch that writes fails in words; the delegate ${back} when there is room`,
    async () => {
      await using faulty = await faultyWorld([]);
      const { world } = faulty;
      const disk = join(world.folder, 'disk');
      mkdirSync(disk);
      const mount = `mount -t tmpfs -o size=64k,nr_inodes=40 none '${disk}' && exec "$@"`;
      const within = ['unshare', '--mount', 'bash', '-c', mount, 'in'];
      const agent = await world.connectedAgent({ within, args: ['--work-dir', disk] });
      faulty.agents.push(agent);
      const inside = `/proc/${agent.pid}/root${disk}`;
      for (let n = 0; ; n += 1) {
        try {
          writeFileSync(join(inside, `filler-${n}`), '');
        } catch {
          break;
        }
      }
      // The one shell that waits has its folder already.
      const { secret } = await world.script('sleep 1; secret=v');
      const told = await Promise.all([1, 2, 3].map(() => fetchOnce(world, secret)));
      const reasons = told.map(({ reason }) => reason ?? 'value');
      assert.ok(reasons.includes('internal'), reasons.join());
      execFileSync('bash', ['-c', `rm -f '${inside}'/filler-*`]);
      return `${reasons.join(', ')}; works after ${seconds(await worksAgain(faulty))}`;
    },
    { skip: noMount },
  );

  faultRow(
    'the delegate may open no more files',
    'what is too much fails in words or waits; the rest goes on, and so does the delegate',
    async () => {
      await using faulty = await faultyWorld([]);
      const { world } = faulty;
      // Bash keeps the value on descriptor 190.
      const within = ['bash', '-c', 'ulimit -n 200; exec "$@"', 'in'];
      faulty.agents.push(await world.connectedAgent({ within, args: ['--max-tasks', '100'] }));
      const { secret } = await world.script('sleep 3; secret=v', { timeout: 60 });
      const told = await Promise.all(Array.from({ length: 90 }, () => fetchOnce(world, secret)));
      const reasons = told.map(({ value, reason }) => (value === 'v' ? 'value' : reason));
      assert.ok(reasons.includes('value') && reasons.includes('internal'), reasons.join());
      const counts = `${reasons.filter(reason => reason === 'value').length} of 90 values`;
      return `${counts}, else "internal"; works after ${seconds(await worksAgain(faulty))}`;
    },
  );
});
