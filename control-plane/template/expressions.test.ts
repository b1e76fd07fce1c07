import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findExpressions } from './expressions.ts';

function references(text: string): unknown[] {
  return findExpressions(text).expressions.map(({ reference }) =>
    reference.kind === 'input' ? reference.name : reference.problem,
  );
}

test('the three paths to an input mean the same', () => {
  const text =
    '<+secretManager.environmentVariables.a> <+spec.environmentVariables.b> <+connector.spec.environmentVariables.c>';
  assert.deepEqual(references(text), ['a', 'b', 'c']);
});

test('an expression knows where it stands, marks included', () => {
  const text = 'x=é"<+ spec.environmentVariables.a >"';
  const [expression] = findExpressions(text).expressions;
  assert.deepEqual(expression, {
    start: 4,
    end: 36,
    text: '<+ spec.environmentVariables.a >',
    reference: { kind: 'input', name: 'a' },
  });
});

test('white space inside is tolerated, a line end is not', () => {
  assert.deepEqual(references('<+\tspec.environmentVariables.a  >'), ['a']);
  assert.deepEqual(findExpressions('echo <+spec.\nenvironmentVariables.a>'), {
    expressions: [],
    unterminated: [{ start: 5, text: '<+spec.' }],
  });
});

test('a name may hold dots, dollars and dashes, and 128 characters', () => {
  const longest = `n${'a'.repeat(127)}`;
  assert.deepEqual(references(`<+spec.environmentVariables._a.b$c-d9>`), ['_a.b$c-d9']);
  assert.deepEqual(references(`<+spec.environmentVariables.${longest}>`), [longest]);
});

for (const text of [
  '<+>',
  '<+spec.environmentVariables.>',
  '<+spec.environmentVariables.9a>',
  `<+spec.environmentVariables.n${'a'.repeat(128)}>`,
  '<+environmentVariables.a>',
  '<+spec.source.spec.type>',
  '<+secrets.getValue("x")>',
  `<+secrets.getValue('a>b')>`,
  '<+secrets.getValue(<+spec.environmentVariables.a>)>',
  '<+secrets.getValue("a_" + <+spec.environmentVariables.a>)>',
  '<+spec.environmentVariables.a.default("<+x>")>',
  '<+spec.environmentVariables.a + 1>',
]) {
  test(`not supported yet, and quoted whole: ${text.slice(0, 60)}`, () => {
    const { expressions, unterminated } = findExpressions(`a ${text} b`);
    assert.deepEqual(unterminated, []);
    assert.equal(expressions.length, 1);
    assert.equal(expressions[0]?.text, text);
    assert.deepEqual(references(`a ${text} b`), [
      `${text} is not supported yet; write <+secretManager.environmentVariables.NAME> to use an input`,
    ]);
  });
}

test('a nested expression belongs to the one around it', () => {
  const { expressions } = findExpressions('<+f(<+a>)> <+spec.environmentVariables.b>');
  assert.deepEqual(
    expressions.map(({ text }) => text),
    ['<+f(<+a>)>', '<+spec.environmentVariables.b>'],
  );
});

test('a ">" inside a string does not end an expression', () => {
  assert.equal(findExpressions(`<+f('>')>`).expressions[0]?.text, `<+f('>')>`);
});

test('an unterminated expression costs its own line only', () => {
  const { expressions, unterminated } = findExpressions('a <+b "c> \nd <+spec.environmentVariables.e>');
  assert.deepEqual(unterminated, [{ start: 2, text: '<+b "c>' }]);
  assert.equal(expressions[0]?.start, 13);
});

test('a text without expressions holds none', () => {
  assert.deepEqual(findExpressions('cat < +file; echo $((1 < +2))'), { expressions: [], unterminated: [] });
});
