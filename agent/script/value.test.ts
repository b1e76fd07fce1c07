import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toValue } from './value.ts';

const values: [what: string, raw: string, value: string][] = [
  ['plain text', 'abc', 'abc'],
  ['line ends of Windows', 'a\r\nb\r\n', 'a\nb'],
  ['line ends of old', 'a\rb', 'a\nb'],
  ['all line ends at once', 'a\r\n\r\r\nb', 'a\n\n\nb'],
  ['white space and control characters at its ends', '\0\t\v\f \x1b\x20abc\x01 \n', 'abc'],
  ['white space inside', 'a  b\t\n\nc', 'a  b\t\n\nc'],
  ['a no-break space at its ends', '\u00a0abc\u00a0', '\u00a0abc\u00a0'],
  ['a byte order mark', '\ufeffabc', '\ufeffabc'],
  ['a line separator at its end', 'abc\u2028', 'abc\u2028'],
  ['DEL at its end', 'abc\x7f', 'abc\x7f'],
  ['nothing but wide white space', '\u00a0', '\u00a0'],
  ['text beyond the basic plane', '😀', '😀'],
  ['Null, with a capital', 'Null', 'Null'],
  ['null in quotes', '"null"', '"null"'],
  ['null and more', 'null\nnull', 'null\nnull'],
  ['zero', '0', '0'],
  ['false', 'false', 'false'],
];

describe('a value is kept, its line ends unified and its ends trimmed', () => {
  for (const [what, raw, value] of values) {
    test(what, () => assert.deepEqual(toValue(Buffer.from(raw)), { ok: true, bytes: Buffer.from(value) }));
  }
});

describe('a value is empty', () => {
  for (const raw of ['', ' ', '\n', '\r', ' \t\r\n\0', 'null', ' null\n', '\0null'])
    test(JSON.stringify(raw), () => {
      assert.deepEqual(toValue(Buffer.from(raw)), { ok: false, reason: 'empty-value' });
    });
});

const broken: [what: string, bytes: number[]][] = [
  ['a lone byte of Latin-1', [0x61, 0xe9]],
  ['a cut-off character', [0xe2, 0x82]],
  ['an overlong form', [0xc0, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['a gzip header', [0x1f, 0x8b, 0x08]],
];

describe('a value that is not UTF-8 is refused, not mended', () => {
  for (const [what, bytes] of broken) {
    test(what, () => {
      assert.deepEqual(toValue(Buffer.from(bytes)), { ok: false, reason: 'invalid-value' });
    });
  }
});
