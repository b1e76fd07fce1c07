import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastLines, pieces } from './last-lines.ts';

describe('the last lines of a text', () => {
  const cases: [what: string, text: string, most: number, kept: string][] = [
    ['are all of them when they fit', 'a\nb\n', 4, 'a\nb\n'],
    ['are whole lines', 'aaa\nbbb\nccc\n', 10, 'bbb\nccc\n'],
    ['are a part of one where a whole one would cost half', 'aaaaaaaaaa\nb\n', 8, 'aaaaa\nb\n'],
    ['are a part of the only one', 'abcdef', 4, 'cdef'],
    ['never begin with half a character', 'ab\u{1f511}cde', 4, 'cde'],
  ];
  for (const [what, text, most, kept] of cases) test(what, () => assert.equal(lastLines(text, most), kept));
});

describe('the pieces of a text', () => {
  const cases: [what: string, text: string, cut: string[]][] = [
    ['are none of no text', '', []],
    ['are one of what fits', 'abc', ['abc']],
    ['are as long as they may be', 'abcdefg', ['abc', 'def', 'g']],
    ['never part a character', 'ab\u{1f511}\u{1f511}', ['ab', '\u{1f511}', '\u{1f511}']],
  ];
  for (const [what, text, cut] of cases) test(what, () => assert.deepEqual(pieces(text, 3), cut));
});
