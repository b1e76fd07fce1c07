import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usageMeter } from './load.ts';

/** Files as a control group has them. */
function open(files: Record<string, string>) {
  let now = 1_000;
  const meter = usageMeter(
    path => files[path],
    () => now,
  );
  return {
    files,
    look: (afterMs = 0) => {
      now += afterMs;
      const { memory, cpu } = meter();
      return [Math.round(memory), cpu === undefined ? undefined : Math.round(cpu)];
    },
  };
}

const v2 = (folder: string) => ({
  '/proc/self/cgroup': `0::${folder}\n`,
  [`/sys/fs/cgroup${folder}/memory.current`]: '900\n',
  [`/sys/fs/cgroup${folder}/memory.max`]: '1000\n',
  [`/sys/fs/cgroup${folder}/memory.stat`]: 'anon 500\ninactive_file 400\n',
  [`/sys/fs/cgroup${folder}/cpu.max`]: '50000 100000\n',
  [`/sys/fs/cgroup${folder}/cpu.stat`]: 'usage_usec 1000000\nuser_usec 1\n',
});

test('the limits of a control group count, copies of files do not', () => {
  const folder = '/system.slice/legate-agent.service';
  const { files, look } = open(v2(folder));
  assert.deepEqual(look(), [50, undefined]);
  files[`/sys/fs/cgroup${folder}/cpu.stat`] = 'usage_usec 1250000\n';
  files[`/sys/fs/cgroup${folder}/memory.current`] = '1300\n';
  assert.deepEqual(look(1_000), [90, 50]);
});

test('a container sees its own group at the top', () => {
  const files = Object.fromEntries(
    Object.entries(v2('/x')).map(([path, text]) => [path.replace('cgroup/x/', 'cgroup/'), text]),
  );
  assert.deepEqual(open({ ...files, '/proc/self/cgroup': '0::/../x\n' }).look(), [50, undefined]);
});

test('the older layout is read too', () => {
  const { files, look } = open({
    '/proc/self/cgroup': '4:memory:/docker/x\n',
    '/sys/fs/cgroup/memory/memory.usage_in_bytes': '800\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1000\n',
    '/sys/fs/cgroup/memory/memory.stat': 'total_inactive_file 50\n',
    '/sys/fs/cgroup/cpuacct/cpuacct.usage': '0\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  });
  assert.deepEqual(look(), [75, undefined]);
  files['/sys/fs/cgroup/cpuacct/cpuacct.usage'] = '1500000000\n';
  assert.deepEqual(look(1_000), [75, 75]);
});

test("without limits it is the machine's", () => {
  const unlimited = {
    ...v2('/x'),
    '/sys/fs/cgroup/x/memory.max': 'max\n',
    '/sys/fs/cgroup/x/cpu.max': 'max 1\n',
  };
  for (const files of [{}, unlimited] satisfies Record<string, string>[]) {
    const meter = usageMeter(path => new Map<string, string>(Object.entries(files)).get(path));
    const [first, second] = [meter(), meter()];
    assert.equal(first.cpu, undefined);
    assert.ok(first.memory > 0 && first.memory < 100, `${first.memory}`);
    assert.ok(second.cpu === undefined || second.cpu >= 0);
  }
});
