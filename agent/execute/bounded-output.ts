import type { Readable } from 'node:stream';

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

/**
 * Keeps the last bytes of a stream, at most `most`. Where it had to cut, what is left begins with a whole
 * line: half a line might hold half a secret, which nobody could recognise any more.
 */
export function keepTail(stream: Readable, most: number): () => Buffer {
  let chunks: Buffer[] = [];
  let size = 0;
  let total = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    total += chunk.length;
    if (size > 4 * most) {
      chunks = [Buffer.concat(chunks).subarray(-most)];
      size = most;
    }
  });
  stream.on('error', () => {});
  return () => {
    const end = Buffer.concat(chunks).subarray(-most);
    if (total <= most) return end;
    const line = end.indexOf('\n');
    return line < 0 ? Buffer.alloc(0) : end.subarray(line + 1);
  };
}
