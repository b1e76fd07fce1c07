/**
 * Connections that are kept for the next task. A task gets a slot on one: the right to have a channel there.
 * How many slots a connection has is learnt from its host, which may allow fewer than we would like.
 */
import { type Clock, sleep } from '../../protocol/index.ts';
import type { Connection } from './channel.ts';
import { HostError } from './connection.ts';
import { DroppedError } from './handshake.ts';

export interface PoolLimits {
  /** Most channels at once on one connection. */
  readonly maxSessions: number;
  /** Most connections to one host and port, whoever logs in. */
  readonly maxConnections: number;
  /** How long a connection is kept that nobody uses. */
  readonly idleMs: number;
  /** How old one may become before it is used no more. */
  readonly maxAgeMs: number;
}

/** What tells connections apart, and how one is made. */
export interface PoolKey {
  /** Everything about the target. */
  readonly id: string;
  /** Host and port, for the limit. */
  readonly host: string;
  /** Digests of the credentials. */
  readonly credentials: readonly string[];
  /** Logs in, within a time; `step` gets what was achieved. */
  connect(patienceMs: number, signal: AbortSignal, step: (line: string) => void): Promise<Connection>;
}

/** A task's part of a connection. */
export interface Slot {
  readonly connection: Connection;
  /** The host gave a channel, which counts until the slot is given back. */
  succeeded(): void;
  /** The host gave none. Returns how many channels of ours it has given to others just now. */
  refused(): number;
  /** Did the host ever give a channel on this connection? */
  used(): boolean;
  /** Nobody shall get this connection any more. */
  condemn(): void;
  giveBack(): void;
}

export interface Waiting {
  readonly signal: AbortSignal;
  readonly remainingMs: number;
  readonly step: (line: string) => void;
}

export interface Pool {
  /** Throws a `HostError`; when called off, the signal's reason. */
  acquire(key: PoolKey, waiting: Waiting): Promise<Slot>;
  /** Uses the connections with this credential no more, and closes each as soon as nothing runs on it. */
  forget(credential: string): void;
  /** How many connections there are, those that are being made included. */
  size(): number;
  close(): Promise<void>;
}

/** After so many channels in a row a connection tries one more than the host once refused. */
const growAfter = 50;
/** So long somebody waits for a slot before another connection to the same target is made. */
const crowdedMs = 200;
/** Hosts drop connections at random when many come at once (MaxStartups). */
const dropRetries = 4;
const longestAttemptMs = 30_000;

const takenBack = () =>
  new HostError(
    'host-authentication-failed',
    'the credential was replaced or taken back while the delegate was logging in with it; try again',
  );

interface Pooled {
  readonly key: PoolKey;
  readonly connection: Connection;
  readonly bornAt: number;
  readonly story: readonly string[];
  limit: number;
  used: number;
  given: number;
  successes: number;
  everGiven: boolean;
  condemned: boolean;
  stopIdle: () => void;
}

interface Attempt {
  readonly key: PoolKey;
  readonly calling: AbortController;
  readonly over: Promise<void>;
}

interface Waiter {
  readonly key: PoolKey;
  readonly since: number;
  readonly until: number;
  /** Tells what of a story it has not heard. */
  tell(story: readonly string[]): void;
  serve(slot: Slot): void;
  fail(error: unknown): void;
}

