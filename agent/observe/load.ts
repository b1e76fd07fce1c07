/** How much of its memory and CPU is in use: of its control group where that has limits, else of the machine. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';

export interface Usage {
  /** Percent of what may be used. */
  readonly memory: number;
  /** Percent of what may be used, since the look before; undefined at the first one. */
  readonly cpu: number | undefined;
}

/** The text of a file; undefined where there is none. */
export type Read = (path: string) => string | undefined;

/** Looks at both layouts of control groups. The returned function is to be called now and then. */
export function usageMeter(read: Read = readText, now: () => number = () => performance.now()): () => Usage {
  const group = controlGroup(read);
  let before: { readonly at: number; readonly used: number } | undefined;
  return () => {
    const at = now();
    const { used, of } = group.cpuMs() ?? machineCpuMs();
    const cpu = before && at > before.at ? ((used - before.used) / ((at - before.at) * of)) * 100 : undefined;
    before = { at, used };
    return { memory: group.memory() ?? (1 - freemem() / totalmem()) * 100, cpu };
  };
}

interface ControlGroup {
  memory(): number | undefined;
  /** Milliseconds of CPU used so far, and how many of them there are in a millisecond. */
  cpuMs(): { readonly used: number; readonly of: number } | undefined;
}

const root = '/sys/fs/cgroup';
const noLimit = 2 ** 60;

function controlGroup(read: Read): ControlGroup {
  const number = (path: string) => {
    const text = read(path)?.trim();
    return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
  };
  const field = (path: string, name: string) => {
    const value = new RegExp(`^${name} ([0-9]+)$`, 'm').exec(read(path) ?? '')?.[1];
    return value === undefined ? undefined : Number(value);
  };
  /** What of it is only a copy of files is given up as soon as somebody needs it. */
  const percent = (used: number | undefined, limit: number | undefined, files = 0) =>
    used === undefined || limit === undefined || limit >= noLimit
      ? undefined
      : (Math.max(0, used - files) / limit) * 100;

  const path = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '';
  const two = [`${root}${path === '/' ? '' : path}`, root].find(
    folder => read(`${folder}/memory.current`) !== undefined,
  );
  if (two !== undefined) {
    return {
      memory: () =>
        percent(
          number(`${two}/memory.current`),
          number(`${two}/memory.max`),
          field(`${two}/memory.stat`, 'inactive_file'),
        ),
      cpuMs() {
        const used = field(`${two}/cpu.stat`, 'usage_usec');
        const [quota, period] = (read(`${two}/cpu.max`) ?? '').trim().split(' ').map(Number);
        return used === undefined || !quota || !period
          ? undefined
          : { used: used / 1_000, of: quota / period };
      },
    };
  }
  return {
    memory: () =>
      percent(
        number(`${root}/memory/memory.usage_in_bytes`),
        number(`${root}/memory/memory.limit_in_bytes`),
        field(`${root}/memory/memory.stat`, 'total_inactive_file'),
      ),
    cpuMs() {
      const used = number(`${root}/cpuacct/cpuacct.usage`);
      const quota = number(`${root}/cpu/cpu.cfs_quota_us`);
      const period = number(`${root}/cpu/cpu.cfs_period_us`);
      return used === undefined || !quota || !period
        ? undefined
        : { used: used / 1_000_000, of: quota / period };
    },
  };
}

function machineCpuMs() {
  const used = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { used, of: availableParallelism() };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
