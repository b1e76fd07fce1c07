/** Many delegates that are connected and do nothing but that, in one process; and what a process takes. */
import { readFileSync } from 'node:fs';
import { openSocket } from '../../agent/connection.ts';
import { agentCodec, every, frameText, systemClock } from '../../protocol/index.ts';
import { hello } from './agent-session.ts';

export interface IdleDelegates extends AsyncDisposable {
  readonly count: number;
}

const codec = agentCodec();

/** Resolves when all of them have been let in. */
export async function idleDelegates(url: string, token: string, count: number): Promise<IdleDelegates> {
  const { signal } = new AbortController();
  const closes: (() => Promise<void>)[] = [];
  const one = async (number: number) => {
    const opened = await openSocket({ url: new URL(url.replace(/^http/, 'ws')), token, signal });
    if ('problem' in opened) throw new Error(opened.problem);
    const { socket } = opened;
    const stop = every(systemClock, 10_000, () =>
      socket.send(codec.stringify({ type: 'heartbeat', running: [], draining: false })),
    );
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
    closes.push(async () => {
      stop();
      socket.terminate();
      await closed;
    });
    socket.send(codec.stringify({ ...hello, name: `idle-${number}`, instance: `instance-${number}` }));
    await new Promise<void>((resolve, reject) => {
      socket.once('message', data => {
        const parsed = codec.parse(frameText(data));
        if (parsed.known && parsed.message.type === 'welcome') resolve();
      });
      socket.once('close', (code, reason) => reject(new Error(`closed with ${code} ${reason.toString()}`)));
    });
  };
  // A few at a time, as each is let in at a pace.
  for (let from = 0; from < count; from += 50)
    await Promise.all(Array.from({ length: Math.min(50, count - from) }, (_, at) => one(from + at)));
  return {
    count,
    async [Symbol.asyncDispose]() {
      await Promise.all(closes.map(close => close()));
    },
  };
}

/** The memory that a process has in use, in MiB. */
export function residentMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1_024;
}
