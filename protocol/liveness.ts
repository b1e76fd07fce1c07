import type { Clock } from './clock.ts';
import { every } from './clock.ts';

/** As much of a websocket as liveness needs. */
interface Pingable {
  ping(): void;
  terminate(): void;
  on(event: 'pong' | 'ping' | 'message', listener: () => void): unknown;
}

/**
 * Ends a socket whose other side has fallen silent, as a half-open one stays "open" for ever otherwise. Each
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
