import assert from 'node:assert/strict';
import test from 'node:test';
import { describeExpression, type Expression, parseExpressions, parseText } from './expression.ts';

const a: Expression = { kind: 'input', list: 'environmentVariables', name: 'a' };
const A = '<+spec.environmentVariables.a>';
const text = (text: string): Expression => ({ kind: 'text', text });
const path = (path: string): Expression => ({ kind: 'path', path });
const join = (...parts: Expression[]): Expression => ({ kind: 'join', parts });
const secret = (argument: Expression): Expression => ({ kind: 'secret', by: 'reference', argument });
const named = (argument: Expression): Expression => ({ kind: 'secret', by: 'name', argument });

function read(text: string): Expression {
  const parsed = parseText(text);
  return parsed.ok ? parsed.expression : assert.fail(parsed.problem);
}

function problem(text: string): string {
  const parsed = parseText(text);
  return parsed.ok ? assert.fail(JSON.stringify(parsed.expression)) : parsed.problem;
}

const forms: Record<string, Expression> = {
  '<+secretManager.environmentVariables.a>': a,
  '<+spec.environmentVariables.a>': a,
  '<+connector.spec.environmentVariables.a>': a,
  '<+secretManager.inputVariables.a>': { ...a, list: 'inputVariables' },
  '<+spec.inputVariables.a>': { ...a, list: 'inputVariables' },
  '<+connector.spec.inputVariables.a>': { ...a, list: 'inputVariables' },
  '<+spec.source.spec.type>': path('source.spec.type'),
  '<+connector.spec.shell>': path('shell'),
  '<+secretManager.onDelegate>': path('onDelegate'),
  '<+spec.outputVariables.x>': path('outputVariables.x'),
  '<+secrets.getValue("id")>': secret(text('id')),
  "<+secrets.getValue('org.id')>": secret(text('org.id')),
  '<+ secrets.getValue ( "account.id" ) >': secret(text('account.id')),
  '<+secrets.getValue(<+spec.environmentVariables.a>)>': secret(a),
  '<+secrets.getValue(spec.environmentVariables.a)>': secret(a),
  '<+secrets.getValue("<+spec.environmentVariables.a>")>': secret(a),
  '<+secrets.getValue("x_<+ spec.environmentVariables.a >_y")>': secret(join(text('x_'), a, text('_y'))),
  '<+secrets.getValue("a_" + <+spec.environmentVariables.a>)>': secret(join(text('a_'), a)),
  '<+secrets.getValue("a" + \'b\' + 1 + 2.50)>': secret(text('ab12.50')),
  '<+secrets.getValue("a_" + <+secrets.getValue("b")>)>': secret(join(text('a_'), secret(text('b')))),
  '<+secrets.getValue("x<+secrets.getValue("y")>")>': secret(join(text('x'), secret(text('y')))),
  '<+"it\'s" + \'"\'>': text('it\'s"'),
  '<+<+spec.environmentVariables.a>>': a,
  '<+12>': text('12'),
  '<+"a>b">': text('a>b'),
};

for (const [written, tree] of Object.entries(forms)) {
  test(`read: ${written}`, () => {
    assert.deepEqual(read(written), tree);
    const [found, ...more] = parseExpressions(`é ${written} <`, 'NG').expressions;
    assert.deepEqual(more, []);
    assert.deepEqual(found, {
      start: 2,
      end: 2 + written.length,
      text: written,
      meaning: { ok: true, expression: tree },
    });
  });

  test(`what is read is described as something that reads the same: ${written}`, () => {
    assert.deepEqual(read(describeExpression(tree)), tree);
  });
}

for (const written of [
  '<+>',
  '<+spec>',
  '<+spec.>',
  '<+spec.environmentVariables>',
  '<+spec.environmentVariables.>',
  '<+spec.environmentVariables.9a>',
  `<+spec.environmentVariables.n${'a'.repeat(128)}>`,
  '<+spec.a..b>',
  '<+environmentVariables.a>',
  '<+connector.name>',
  '<+secrets.getValue>',
  '<+secrets.getValue()>',
  '<+secrets.getValue("a", "b")>',
  '<+secrets.getValue("a")',
  '<+secrets.getValue("a").length>',
  '<+secrets.getvalue("a")>',
  '<+secrets.get("a")>',
  '<+"a" "b">',
  '<+"a" +>',
  '<++ "a">',
  '<+1 - 1>',
  '<+("a")>',
  '<+spec.outputVariables[0]>',
  '<+spec.environmentVariables.a.default("x")>',
  '<+new java.lang.String("a")>',
]) {
  const isOpen = !written.endsWith('>');
  test(`refused, and ${isOpen ? 'said to be open' : 'quoted'}: ${written.slice(0, 60)}`, () => {
    const expected = isOpen
      ? 'the <+ at character 2 has no closing > on its line'
      : `${written} is not understood; write <+secretManager.environmentVariables.NAME> for an input, ` +
        'or <+secrets.getValue("account.NAME")> for a secret';
    assert.equal(problem(`a${written}`), expected);
  });
}

