/**
 * What comes back from a host: records that begin with a nonce, and between them whatever the login's
 * start-up files, and what they have started, happen to write. That is dropped.
 */
import { type Collected, record } from '../script/bootstrap.ts';
import { hostRecord } from '../script/host-bootstrap.ts';

export interface HostChannel {
  write(chunk: Buffer): void;
  /** The script's records. */
  collected(): Collected;
  /** The version of bash, once the script has begun. */
  version(): string | undefined;
  /** The host has begun to run our program, whether or not it came to the script. */
  begun(): boolean;
  /** Whether processes had to be killed, once the host has ended them. */
  forced(): boolean | undefined;
  /** How much has come so far. */
  bytes(): number;
  /** The beginning of what came before any record, for people who look for what is wrong. */
  noise(): string;
}

export interface HostChannelOptions {
  readonly nonce: string;
  /** Bytes that a record may have. */
  readonly most: number;
  /** A record came to its end. */
  readonly onRecord: () => void;
  /** A record is larger than that; the rest of it is dropped. */
  readonly onOverflow: () => void;
}

const noiseKept = 1_024;

export function hostChannel({ nonce, most, onRecord, onOverflow }: HostChannelOptions): HostChannel {
  const mark = Buffer.from(nonce);
  let collected: Collected | undefined;
  let directoryMissing = false;
  let version: string | undefined;
  let forced: boolean | undefined;
  let noise = Buffer.alloc(0);
  /** What may be the beginning of a nonce. */
  let rest = Buffer.alloc(0);
  /** The pieces of the record that is coming in. */
  let body: Buffer[] | undefined;
  let size = 0;
  let total = 0;

  function take(text: Buffer): void {
    const kind = String.fromCharCode(text[0] ?? 0);
    const content = text.subarray(1);
    if (kind === hostRecord.started) version ??= content.toString();
    else if (kind === hostRecord.ended) forced ??= content.toString() === '1';
    else if (kind === record.noDirectory) directoryMissing = true;
    else if (kind === record.collected) collected ??= { value: content, directoryMissing };
    else if (kind === record.uncollected) collected ??= { uncollected: content, directoryMissing };
    onRecord();
  }

  function drop(bytes: Buffer): void {
    if (version === undefined && noise.length < noiseKept)
      noise = Buffer.concat([noise, bytes.subarray(0, noiseKept - noise.length)]);
  }

  /** Takes what it can, and returns what follows that. */
  function step(chunk: Buffer): Buffer | undefined {
    if (!body) {
      const all = Buffer.concat([rest, chunk]);
      const at = all.indexOf(mark);
      if (at < 0) {
        const keep = Math.min(all.length, mark.length - 1);
        drop(all.subarray(0, all.length - keep));
        rest = all.subarray(all.length - keep);
        return undefined;
      }
      drop(all.subarray(0, at));
      rest = Buffer.alloc(0);
      body = [];
      size = 0;
      return all.subarray(at + mark.length);
    }
    const end = chunk.indexOf(0);
    const piece = end < 0 ? chunk : chunk.subarray(0, end);
    const before = size;
    size += piece.length;
    if (size <= most) body.push(piece);
    else if (before <= most) onOverflow();
    if (end < 0) return undefined;
    if (size <= most) take(Buffer.concat(body));
    body = undefined;
    return chunk.subarray(end + 1);
  }

  return {
    write(chunk) {
      total += chunk.length;
      for (let left: Buffer | undefined = chunk; left && left.length > 0; ) left = step(left);
    },
    collected: () => collected ?? { directoryMissing },
    version: () => version,
    begun: () => version !== undefined || directoryMissing,
    forced: () => forced,
    bytes: () => total,
    noise: () => Buffer.concat([noise, version === undefined ? rest : Buffer.alloc(0)]).toString(),
  };
}

/**
 * Hands on a script's error output: what follows the line that is the nonce. What came before it is the
 * login's own, and is handed on only when that line never comes.
 */
export function errorOutput(nonce: string, take: (chunk: Buffer) => void) {
  const line = Buffer.from(`${nonce}\n`);
  let before: Buffer | undefined = Buffer.alloc(0);
  return {
    write(chunk: Buffer): void {
      if (!before) return take(chunk);
      before = Buffer.concat([before, chunk]);
      const at = before.indexOf(line);
      // What is dropped here is a login that talks without end.
      if (at < 0) before = before.subarray(-65_536);
      if (at < 0) return;
      const after = before.subarray(at + line.length);
      before = undefined;
      if (after.length > 0) take(after);
    },
    /** What the login wrote, where nothing else came. */
    login: () => before ?? Buffer.alloc(0),
  };
}
