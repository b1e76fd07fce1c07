/** One session of an agent against a control plane that a test plays. */
import type { WebSocket } from 'ws';
import { openSocket } from '../../agent/connection.ts';
import type { RunBounds } from '../../agent/execute/execution.ts';
import { createInbox, type Inbox } from '../../agent/inbox.ts';
import type { Outcome, SendLog } from '../../agent/run-task.ts';
import { type Session, startSession } from '../../agent/session.ts';
import { tokenExchange } from '../../agent/token-exchange.ts';
import { givenToken } from '../../agent/token-source.ts';
import type { Hello, Task } from '../../protocol/index.ts';
import { FakeClock } from './fake-clock.ts';
import { type MemoryLogger, memoryLogger } from './memory-logger.ts';
import { type Peer, startScriptedControlPlane } from './scripted-control-plane.ts';
import { aTask } from './task.ts';

export const hello: Hello = {
  type: 'hello',
  name: 'delegate',
  instance: 'instance-1',
  hostName: 'host',
  agentVersion: '0.0.0',
  tags: ['vault', 'eu'],
  capacity: 2,
  shells: ['bash'],
  publicKey: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) },
};

/** An outcome with a value of so many chunks. */
export function success(chunks: number, log = ''): Outcome {
  const values = Array.from({ length: chunks }, (_, seq) => ({
    seq,
    final: seq === chunks - 1,
    sealed: `${seq}.b.c.d.e`,
  }));
  return { ok: true, chunks: iterate(values), durationMs: 7, log };
}

export async function* iterate<T>(things: Iterable<T>): AsyncGenerator<T> {
  for (const thing of things) yield thing;
}

/** A run of a task that a test brings to its end. */
export interface Run {
  readonly task: Task;
  readonly bounds: RunBounds;
  readonly sendLog: SendLog;
  end(outcome: Outcome): void;
  fail(error: Error): void;
}

export interface AgentSession extends AsyncDisposable {
  /** The first message. */
  readonly heard: Hello;
  readonly session: Session;
  readonly socket: WebSocket;
  readonly peer: Peer;
  readonly clock: FakeClock;
  readonly inbox: Inbox;
  readonly log: MemoryLogger;
  /** The runs that have begun, in order. */
  readonly runs: Run[];
  readonly welcomes: () => number;
  /** Hands a task in and waits until it runs. */
  give(task?: Task): Promise<Run>;
}

/** Opens a session. Its first message has been heard; it was not answered yet. */
export async function openSession(options: { capacity?: number; inbox?: Inbox } = {}): Promise<AgentSession> {
  const server = await startScriptedControlPlane();
  const { signal } = new AbortController();
  const opened = await openSocket({ url: server.url, token: 'token', signal });
  if ('problem' in opened) throw new Error(opened.problem);
  const { socket } = opened;
  const clock = new FakeClock();
  const log = memoryLogger();
  const { capacity = hello.capacity, inbox = createInbox(capacity) } = options;
  const runs: Run[] = [];
  let welcomes = 0;
  const session = startSession(socket, {
    hello,
    inbox,
    clock,
    logger: log.logger,
    runTask: (task, bounds, sendLog) =>
      new Promise((end, fail) => {
        runs.push({ task, bounds, sendLog, end, fail });
      }),
    forgetCredential: () => {},
    onWelcome() {
      welcomes += 1;
    },
    tokens: send => tokenExchange({ source: givenToken('token'), send, logger: log.logger }),
  });
  const peer = await server.connection();
  const heard = await peer.next('hello');
  return {
    heard,
    session,
    socket,
    peer,
    clock,
    inbox,
    log,
    runs,
    welcomes: () => welcomes,
    async give(task = aTask()) {
      peer.say(task);
      await peer.next('accepted');
      const run = runs.at(-1);
      if (!run) throw new Error('the task was accepted, but does not run');
      return run;
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
      for (const run of runs) run.end({ ok: false, reason: 'cancelled', durationMs: 0, log: '' });
      await session.ended;
      clock.assertNoTimers();
      await server[Symbol.asyncDispose]();
    },
  };
}