test('of nested expressions the one that is not understood is quoted', () => {
  assert.match(problem('<+secrets.getValue("a" + <+x>)>'), /^<\+x> is not understood/);
  assert.match(problem('<+secrets.getValue("<+x>")>'), /^<\+x> is not understood/);
});

test('<+input> is no expression among others', () => {
  assert.match(problem('a <+ input >'), /^<\+input> stands only as the whole value of an input/);
});

test('a name may hold dots, dollars and dashes, and 128 characters', () => {
  for (const name of ['_a.b$c-d9', `n${'a'.repeat(127)}`])
    assert.deepEqual(read(`<+spec.environmentVariables.${name}>`), { ...a, name });
});

test('a value is its text, with the expressions in it', () => {
  assert.deepEqual(read(''), text(''));
  assert.deepEqual(read('a < +b ${c}\n$(d)'), text('a < +b ${c}\n$(d)'));
  assert.deepEqual(
    read(`https://${A}/\n<+spec.shell>`),
    join(text('https://'), a, text('/\n'), path('shell')),
  );
  assert.deepEqual(read(`${A}<+"">${A}`), join(a, a));
});

test('an expression stands on one line, and an open one costs its own line only', () => {
  const { expressions, unterminated } = parseExpressions(`a <+b "c> \n<+spec.\nshell>\nd ${A}`, 'NG');
  assert.deepEqual(unterminated, [
    { start: 2, text: '<+b "c>' },
    { start: 11, text: '<+spec.' },
  ]);
  assert.deepEqual(
    expressions.map(({ start }) => start),
    [28],
  );
});

test('an open expression in a value is told by its place: it may be part of a password', () => {
  assert.equal(problem('hush<+hush'), 'the <+ at character 5 has no closing > on its line');
});

test('absurd nesting is refused, and takes no time', () => {
  for (const [open, close] of [
    ['<+secrets.getValue(', ')>'],
    ['<+secrets.getValue("', '")>'],
    ['<+"', ''],
    ['<+', '>'],
  ] as const)
    assert.equal(parseText(open.repeat(3_000) + close.repeat(3_000)).ok, false);
  const calls = `<+${'secrets.getValue('.repeat(3_000)}"a"${')'.repeat(3_000)}>`;
  assert.match(problem(calls), /…? is not understood/);
});

const declared = [
  { list: 'inputVariables', name: 'both' },
  { list: 'environmentVariables', name: 'a' },
  { list: 'environmentVariables', name: 'both' },
  { list: 'inputVariables', name: 'i' },
] as const;
const firstGen = (text: string) =>
  parseExpressions(text, 'FirstGen', declared).expressions.map(({ start, text, meaning }) => [
    start,
    text,
    meaning.ok ? meaning.expression : meaning.problem,
  ]);

test('FirstGen: the names of declared inputs are expressions, and all else is bash', () => {
  assert.deepEqual(firstGen('${a} ${b} $a ${a:-x} ${#a} ${ a } ${HOME} <+x> ${x:-${a}}'), [
    [0, '${a}', a],
    [52, '${a}', a],
  ]);
  assert.deepEqual(firstGen('${both}${i}'), [
    [0, '${both}', { ...a, name: 'both' }],
    [7, '${i}', { list: 'inputVariables', kind: 'input', name: 'i' }],
  ]);
});

test('FirstGen: a secret is named by its name, in which inputs may stand', () => {
  assert.deepEqual(firstGen('x="${secrets.getValue("my secret")}"'), [
    [3, '${secrets.getValue("my secret")}', named(text('my secret'))],
  ]);
  assert.deepEqual(firstGen("${ secrets.getValue( 'n' ) }"), [
    [0, "${ secrets.getValue( 'n' ) }", named(text('n'))],
  ]);
  assert.deepEqual(firstGen('${secrets.getValue("x-${a}-${b}")}'), [
    [0, '${secrets.getValue("x-${a}-${b}")}', named(join(text('x-'), a, text('-${b}')))],
  ]);
});

test('FirstGen: a call that is not understood is quoted', () => {
  for (const written of [
    '${secrets.getValue(x)}',
    '${secrets.getValue("x" + "y")}',
    '${secrets.getValue("x")',
  ])
    assert.deepEqual(firstGen(`a ${written}`), [
      [2, written, `${written} is not understood; write \${secrets.getValue("NAME")}`],
    ]);
});

test('FirstGen: expressions are described as they are written', () => {
  for (const written of ['${a}', '${secrets.getValue("x-${a}")}']) {
    const parsed = parseText(written, 'FirstGen', declared);
    assert.equal(parsed.ok && describeExpression(parsed.expression, 'FirstGen'), written);
  }
});
