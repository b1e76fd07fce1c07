import assert from 'node:assert/strict';
import test from 'node:test';
import { readPatterns } from './custom-patterns.ts';
import { redactor } from './redact.ts';

const mask = '**************';
const redact = (patterns: string, text: string) => redactor([], readPatterns(patterns))(text);

test('each line is a pattern; what any of them finds is masked', () => {
  const patterns = 'AKIA[0-9A-Z]{16}\r\n\n   \n(?<=password=)\\S+\n';
  assert.equal(
    redact(patterns, 'id AKIAABCDEFGHIJKLMNOP, password=hunter2 x\nno password\n'),
    `id ${mask}, password=${mask} x\nno password\n`,
  );
});

test('a pattern sees one line; ^ and $ are its ends', () => {
  assert.equal(redact('^key.*$', 'a key\nkey: 1\nb'), `a key\n${mask}\nb`);
  assert.equal(redact('a[^x]*b', 'a\nb'), 'a\nb');
});

test('flags in front count for the whole pattern', () => {
  assert.equal(redact('(?i)token-\\d+', 'TOKEN-12 Token-3'), `${mask} ${mask}`);
  assert.equal(redact('token-\\d+', 'TOKEN-12'), 'TOKEN-12');
});

test('a pattern that finds nothing but nothing masks nothing', () => {
  assert.equal(redact('x*', 'abc'), 'abc');
  assert.equal(redact('', 'abc'), 'abc');
});

test('matches overlap with each other and with secrets, and leave no rest', () => {
  const find = readPatterns('bcd\ncdef');
  assert.equal(redactor(['defgh'], find)('abcdefghi'), `a${mask}i`);
});

test('a pattern that takes for ever masks all, and the next text is none the worse', () => {
  const find = readPatterns('^(a|a)*$\nsafe');
  const slow = `${'a'.repeat(60)}!\nsafe\n`;
  assert.equal(redactor([], find)(slow), mask);
  assert.equal(redactor([], find)('it is safe\n'), `it is ${mask}\n`);
});

test('a line that is no pattern is named, and not quoted', () => {
  const refused = (text: string, message: string) => assert.throws(() => readPatterns(text), { message });
  refused('a\n\n(hunter2', 'line 3 is not a regular expression');
  refused('(?x)a', 'line 1 is not a regular expression');
  refused('x'.repeat(1_001), 'line 1 has more than 1000 characters');
  refused('x\n'.repeat(201), 'it has more than 200 patterns');
});
