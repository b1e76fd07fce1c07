import type { Readable } from 'node:stream';

/** Bytes of error output that are kept for redaction, of which the tail is shown. */
export const stderrKept = 65_536;

/** Keeps the first bytes of a stream; calls `overflow` once when there are more than `most`. */
export function keepHead(stream: Readable, most: number, overflow: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    const before = size;
    size += chunk.length;
    if (size <= most) chunks.push(chunk);
    else if (before <= most) overflow();
  });
  // A stream that breaks ends as one that is closed: what counts is what was read.
  stream.on('error', () => {});
  return () => Buffer.concat(chunks);
}

/** Keeps the last bytes of a stream, as `tailKeeper` does. */
export function keepTail(stream: Readable, most: number): () => Buffer {
  const tail = tailKeeper(most);
  stream.on('data', (chunk: Buffer) => tail.write(chunk));
  stream.on('error', () => {});
  return () => tail.kept();
}

/**
 * Keeps the last bytes, at most `most`. Where it had to cut, what is left begins with a whole line: half a
 * line might hold half a secret, which nobody could recognise any more.
 */
export function tailKeeper(most: number) {
  let chunks: Buffer[] = [];
  let size = 0;
  let total = 0;
  return {
    write(chunk: Buffer): void {
      chunks.push(chunk);
      size += chunk.length;
      total += chunk.length;
      if (size > 4 * most) {
        chunks = [Buffer.concat(chunks).subarray(-most)];
        size = most;
      }
    },
    kept(): Buffer {
      const end = Buffer.concat(chunks).subarray(-most);
      if (total <= most) return end;
      const line = end.indexOf('\n');
      return line < 0 ? Buffer.alloc(0) : end.subarray(line + 1);
    },
  };
}
