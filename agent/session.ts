/** One connection's life: hello, welcome, then tasks in and reports out until the socket closes. */
import {
  agentCodec,
  type Channel,
  type Clock,
  closeCode,
  every,
  frameText,
  type Hello,
  limits,
  livenessMs,
  ProtocolError,
  type Silence,
  sleep,
  type Task,
  type TaskIdentity,
  type ToControlPlane,
  type TokenReport,
  watchLiveness,
} from '../protocol/index.ts';
import type { RunBounds } from './execute/execution.ts';
import type { Inbox, RunningTask } from './inbox.ts';
import type { Logger } from './logger.ts';
import type { Outcome, SendLog } from './run-task.ts';
import { pieces } from './script/last-lines.ts';
import type { TokenExchange } from './token-exchange.ts';

export interface SessionOptions {
  readonly hello: Hello;
  readonly inbox: Inbox;
  readonly runTask: (task: Task, bounds: RunBounds, sendLog: SendLog) => Promise<Outcome>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The control plane has let us in. */
  readonly onWelcome: () => void;
  /** It has given a sign of life. */
  readonly onHeard?: () => void;
  /** A task was not taken. */
  readonly onRejected?: (why: string) => void;
  /** A credential has changed, or is gone. */
  readonly forgetCredential: (id: string) => void;
  /** What is to be done with what is said about our token. */
  readonly tokens: (send: (report: TokenReport) => void) => TokenExchange;
}

export interface Session {
  /** Resolves when the socket has closed and nothing of this session runs any more. */
  readonly ended: Promise<void>;
  /** Takes no more tasks, and says so at once. */
  drain(): void;
  /** Somebody has changed our token. */
  presentToken(token: string): void;
  /** Says that all is finished, and closes. */
  leave(): Promise<void>;
}

const codec = agentCodec();

/** How long the control plane may take to answer our hello. */
const welcomeWithinMs = 10_000;
/** How often to ask for a sign of life; sooner where the control plane expects ours sooner. */
const mostPingMs = 10_000;

/** How long may pass until the last word is on its way; a peer that reads nothing would keep us for ever. */
const leaveWithinMs = 2_000;

/** What is said of a task that this agent has called off by itself: a reason that another delegate is asked for. */
function givenBack({ begun }: RunningTask, durationMs: number) {
  const detail = begun
    ? `draining: the delegate stops, and ended the script after ${(durationMs / 1_000).toFixed(1)} s`
    : 'draining: the delegate stops, and had not begun the script';
  return { reason: 'rejected-by-delegate', detail, durationMs } as const;
}

