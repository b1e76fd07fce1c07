/** A command on a channel of an ssh2 connection. */
import type { Client, ClientChannel } from 'ssh2';
import type { Clock } from '../../protocol/index.ts';
import type { RemoteExit, RemoteProcess } from './connection.ts';

/** A process, and when the channel that carried it is free again. */
export interface ChannelProcess extends RemoteProcess {
  readonly done: Promise<void>;
}

/** What comes of asking for a channel. */
export type Opened =
  | { readonly process: ChannelProcess }
  /** The host has enough of channels for now, or for ever. */
  | { readonly busy: string }
  /** It would give a channel, but runs no command. */
  | { readonly refused: string }
  /** There is no connection any more, or nobody answers on it. */
  | { readonly gone: string };

/** What a host's software can't do with the channels of one connection. */
export interface Quirks {
  /** Most channels at once. */
  readonly channels?: number;
  /** It gives one channel, and never another. */
  readonly once?: boolean;
}

/** By the line with which a host begins: `SSH-2.0-…`. */
export function quirksOf(ident: string): Quirks {
  // Dropbear takes a channel whose command has not begun for one that has ended, when another one's command ends; then
  // it closes it, or crashes (2022.83).
  if (/^SSH-2\.0-dropbear/i.test(ident)) return { channels: 1 };
  if (/^SSH-2\.0-tinyssh/i.test(ident)) return { channels: 1, once: true };
  return {};
}

/** A connection that is logged in. */
export interface Connection {
  readonly quirks: Quirks;
  /** Starts a command. An answer that takes longer than `patienceMs` counts as none. */
  open(command: string, patienceMs: number): Promise<Opened>;
  /** Resolves when it is closed, with the reason. */
  readonly closed: Promise<string>;
  close(): void;
}

/** The end of a connection: known at once by `why`, as ssh2 tells its channels in the same moment. */
export interface Life {
  readonly closed: Promise<string>;
  /** Undefined while it lives. */
  why(): string | undefined;
}

/** Starts a command on a connection with this life. */
export function openChannel(
  client: Client,
  command: string,
  { patienceMs, life, clock }: { patienceMs: number; life: Life; clock: Clock },
): Promise<Opened> {
  return new Promise(resolve => {
    let over = false;
    const finish = (opened: Opened) => {
      over = true;
      stop();
      resolve(opened);
    };
    const stop = clock.after(patienceMs, () => finish({ gone: `no answer within ${patienceMs} ms` }));
    void life.closed.then(why => finish({ gone: why }));
    try {
      client.exec(command, (error, channel) => {
        if (over) {
          // Nobody waits for it any more.
          if (!error) hangUp(channel);
          return;
        }
        if (!error) return finish({ process: processOf(channel, life.closed) });
        const ended = life.why();
        if (ended !== undefined) return finish({ gone: ended });
        if (!('reason' in error)) return finish({ refused: 'it gave a channel, and runs no command on it' });
        const why = error.message.replace(/^\(SSH\) Channel open failure: /, '');
        finish({ busy: why });
      });
    } catch {
      finish({ gone: 'the connection is closed' });
    }
  });
}

/** Some servers leave the stdin of a process open when they only hear that its channel is closed. */
function hangUp(channel: ClientChannel): void {
  channel.eof();
  channel.close();
}

function processOf(channel: ClientChannel, closed: Promise<string>): ChannelProcess {
  let tell: (exit: RemoteExit) => void = () => {};
  const exit = new Promise<RemoteExit>(resolve => {
    tell = resolve;
  });
  channel.on('exit', (code: number | null, signal?: string) => {
    tell(code === null ? { signal: signal ?? 'SIGKILL' } : { exitCode: code });
  });
  // What it writes to that has gone answers with what the exit says better.
  channel.on('error', () => {});
  channel.stderr.on('error', () => {});
  const done = new Promise<void>(resolve => {
    channel.on('close', () => {
      tell({ lost: 'the host closed the channel without a word of how the command ended' });
      resolve();
    });
    void closed.then(why => {
      tell({ lost: why });
      resolve();
    });
  });
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    exit,
    done,
    close() {
      hangUp(channel);
      tell({ lost: 'the delegate closed the channel' });
      // The channel counts as closed when its output has been read.
      channel.resume();
      channel.stderr.resume();
    },
  };
}
