/** One task's use of a host: finds a channel for its command, whatever the connections are going through. */
import { type Clock, sleep } from '../../protocol/index.ts';
import type { ChannelProcess } from './channel.ts';
import { HostError, type HostLease, type RemoteProcess } from './connection.ts';
import type { Pool, PoolKey, Slot, Waiting } from './pool.ts';

export interface LeaseLimits {
  /** How long a host may take to answer when it is asked for a channel. */
  readonly channelPatienceMs: number;
  /** How long a host may refuse channels although we have no other one there. */
  readonly refusalMs: number;
  /** How long a channel that we have closed is waited for before its slot is given to somebody else. */
  readonly settleMs: number;
}

/** A connection may break between its last use and this one; that often in a row it is no accident. */
const mostReplacements = 3;
const firstPauseMs = 25;
const longestPauseMs = 400;
const mostRefusals = 4;

const pauseMs = (tries: number) => Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(tries, 6));

/** Leases a slot. Throws a `HostError`; when called off, the signal's reason. */
export async function leaseHost(
  pool: Pool,
  key: PoolKey,
  waiting: Waiting,
  limits: LeaseLimits,
  clock: Clock,
): Promise<HostLease> {
  const until = clock.now() + waiting.remainingMs;
  const acquire = () => pool.acquire(key, { ...waiting, remainingMs: Math.max(0, until - clock.now()) });
  let slot: Slot | undefined = await acquire();
  let process: ChannelProcess | undefined;
  let released = false;

  /** Gives a slot back when its channel is closed on the host, too. */
  function settle(used: Slot, ended: ChannelProcess): void {
    ended.close();
    const over = new AbortController();
    void Promise.race([ended.done, sleep(clock, limits.settleMs, over.signal)]).then(() => {
      over.abort();
      used.giveBack();
    });
  }

  function leaveSlot(): void {
    if (slot && process) settle(slot, process);
    else slot?.giveBack();
    slot = undefined;
    process = undefined;
  }

  async function pause(tries: number): Promise<void> {
    await sleep(clock, pauseMs(tries), waiting.signal);
    waiting.signal.throwIfAborted();
  }

  async function start(command: string): Promise<RemoteProcess> {
    if (process) leaveSlot();
    let [replacements, refusals] = [0, 0];
    let refusedSince: number | undefined;
    for (let tries = 0; ; tries += 1) {
      if (released) throw new HostError('cancelled', 'the lease was given back');
      slot ??= await acquire();
      const mine = slot;
      const patienceMs = Math.min(limits.channelPatienceMs, Math.max(1, until - clock.now()));
      const opened = await mine.connection.open(command, patienceMs);
      if (waiting.signal.aborted && 'process' in opened) {
        // It may have come in the same moment; nobody else would close it.
        mine.succeeded();
        process = opened.process;
      }
      waiting.signal.throwIfAborted();
      if ('process' in opened) {
        mine.succeeded();
        if (released) {
          settle(mine, opened.process);
          throw new HostError('cancelled', 'the lease was given back');
        }
        process = opened.process;
        return process;
      }
      if ('gone' in opened) {
        mine.condemn();
        leaveSlot();
        replacements += 1;
        if (replacements > mostReplacements || clock.now() >= until) {
          throw new HostError('host-channel-refused', `the host gave no channel: ${opened.gone}`);
        }
        continue;
      }
      if ('refused' in opened) {
        refusals += 1;
        // Dropbear now and then closes a channel that it has just given.
        if (refusals > mostRefusals)
          throw new HostError('host-channel-refused', `the host runs no command for us: ${opened.refused}`);
        leaveSlot();
        await pause(tries);
        continue;
      }
      const others = mine.refused();
      if (others > 0) {
        // Another of ours will end.
        refusedSince = undefined;
      } else {
        refusedSince ??= clock.now();
        // A host may be late to notice that a channel was closed; after a while another connection may help.
        if (clock.now() - refusedSince > limits.refusalMs / 4 && mine.used()) mine.condemn();
      }
      leaveSlot();
      const late = refusedSince !== undefined && clock.now() - refusedSince > limits.refusalMs;
      if (late || clock.now() + pauseMs(tries) > until) {
        throw new HostError(
          'host-channel-refused',
          `the host gave no channel: ${opened.busy}; see its MaxSessions`,
        );
      }
      await pause(tries);
    }
  }

  return {
    start,
    release() {
      if (released) return;
      released = true;
      leaveSlot();
    },
  };
}
