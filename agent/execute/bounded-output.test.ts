import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { keepHead, keepTail } from './bounded-output.ts';

/** Writes each chunk by itself, and resolves when all have been read. */
async function write(stream: PassThrough, chunks: readonly (string | Buffer)[]): Promise<void> {
  for (const chunk of chunks) stream.write(chunk);
  await new Promise<void>(resolve => stream.end(resolve));
  await new Promise(resolve => setImmediate(resolve));
}

async function head(most: number, chunks: readonly string[]): Promise<{ kept: string; overflows: number }> {
  const stream = new PassThrough();
  let overflows = 0;
  const kept = keepHead(stream, most, () => {
    overflows += 1;
  });
  await write(stream, chunks);
  return { kept: kept().toString(), overflows };
}

async function tail(most: number, chunks: readonly string[]): Promise<string> {
  const stream = new PassThrough();
  const kept = keepTail(stream, most);
  await write(stream, chunks);
  return kept().toString();
}

describe('the head of a stream', () => {
  const cases: [what: string, most: number, chunks: string[], kept: string, overflows: number][] = [
    ['is all of it when it fits', 10, ['abc', 'def'], 'abcdef', 0],
    ['is all of it when it fits exactly', 6, ['abc', 'def'], 'abcdef', 0],
    ['is nothing when nothing came', 6, [], '', 0],
    ['overflows by one byte', 5, ['abc', 'def'], 'abc', 1],
    ['overflows once only', 4, ['abc', 'def', 'g', 'h'], 'abc', 1],
    ['is never more than allowed', 2, ['abc'], '', 1],
  ];
  for (const [what, most, chunks, kept, overflows] of cases) {
    test(what, async () => assert.deepEqual(await head(most, chunks), { kept, overflows }));
  }
});

describe('the tail of a stream', () => {
  const cases: [what: string, most: number, chunks: string[], kept: string][] = [
    ['is all of it when it fits', 10, ['ab\ncd', 'ef'], 'ab\ncdef'],
    ['is all of it when it fits exactly', 7, ['ab\ncdef'], 'ab\ncdef'],
    ['is nothing when nothing came', 10, [], ''],
    ['begins with a whole line when it was cut', 8, ['aaa\nbbb\nccc\n'], 'ccc\n'],
    ['begins with a whole line wherever the chunks end', 8, ['aaa\nb', 'bb', '\nc', 'cc\nd'], 'ccc\nd'],
    ['is nothing rather than the rest of a line', 4, ['aaaaaaaaaa'], ''],
    ['is nothing when the last line alone is too long', 4, ['aaaaaaaaaa\n'], ''],
  ];
  for (const [what, most, chunks, kept] of cases) {
    test(what, async () => assert.equal(await tail(most, chunks), kept));
  }

  test('is the same for a stream of any length, and never longer than allowed', async () => {
    const lines = Array.from({ length: 5_000 }, (_, number) => `line ${number}\n`);
    const kept = await tail(1_000, lines);
    assert.ok(kept.length <= 1_000 && kept.length > 900);
    assert.ok(lines.join('').endsWith(kept));
    assert.match(kept, /^line \d+\n/);
  });
});

test('a stream that breaks counts as one that has ended', async () => {
  for (const keep of [
    (stream: PassThrough) => keepHead(stream, 10, assert.fail),
    (stream: PassThrough) => keepTail(stream, 10),
  ]) {
    const stream = new PassThrough();
    const kept = keep(stream);
    stream.write('abc');
    await new Promise(resolve => setImmediate(resolve));
    stream.destroy(new Error('EPIPE'));
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(kept().toString(), 'abc');
  }
});
