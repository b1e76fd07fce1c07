import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import {
  distance,
  formatSelector,
  parseSelectorExpression,
  type Selector,
  satisfies,
  tagSelector,
  unmetParts,
} from './selector-expression.ts';

const does = (text: string, ...tags: string[]) => satisfies(parseSelectorExpression(text), new Set(tags));

/** Fully in brackets, so that an order shows. */
function shape(selector: Selector): string {
  if (selector.kind === 'tag') return selector.key;
  if (selector.kind === 'not') return `!${shape(selector.operand)}`;
  return `(${selector.operands.map(shape).join(selector.kind === 'and' ? ' & ' : ' | ')})`;
}

test('the expression of the documentation means what it says', () => {
  const text = 'aws & (eu-west-1 | eu-central-1) & !canary';
  assert.equal(does(text, 'aws', 'eu-west-1'), true);
  assert.equal(does(text, 'aws', 'eu-central-1', 'other'), true);
  assert.equal(does(text, 'aws', 'eu-central-1', 'canary'), false);
  assert.equal(does(text, 'aws'), false);
  assert.equal(does(text, 'eu-west-1'), false);
});

test('! binds closer than &, and & closer than |', () => {
  for (const [text, expected] of [
    ['a & b | c & d', '((a & b) | (c & d))'],
    ['a | b & c | d', '(a | (b & c) | d)'],
    ['!a & b', '(!a & b)'],
    ['!(a & b) | !c', '(!(a & b) | !c)'],
    ['!!a', '!!a'],
    ['(((a)))', 'a'],
    ['a&b|!c', '((a & b) | !c)'],
  ] as const) {
    assert.equal(shape(parseSelectorExpression(text)), expected, text);
  }
});

test('tags are compared trimmed and without regard to case, quoted ones too', () => {
  assert.equal(does('AWS', 'aws'), true);
  assert.equal(
    does(`" Eu West " & 'A & B' & "say \\"hi\\"" & '\\\\'`, 'eu west', 'a & b', 'say "hi"', '\\'),
    true,
  );
  assert.equal(does('host.example:8080/x*', 'host.example:8080/x*'), true);
});

test('what is none is refused with the character where it stops being one', () => {
  const problems: [text: string, at: number, problem: RegExp][] = [
    ['', 1, /a tag, "!" or "\(" must stand here, not the end/],
    ['   ', 4, /not the end/],
    ['aws &', 6, /not the end/],
    ['& aws', 1, /not "&"/],
    ['aws && eu', 6, /not "&"/],
    ['aws eu', 5, /"&" or "\|" must stand here, not "eu"; a tag with blanks is written in quotes/],
    ['aws !eu', 5, /"&" or "\|" must stand here, not "!"/],
    ['(aws | eu', 10, /the "\(" at character 1 is not closed/],
    ['aws)', 4, /not "\)"/],
    ['()', 2, /not "\)"/],
    ['aws & "eu west', 7, /the quote " is not closed/],
    ['"a\\"', 1, /is not closed/],
    ['aws & " "', 7, /must not be empty/],
    [`${'('.repeat(40)}a`, 34, /nested more than 32 deep/],
    [`${'!'.repeat(999)}a`, 34, /nested more than 32 deep/],
    ['a'.repeat(1_001), 1_001, /at most 1000 characters/],
  ];
  for (const [text, at, problem] of problems) {
    assert.throws(
      () => parseSelectorExpression(text),
      (error: unknown) => {
        assert.ok(error instanceof RequestError);
        assert.match(error.message, problem);
        assert.ok(error.message.includes(`, character ${at}: `), error.message);
        return true;
      },
      text,
    );
  }
});

test('what a delegate lacks is the smallest part, and its distance the fewest tags to gain or lose', () => {
  const selector = parseSelectorExpression('aws & (eu-west-1 | eu & central) & !(canary | old)');
  const of = (...tags: string[]) => {
    const set = new Set(tags);
    return [unmetParts(selector, set).map(formatSelector), distance(selector, set)];
  };
  assert.deepEqual(of('aws', 'eu', 'central'), [[], 0]);
  assert.deepEqual(of('aws', 'eu'), [['eu-west-1 | (eu & central)'], 1]);
  assert.deepEqual(of('canary', 'old'), [['aws', 'eu-west-1 | (eu & central)', '!(canary | old)'], 4]);
  assert.equal(distance(parseSelectorExpression('!(a & b)'), new Set(['a', 'b'])), 1);
});

test('an expression written out and read again is the same', () => {
  for (const text of ['a', '"a b" & !c', '!(a | b) & "say \\"x\\""', 'a & (b | c & !d)', '"!x" | y']) {
    const once = parseSelectorExpression(text);
    if (once.kind === 'tag') continue;
    assert.deepEqual(parseSelectorExpression(formatSelector(once)), once, text);
  }
  assert.equal(formatSelector(tagSelector(' as it is ')), ' as it is ');
});
