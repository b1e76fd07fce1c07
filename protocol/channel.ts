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
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  /** `sent` is called when there is room for more; also when the channel has closed by then. */
  send(frame: string, sent?: () => void): void;
  /** Ends it behind what was sent before; the other side is told why. */
  close(code: number, reason: string): void;
  /** Ends it at once and tells nobody. */
  terminate(): void;
  /**
   * Asks the other side for a sign of life, where this side can. `written` is called when that, and all that was said
   * before it, has been handed to the system.
   */
  ping(data?: undefined, mask?: undefined, written?: (error?: Error) => void): void;
  on(event: 'message', listener: (data: FrameData, isBinary: boolean) => void): unknown;
  on(event: 'pong' | 'ping', listener: () => void): unknown;
  off(event: 'message' | 'pong' | 'ping', listener: () => void): unknown;
  once(event: 'message', listener: (data: FrameData, isBinary: boolean) => void): unknown;
  /** Comes once; 1006 where nobody said why. */
  once(event: 'close', listener: (code: number, reason: Buffer) => void): unknown;
}

/** Ways to reach the other side. */
export type Transport = 'websocket' | 'polling';

/**
 * How often a side of this channel looks for a sign of life, where a heartbeat comes every `heartbeatMs`. A request of its
 * own takes longer than a ping, and nobody can be asked for one that polls.
 */
export const livenessMs = (channel: Channel, heartbeatMs: number): number =>
  channel.transport === 'polling' ? Math.max(heartbeatMs, 15_000) : heartbeatMs;

export const transportOf = (channel: Channel): Transport => channel.transport ?? 'websocket';
