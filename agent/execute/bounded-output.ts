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

/** Keeps the last bytes of a stream, at least `least` of them. */
export function keepTail(stream: Readable, least: number): () => Buffer {
  let chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > 4 * least) {
      chunks = [Buffer.concat(chunks).subarray(-least)];
      size = least;
    }
  });
  stream.on('error', () => {});
  return () => Buffer.concat(chunks).subarray(-least);
}
