/** Many delegates that poll, in one process: they take tasks and fail each of them at once. */
import { openPolling } from '../../agent/polling-channel.ts';
import {
  agentCodec,
  type Channel,
  every,
  frameText,
  generateSealingKeys,
  systemClock,
} from '../../protocol/index.ts';

export interface Pollers extends AsyncDisposable {
  /** How many tasks they have had. */
  tasks(): number;
}

const codec = agentCodec();

export async function startPollers(url: string, token: string, count: number): Promise<Pollers> {
  const { publicKey } = await generateSealingKeys();
  const { signal } = new AbortController();
  let tasks = 0;
  const one = async (index: number) => {
    const options = { url: new URL(url.replace('http', 'ws')), token, clock: systemClock, signal };
    const opened = await openPolling(options);
    if ('problem' in opened) throw new Error(opened.problem);
    const { socket } = opened;
    socket.on('message', data => {
      const parsed = codec.parse(frameText(data));
      if (!parsed.known || parsed.message.type !== 'task') return;
      tasks += 1;
      const { task, attempt } = parsed.message;
      socket.send(codec.stringify({ type: 'accepted', task, attempt }));
      socket.send(codec.stringify({ type: 'failed', task, attempt, reason: 'empty-value', durationMs: 0 }));
    });
    const hello = { hostName: 'host', agentVersion: '0', tags: [], capacity: 1, shells: ['bash'], publicKey };
    const who = { name: `poller-${index}`, instance: `instance-${index}` };
    socket.send(codec.stringify({ type: 'hello', ...who, ...hello }));
    const stop = every(systemClock, 10_000, () =>
      socket.send(codec.stringify({ type: 'heartbeat', running: [], draining: false })),
    );
    socket.once('close', stop);
    return socket;
  };
  const sockets: Channel[] = await Promise.all(Array.from({ length: count }, (_, index) => one(index)));
  return {
    tasks: () => tasks,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.terminate();
    },
  };
}