export function createPool(limits: PoolLimits, clock: Clock): Pool {
  const live = new Set<Pooled>();
  const attempts = new Set<Attempt>();
  const waiters = new Set<Waiter>();
  let closing = false;

  const most = ({ quirks }: Connection) =>
    Math.min(limits.maxSessions, quirks.channels ?? limits.maxSessions);

  function slotOn(pooled: Pooled): Slot {
    pooled.stopIdle();
    pooled.used += 1;
    let given = false;
    let back = false;
    return {
      connection: pooled.connection,
      succeeded() {
        given = true;
        pooled.everGiven = true;
        pooled.given += 1;
        pooled.successes += 1;
        if (pooled.connection.quirks.once) pooled.condemned = true;
        if (pooled.successes < growAfter || pooled.limit >= most(pooled.connection)) return;
        pooled.limit += 1;
        pooled.successes = 0;
      },
      refused() {
        pooled.limit = Math.max(1, Math.min(pooled.limit, pooled.given));
        pooled.successes = 0;
        return pooled.given;
      },
      used: () => pooled.everGiven,
      condemn() {
        pooled.condemned = true;
      },
      giveBack() {
        if (back) return;
        back = true;
        pooled.used -= 1;
        if (given) pooled.given -= 1;
        rest(pooled);
        pump();
      },
    };
  }

  /** What becomes of a connection that nobody may be using. */
  function rest(pooled: Pooled): void {
    if (pooled.used > 0 || !live.has(pooled)) return;
    if (pooled.condemned || closing) return drop(pooled);
    pooled.stopIdle();
    pooled.stopIdle = clock.after(limits.idleMs, () => drop(pooled));
  }

  function drop(pooled: Pooled): void {
    pooled.stopIdle();
    live.delete(pooled);
    pooled.connection.close();
  }

  function condemn(pooled: Pooled): void {
    pooled.condemned = true;
    rest(pooled);
  }

  function withRoom(id: string): Pooled | undefined {
    let best: Pooled | undefined;
    for (const pooled of live) {
      if (pooled.key.id !== id || pooled.condemned) continue;
      if (clock.now() - pooled.bornAt >= limits.maxAgeMs) condemn(pooled);
      else if (pooled.used < pooled.limit && (!best || pooled.used < best.used)) best = pooled;
    }
    return best;
  }

  /** Gives what there is to those who wait, the first one first, and sees to it that there will be more. */
  function pump(): void {
    for (const waiter of waiters) {
      const { key } = waiter;
      const pooled = withRoom(key.id);
      if (pooled) {
        waiters.delete(waiter);
        waiter.tell(pooled.story);
        waiter.serve(slotOn(pooled));
        continue;
      }
      const making = [...attempts].some(attempt => attempt.key.id === key.id);
      const crowded = !isLive(key.id) || clock.now() - waiter.since >= crowdedMs;
      if (!making && crowded && mayConnect(key.host)) begin(key);
    }
    for (const attempt of attempts) {
      if (![...waiters].some(({ key }) => key.id === attempt.key.id)) attempt.calling.abort();
    }
  }

  const isLive = (id: string) => [...live].some(({ key, condemned }) => key.id === id && !condemned);

  /** Is there room for one more connection to a host? Somebody else's that is idle makes room. */
  function mayConnect(host: string): boolean {
    const others = [...live].filter(({ key }) => key.host === host);
    const making = [...attempts].filter(({ key }) => key.host === host).length;
    if (others.length + making < limits.maxConnections) return true;
    const idle = others.find(({ used }) => used === 0);
    if (idle) drop(idle);
    return idle !== undefined;
  }

  function begin(key: PoolKey): void {
    const calling = new AbortController();
    const story: string[] = [];
    const concerned = () => [...waiters].filter(waiter => waiter.key.id === key.id);
    const step = (line: string) => {
      story.push(line);
      for (const waiter of concerned()) waiter.tell(story);
    };
    const last = Math.max(...concerned().map(({ until }) => until));
    // Less than the waiters have: what an attempt says of its end tells more than that they waited in vain.
    const until = clock.now() + Math.min(longestAttemptMs, (last - clock.now()) * 0.95);
    const work = retrying(key, until, calling.signal, step).then(
      connection => {
        attempts.delete(attempt);
        adopt(key, connection, story);
      },
      (error: unknown) => {
        attempts.delete(attempt);
        // Who has a connection to wait for is no worse off.
        if (!isLive(key.id)) {
          for (const waiter of concerned()) {
            waiters.delete(waiter);
            waiter.fail(error);
          }
        }
        pump();
      },
    );
    const attempt: Attempt = { key, calling, over: work };
    attempts.add(attempt);
  }

  async function retrying(key: PoolKey, until: number, signal: AbortSignal, step: (line: string) => void) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await key.connect(Math.max(0, until - clock.now()), signal, step);
      } catch (error) {
        const pause = 100 * 2 ** tries * (0.5 + Math.random());
        if (!(error instanceof DroppedError) || tries > dropRetries || clock.now() + pause > until)
          throw error;
        step(`${error.message}; trying again`);
        await sleep(clock, pause, signal);
        signal.throwIfAborted();
      }
    }
  }

  function adopt(key: PoolKey, connection: Connection, story: readonly string[]): void {
    const pooled: Pooled = {
      key,
      connection,
      bornAt: clock.now(),
      story,
      limit: most(connection),
      used: 0,
      given: 0,
      successes: 0,
      everGiven: false,
      condemned: false,
      stopIdle: () => {},
    };
    live.add(pooled);
    void connection.closed.then(() => {
      pooled.condemned = true;
      pooled.stopIdle();
      live.delete(pooled);
      pump();
    });
    pump();
    rest(pooled);
  }

  return {
    acquire(key, { signal, remainingMs, step }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (closing) return reject(new HostError('cancelled', 'the delegate is stopping'));
        let heard: readonly string[] = [];
        let told = 0;
        const settle = () => {
          stop();
          stopCrowded();
          signal.removeEventListener('abort', called);
          waiters.delete(waiter);
        };
        const waiter: Waiter = {
          key,
          since: clock.now(),
          until: clock.now() + remainingMs,
          tell(story) {
            if (heard !== story) told = 0;
            heard = story;
            for (const line of story.slice(told)) step(line);
            told = story.length;
          },
          serve(slot) {
            settle();
            resolve(slot);
          },
          fail(error) {
            settle();
            reject(error);
          },
        };
        const leave = (error: unknown) => {
          waiter.fail(error);
          // An attempt that nobody waits for any more is called off.
          pump();
        };
        const called = () => leave(signal.reason);
        const stop = clock.after(remainingMs, () =>
          leave(
            isLive(key.id)
              ? new HostError('host-channel-refused', 'timed out while waiting for a free channel')
              : new HostError('host-unreachable', 'timed out while waiting for a connection'),
          ),
        );
        const stopCrowded = clock.after(crowdedMs, pump);
        signal.addEventListener('abort', called, { once: true });
        waiters.add(waiter);
        pump();
      });
    },
    forget(credential) {
      for (const pooled of live) if (pooled.key.credentials.includes(credential)) condemn(pooled);
      for (const attempt of attempts) {
        if (attempt.key.credentials.includes(credential)) attempt.calling.abort(takenBack());
      }
    },
    size: () => live.size + attempts.size,
    async close() {
      closing = true;
      for (const waiter of [...waiters]) waiter.fail(new HostError('cancelled', 'the delegate is stopping'));
      const ends = [...live].map(({ connection }) => connection.closed);
      for (const pooled of [...live]) drop(pooled);
      for (const { calling } of attempts) calling.abort();
      await Promise.all([...ends, ...[...attempts].map(({ over }) => over)]);
      for (const pooled of [...live]) drop(pooled);
    },
  };
}
