/** What both sides need of a connection, whatever carries it: a websocket as it is, or a session of long polls. */

/** The frame of a message, in whichever shape it is handed over. */
export type FrameData = string | Buffer | ArrayBuffer | Buffer[];

export interface Channel {
  /** Left out by websockets. */
  readonly transport?: 'polling';
  /** The version of the protocol that was agreed on. */
  readonly protocol: string;
  /** `OPEN` while frames may be sent; nothing else is asked of it. */
  readonly readyState: number;
  readonly OPEN: number;
  /** `sent` is called when there is room for more; also when the channel has closed by then. */
  send(frame: string, sent?: () => void): void;
  /** Ends it behind what was sent before; the other side is told why. */
  close(code: number, reason: string): void;
  /** Ends it at once and tells nobody. */
  terminate(): void;
  /** Asks the other side for a sign of life, where this side can. */
  ping(): void;
  on(event: 'message', listener: (data: FrameData, isBinary: boolean) => void): unknown;
  on(event: 'pong' | 'ping', listener: () => void): unknown;
  once(event: 'message', listener: (data: FrameData, isBinary: boolean) => void): unknown;
  /** Comes once; 1006 where nobody said why. */
  once(event: 'close', listener: (code: number, reason: Buffer) => void): unknown;
}

/** Ways to reach the other side. */
export type Transport = 'websocket' | 'polling';

export const transportOf = (channel: Channel): Transport => channel.transport ?? 'websocket';