export function startSession(socket: Channel, options: SessionOptions): Session {
  const { inbox, clock, logger } = options;
  const gone = new AbortController();
  const tasks = new Set<Promise<void>>();
  let stopHeartbeat = () => {};
  let stopWatching = () => {};

  /** Resolves when the frame is on its way: awaiting it is what holds a fast sender to a slow reader's pace. */
  async function send(message: ToControlPlane): Promise<void> {
    const frame = codec.stringify(message);
    const sent = new Promise<void>(resolve => socket.send(frame, () => resolve()));
    // Not everything is awaited; a control plane that reads nothing shall not cost us our memory.
    if (socket.bufferedAmount > limits.unread) socket.terminate();
    await sent;
  }

  /** The place is free before the other side hears so: it may fill it at once. */
  function conclude(slot: RunningTask, message: ToControlPlane): Promise<void> {
    slot.done();
    return send(message);
  }

  const tokens = options.tokens(report => void send(report));
  let welcome = false;

  function watch(periodMs: number): void {
    stopWatching();
    const tooQuiet = (why: Silence) =>
      logger.warn(
        why === 'silent'
          ? 'the control plane has fallen silent; closing the socket'
          : 'the control plane does not read what is sent to it; closing the socket',
      );
    stopWatching = watchLiveness(socket, periodMs, clock, tooQuiet, options.onHeard);
  }

  function heartbeat(): void {
    void send({ type: 'heartbeat', running: inbox.running(), draining: inbox.draining });
  }

  function receive(frame: string): void {
    const parsed = codec.parse(frame);
    if (!parsed.known) return logger.debug('ignored a message of a type that this version does not know');
    const { message } = parsed;
    switch (message.type) {
      case 'welcome':
        welcome = true;
        stopWaiting();
        stopHeartbeat();
        stopHeartbeat = every(clock, message.heartbeatMs, heartbeat);
        watch(livenessMs(socket, Math.min(mostPingMs, message.heartbeatMs)));
        if (inbox.draining) heartbeat();
        return options.onWelcome();
      case 'task':
        return take(message);
      case 'cancel':
        return inbox.cancel(message);
      case 'forget':
        return options.forgetCredential(message.credential);
      case 'drain':
        drain();
        void inbox.idle().then(() => send({ type: 'drained' }));
        return;
      default:
        return tokens.receive(message);
    }
  }

  function take(task: Task): void {
    const id = { task: task.task, attempt: task.attempt };
    const slot = inbox.offer(task);
    if ('why' in slot) {
      logger.info({ ...id, ...slot }, 'task rejected');
      options.onRejected?.(slot.why);
      void send({ type: 'rejected', ...id, ...slot });
      return;
    }
    const work = runAndReport(task, slot, id).finally(() => {
      slot.done();
      tasks.delete(work);
    });
    tasks.add(work);
  }

  async function runAndReport(task: Task, slot: RunningTask, id: TaskIdentity): Promise<void> {
    const log = logger.child({ ...id, ...task.subject });
    log.info('task started');
    void send({ type: 'accepted', ...id });
    // Nobody could be told of the outcome once this connection is gone, so its tasks end with it.
    const signal = AbortSignal.any([slot.signal, gone.signal]);
    try {
      const sendLog: SendLog = text => send({ type: 'log', ...id, text });
      const bounds = { remainingMs: task.remainingMs, signal, onBegin: slot.begin };
      const outcome = await options.runTask(task, bounds, sendLog);
      if (task.logs || task.liveLogs) for (const text of pieces(outcome.log, limits.log)) await sendLog(text);
      const { durationMs } = outcome;
      if (!outcome.ok) {
        const { ok: _ok, log: _log, ...failed } = outcome;
        const failure =
          slot.givenBack && failed.reason === 'cancelled' ? givenBack(slot, durationMs) : failed;
        log.info({ reason: failure.reason, exitCode: failed.exitCode, durationMs }, 'task failed');
        return await conclude(slot, { type: 'failed', ...id, ...failure });
      }
      let chunks = 0;
      for await (const chunk of outcome.chunks) {
        if (signal.aborted) {
          log.info('task cancelled while its value was on its way');
          const cancelled = { reason: 'cancelled', durationMs } as const;
          const failure = slot.givenBack ? givenBack(slot, durationMs) : cancelled;
          return await conclude(slot, { type: 'failed', ...id, ...failure });
        }
        await send({ type: 'value', ...id, ...chunk });
        chunks += 1;
      }
      log.info({ durationMs, ageMs: outcome.ageMs }, 'task succeeded');
      const age = outcome.ageMs === undefined ? {} : { ageMs: outcome.ageMs };
      await conclude(slot, { type: 'succeeded', ...id, chunks, durationMs, ...age });
    } catch (error) {
      log.error({ err: error }, 'task broke the agent');
      await conclude(slot, { type: 'failed', ...id, reason: 'internal', durationMs: 0 });
    }
  }

  function drain(): void {
    inbox.drain();
    heartbeat();
  }

  const ended = new Promise<void>(resolve => socket.once('close', () => resolve())).then(async () => {
    stopWaiting();
    stopHeartbeat();
    stopWatching();
    gone.abort();
    await Promise.all(tasks);
  });
  socket.on('message', (data, isBinary) => {
    // Frames may still come after a broken one; nothing is done any more for who sent that.
    if (socket.readyState !== socket.OPEN) return;
    try {
      if (isBinary) throw new ProtocolError('binary frames are not used');
      receive(frameText(data));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      logger.error({ problem: error.message }, 'the control plane broke the protocol');
      socket.close(closeCode.protocolError, error.message.slice(0, 120));
    }
  });
  watch(livenessMs(socket, mostPingMs));
  // A peer that answers pings but never lets us in would keep us waiting for ever.
  const stopWaiting = clock.after(welcomeWithinMs, () => {
    logger.warn('the control plane did not answer our hello; closing the socket');
    socket.terminate();
  });
  void send(options.hello);

  return {
    ended,
    drain,
    presentToken(token) {
      // Before that nothing but the hello may be said; the next connection shows it.
      if (welcome && socket.readyState === socket.OPEN) tokens.present(token);
    },
    async leave() {
      const sent = new AbortController();
      const onItsWay = send({ type: 'drained' }).then(() => sent.abort());
      await Promise.race([onItsWay, sleep(clock, leaveWithinMs, sent.signal)]);
      socket.close(closeCode.normal, 'drained');
    },
  };
}
