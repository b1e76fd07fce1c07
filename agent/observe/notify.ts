/**
 * Tells systemd how the agent is (Type=notify, WatchdogSec=). Node has no Unix datagram sockets, so that a small
 * program of systemd's says it: a few times in a process's life, and at half of the watchdog's time.
 */
import { execFile } from 'node:child_process';
import { type Clock, every, systemClock } from '../../protocol/index.ts';

export interface NotifyOptions {
  /** The process environment: whether there is somebody to tell is in it. */
  readonly env: NodeJS.ProcessEnv;
  readonly pid?: number;
  readonly isStuck: () => boolean;
  readonly failed: (problem: string) => void;
  /** Real time: the watchdog's is. */
  readonly clock?: Clock;
}

export interface Notify {
  /** What happens now, in words for `systemctl status`. */
  status(text: string): void;
  /** It has started: the service counts as up. */
  readonly ready: () => void;
  readonly stopping: () => void;
  close(): void;
}

const silent: Notify = { status() {}, ready() {}, stopping() {}, close() {} };

export function createNotify({ env, isStuck, failed, ...options }: NotifyOptions): Notify {
  const { pid = process.pid, clock = systemClock } = options;
  const socket = env.NOTIFY_SOCKET;
  if (!socket) return silent;
  let told = false;
  /** One after the other, so that they arrive in order. */
  let line: Promise<void> = Promise.resolve();
  const say = (...states: string[]) => {
    line = line
      .then(() => tell(socket, env.PATH ?? '', states))
      .catch((error: Error) => {
        if (!told) failed(error.message);
        told = true;
      });
  };
  const periodMs = watchdogMs(env, pid) / 2;
  const stop = periodMs > 0 ? every(clock, periodMs, () => isStuck() || say('WATCHDOG=1')) : () => {};
  return {
    status: text => say(`STATUS=${text}`),
    ready: () => say('READY=1', 'STATUS=started; connecting to the control plane'),
    stopping: () => say('STOPPING=1', 'STATUS=finishing what runs'),
    close: stop,
  };
}

/** How often systemd wants to hear from this process; 0: it does not. */
function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number {
  const isOurs = !env.WATCHDOG_PID || env.WATCHDOG_PID === String(pid);
  const given = Number(env.WATCHDOG_USEC);
  return isOurs && given > 0 ? given / 1_000 : 0;
}

function tell(socket: string, path: string, states: readonly string[]): Promise<void> {
  const env = { NOTIFY_SOCKET: socket, PATH: path };
  return new Promise((resolve, reject) =>
    execFile('systemd-notify', states, { env, timeout: 10_000 }, error =>
      error ? reject(error) : resolve(),
    ),
  );
}
