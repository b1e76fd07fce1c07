import type { Channel } from './channel.ts';
import type { Clock } from './clock.ts';
import { every } from './clock.ts';

const signs = ['pong', 'ping', 'message'] as const;

/** As much of a channel as liveness needs. */
interface Pingable extends Pick<Channel, 'ping' | 'terminate'> {
  on(event: (typeof signs)[number], listener: () => void): unknown;
  off(event: (typeof signs)[number], listener: () => void): unknown;
}

/** Why a socket was ended: the other side says nothing, or does not read what is said to it. */
export type Silence = 'silent' | 'stalled';

/** So many periods a write may take. */
const mostPeriodsOfAWrite = 3;

/**
 * Ends a channel whose other side has fallen silent, as a half-open one stays "open" for ever otherwise, and one
 * whose other side does not read: its pings get no further than the frames before them. Each side runs this for
 * itself. A silence is noticed after one to two periods, a stalled write after three to four. Whoever was itself
 * stopped meanwhile has heard nothing for that reason, and listens for another period. Each sign of life is told to `onHeard`.
 * Returns the way to stop it.
 */
export function watchLiveness(
  socket: Pingable,
  periodMs: number,
  clock: Clock,
  onSilence: (why: Silence) => void,
  onHeard: () => void = () => {},
): () => void {
  let heard = true;
  let unwritten = 0;
  const hear = () => {
    heard = true;
    onHeard();
  };
  for (const sign of signs) socket.on(sign, hear);
  const end = (why: Silence) => {
    stop();
    onSilence(why);
    socket.terminate();
  };
  const stopTicking = every(clock, periodMs, lateMs => {
    if (!heard && !wasAway(lateMs, periodMs)) return end('silent');
    if (unwritten >= mostPeriodsOfAWrite) return end('stalled');
    heard = false;
    unwritten += 1;
    socket.ping(undefined, undefined, () => {
      unwritten -= 1;
    });
  });
  const stop = () => {
    stopTicking();
    for (const sign of signs) socket.off(sign, hear);
  };
  return stop;
}

/** A tick this late means that this very process stood still: what came meanwhile was not read yet. */
export function wasAway(lateMs: number, periodMs: number): boolean {
  return lateMs > periodMs / 2;
}
