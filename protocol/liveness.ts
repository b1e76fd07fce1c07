import type { Channel } from './channel.ts';
import type { Clock } from './clock.ts';
import { every } from './clock.ts';

/** As much of a channel as liveness needs. */
interface Pingable extends Pick<Channel, 'ping' | 'terminate'> {
  on(event: 'pong' | 'ping' | 'message', listener: () => void): unknown;
}

/**
 * Ends a channel whose other side has fallen silent, as a half-open one stays "open" for ever otherwise. Each
 * side runs this for itself. A silence is noticed after one to two periods. Returns the way to stop it.
 */
export function watchLiveness(
  socket: Pingable,
  periodMs: number,
  clock: Clock,
  onSilence: () => void,
): () => void {
  let heard = true;
  const hear = () => {
    heard = true;
  };
  socket.on('pong', hear);
  socket.on('ping', hear);
  socket.on('message', hear);
  const stop = every(clock, periodMs, () => {
    if (!heard) {
      stop();
      onSilence();
      socket.terminate();
      return;
    }
    heard = false;
    socket.ping();
  });
  return stop;
}
