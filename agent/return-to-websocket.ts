/** While a delegate polls: do websockets get through again? */
import { type Channel, closeCode, every, type Hello } from '../protocol/index.ts';
import { askAdmission } from './ask-admission.ts';
import type { ConnectionOptions, Opened } from './connection.ts';

/** Soon at first: it may have been the control plane that was away, and not the websockets. */
const firstLookMs = 60_000;
const lookEveryMs = 600_000;

type LookOptions = Pick<ConnectionOptions, 'clock' | 'logger' | 'poll' | 'returning'> & {
  /** Opens a websocket; the signal ends that. */
  readonly open: (signal: AbortSignal) => Promise<Opened>;
};

/**
 * Tries a websocket from time to time. When one works, the polling channel is closed as soon as nothing runs over it;
 * `found` says so. Where polling was asked for, nobody looks.
 */
export function lookForWebsocket(
  polling: Channel,
  options: LookOptions,
): { readonly stop: () => void; readonly found: () => boolean } {
  const { clock, logger, poll, returning } = options;
  if (poll !== 'auto' || !returning) return { stop: () => {}, found: () => false };
  const over = new AbortController();
  let found = false;
  const look = async () => {
    if (!(await websocketWorks(returning.hello, options, over.signal))) return;
    stop();
    await returning.idle();
    if (over.signal.aborted || polling.readyState !== polling.OPEN) return;
    found = true;
    logger.info('websockets get through again: changing back to one');
    polling.close(closeCode.normal, 'a websocket works again');
  };
  let stop = clock.after(firstLookMs, () => {
    stop = every(clock, lookEveryMs, () => void look());
    void look();
  });
  return {
    stop() {
      stop();
      over.abort();
    },
    found: () => found,
  };
}

/** Asks over a websocket whether we would be let in: any answer has got through. */
async function websocketWorks(
  hello: Hello,
  { clock, open }: LookOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const opened = await open(signal);
  if ('problem' in opened) return false;
  const answer = await askAdmission(opened.socket, hello, clock, signal);
  return !('code' in answer) || answer.code !== 1006;
}
