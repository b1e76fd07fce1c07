import assert from 'node:assert/strict';
import test from 'node:test';
import type { InputType } from './inputs.ts';
import {
  checkValue,
  type InputValue,
  literalProblems,
  parseInputValue,
  type Validator,
} from './runtime-input.ts';

function runtime(text: string, type?: InputType): { defaultText: string | undefined; validator?: Validator } {
  const parsed = parseInputValue(text, type);
  assert.ok(parsed.ok, parsed.ok ? '' : `${text}: ${parsed.problem}`);
  if (parsed.value.kind !== 'runtime') assert.fail(`${text} is fixed`);
  const { source, defaultText, validator } = parsed.value;
  assert.equal(source, text);
  return validator === undefined ? { defaultText } : { defaultText, validator };
}

function problem(text: string, type?: InputType): string {
  const parsed = parseInputValue(text, type);
  return parsed.ok ? assert.fail(`${text} was accepted`) : parsed.problem;
}

const allowed = (text: string) => {
  const { validator } = runtime(text);
  return validator !== undefined && 'allowed' in validator ? validator.allowed : assert.fail('no list');
};

test('text without <+input> is fixed, blanks and expressions included', () => {
  for (const text of ['', ' kv ', '<+spec.environmentVariables.a>', 'input', '<input>', '*', '.default(x)'])
    assert.deepEqual(parseInputValue(text), { ok: true, value: { kind: 'fixed', text } });
});

test('<+input> alone is a runtime input without default and validator', () => {
  assert.deepEqual(runtime('<+input>'), { defaultText: undefined });
  assert.deepEqual(runtime(' <+ input > '), { defaultText: undefined });
  assert.deepEqual(runtime('<+input>.executionInput()'), { defaultText: undefined });
});

test('methods stand in any order', () => {
  const both = { defaultText: 'a', validator: { kind: 'allowedValues', allowed: ['a', 'b'] } };
  assert.deepEqual(runtime('<+input>.allowedValues(a,b).default(a)'), both);
  assert.deepEqual(runtime('<+input>.default(a).allowedValues(a, b)'), both);
  assert.deepEqual(runtime('<+input>.executionInput().default( a ).allowedValues( a , b )'), both);
});

test('an argument ends at the bracket that closes its method; brackets in quotes do not count', () => {
  assert.deepEqual(runtime('<+input>.default(a(b)c)'), { defaultText: 'a(b)c' });
  assert.deepEqual(runtime("<+input>.default(\\'a)b\\')"), { defaultText: 'a)b' });
  assert.deepEqual(runtime('<+input>.default(\\"(\\").regex(\\"[(].*\\")', 'String'), {
    defaultText: '(',
    validator: { kind: 'regex', pattern: '[(].*' },
  });
  assert.deepEqual(runtime('<+input>.default(.regex(x))'), { defaultText: '.regex(x)' });
});

test('a list splits at commas outside quotes, and one pair of outer quotes goes away', () => {
  assert.deepEqual(allowed("<+input>.allowedValues(\\'london,uk\\', \\\"a\\\" ,b,it's,\\'\\\"q\\\"\\')"), [
    'london,uk',
    'a',
    'b',
    "it's",
    '\\"q\\"',
  ]);
  assert.deepEqual(allowed('<+input>.selectOneFrom(x)'), ['x']);
  assert.deepEqual(allowed('<+input>.selectManyFrom(1,2)'), ['1', '2']);
});

test('a default that holds a comma is quoted, and may begin with a quoted star', () => {
  assert.deepEqual(runtime("<+input>.default(\\'london,uk\\')"), { defaultText: 'london,uk' });
  assert.deepEqual(runtime("<+input>.default(\\'*.example\\')"), { defaultText: '*.example' });
  assert.deepEqual(runtime('<+input>.default()'), { defaultText: '' });
  assert.equal(
    problem('<+input>.default( *.example)'),
    `a default cannot begin with "*"; put it in quotes: .default(\\'*…\\')`,
  );
});

test('several defaults stand only with selectManyFrom', () => {
  assert.equal(runtime('<+input>.selectManyFrom(a,b,c).default(a, c)').defaultText, 'a, c');
  for (const text of ['<+input>.default(a,b)', '<+input>.allowedValues(a,b).default(a,b)'])
    assert.match(problem(text), /^several defaults need \.selectManyFrom\(…\)/);
});

test('a default has to pass the validator', () => {
  assert.equal(
    problem('<+input>.allowedValues(a,b).default(c)'),
    `the default breaks .allowedValues(…): Current values \\'c\\' are not in allowed values list`,
  );
  assert.match(
    problem('<+input>.selectManyFrom(a,b).default(a,c,d)'),
    /Current values \\'c\\', \\'d\\' are not/,
  );
  assert.match(problem('<+input>.regex(a+).default(b)'), /Current value b does not match with given regex/);
  assert.equal(runtime('<+input>.allowedValues(1,2).default(1.0)', 'Number').defaultText, '1.0');
  assert.equal(problem('<+input>.default(x)', 'Number'), 'the default must be a number');
  assert.doesNotMatch(problem('<+input>.regex(a+).default(hush)', 'Secret'), /hush/);
});

test('a default with expressions is checked when the input is used', () => {
  const text = '<+spec.environmentVariables.a>';
  assert.equal(runtime(`<+input>.allowedValues(a,b).default(${text})`).defaultText, text);
});

for (const [text, expected] of [
  ['a <+input>', /^<\+input> must be the whole value, it cannot stand in a longer text/],
  ['<+input>a', /^<\+input> must be the whole value.* found "a"/],
  ['<+input>.default', /must be the whole value/],
  ['<+input>.default(a)x', /found "x"/],
  ['<+input>.default(a', /^the bracket of \.default\( is never closed/],
  ['<+input>.default(a(b)', /never closed/],
  ['<+input>.trim()', /^<\+input> has no method trim; it has default, allowedValues,/],
  ['<+input>.default(a).default(b)', /^\.default\(…\) stands twice/],
  ['<+input>.default(<+x>)', /^the default: <\+x> is not understood/],
  ['<+input>.default(a<+input>)', /^the default: <\+input> stands only/],
  ['<+input>.executionInput(x)', /takes no argument/],
  ['<+input>.allowedValues(a).regex(b)', /^\.allowedValues\(…\) and \.regex\(…\) exclude each other/],
  ['<+input>.selectOneFrom(a).selectManyFrom(b)', /exclude each other/],
  ['<+input>.allowedValues()', /needs values/],
  ['<+input>.regex()', /needs a pattern/],
  ['<+input>.regex([)', /^the pattern of \.regex\(…\) cannot be used: it does not compile/],
  ['<+input>.regex(\\"a)|(b\\")', /does not compile/],
  [`<+input>.regex(${'a'.repeat(1001)})`, /it has more than 1000 characters/],
] as const) {
  test(`refused: ${text.slice(0, 60)}`, () => assert.match(problem(text), expected));
}

function check(
  text: string,
  value: string,
  type: InputType = 'String',
  isSecret?: boolean,
): string | undefined {
  const parsed = parseInputValue(text);
  const input: InputValue = parsed.ok ? parsed.value : assert.fail(parsed.problem);
  return checkValue({ name: 'region', type, value: input }, value, 'secret', isSecret);
}

test('what is not allowed is told with the original’s message, the input, who gave it, and the rule', () => {
  assert.equal(
    check('<+input>.allowedValues(x,y)', 'a, x,b'),
    `input "region", value from the secret: Current values \\'a\\', \\'b\\' are not in allowed values list (allowedValues: x, y)`,
  );
  assert.equal(
    check('<+input>.allowedValues(1,2)', '3', 'Number'),
    'input "region", value from the secret: Current value 3 is not in allowed values list (allowedValues: 1, 2)',
  );
  assert.equal(
    check('<+input>.regex([a-z]+)', 'a1'),
    'input "region", value from the secret: Current value a1 does not match with given regex (regex: [a-z]+)',
  );
});

test('each part of the value must be allowed, or the value as a whole', () => {
  const text = "<+input>.allowedValues(a,b,\\'london,uk\\')";
  for (const value of ['a', 'a,b', ' b , a ', 'london,uk', "\\'london,uk\\',a"])
    assert.equal(check(text, value), undefined);
  for (const value of ['', 'A', 'a,', 'a;b', 'london'])
    assert.match(check(text, value) ?? '', /are not in allowed/);
});

test('one is exactly one, many are one or more', () => {
  assert.equal(check('<+input>.selectOneFrom(a,b)', 'b'), undefined);
  assert.match(check('<+input>.selectOneFrom(a,b)', 'a,b') ?? '', /Current values \\'a\\', \\'b\\' are not/);
  assert.equal(check('<+input>.selectManyFrom(a,b)', 'a,b'), undefined);
  assert.match(check('<+input>.selectManyFrom(a,b)', '') ?? '', /Current values \\'\\' are not/);
});

test('numbers are compared as numbers, every digit of them', () => {
  const text = '<+input>.allowedValues(1,-20,0,9007199254740993)';
  for (const value of ['1.0', '01', '+1', '1e0', '0.1e1', '-2e1', '0.0', '-0', '9007199254740993'])
    assert.equal(check(text, value, 'Number'), undefined, value);
  for (const value of ['10', '20', '9007199254740992', '1e1'])
    assert.match(check(text, value, 'Number') ?? '', /is not in allowed values list/, value);
  assert.equal(check('<+input>.selectManyFrom(1,2)', '1.0, 2', 'Number'), undefined);
});

test('a Number must be one, whatever the validator', () => {
  for (const value of ['', 'x', '1x', '.', '1,2', '0x10', 'NaN', '1 2', '9'.repeat(500)])
    assert.equal(
      check('<+input>', value, 'Number'),
      'input "region", value from the secret: it must be a number',
    );
  assert.equal(check('fixed', '-1.5e-3', 'Number'), undefined);
});

test('a regex must match the whole value', () => {
  assert.equal(check('<+input>.regex(a|bc)', 'bc'), undefined);
  for (const value of ['ab', 'bcd', 'a\n', 'x\na'])
    assert.match(check('<+input>.regex(a|bc)', value) ?? '', /does not match/);
});

test('a regex that would take for ever ends, and nothing passes', () => {
  for (const pattern of ['(a+)+', '(a|a)*', '(a*)*b']) {
    const found = check(`<+input>.regex(${pattern})`, `${'a'.repeat(5_000)}!`);
    assert.match(found ?? '', /: the regex cannot be applied to the value: it takes too long \(regex/);
  }
  assert.match(check('<+input>.regex(a*)', 'a'.repeat(70_000)) ?? '', /more than 65536 characters/);
});

test('no message shows a value that is secret, nor how many there are', () => {
  for (const text of ['<+input>.allowedValues(x)', '<+input>.selectManyFrom(x)', '<+input>.regex(x)']) {
    for (const found of [check(text, 'hush,hush', 'Secret'), check(text, 'hush', 'String', true)]) {
      assert.match(found ?? '', /^input "region", value from the secret: Current values? .*\*{6}/);
      assert.doesNotMatch(found ?? '', /hush|\(\w+: x|\*{6}.*\*{6}/);
    }
  }
  const number = check('<+input>.allowedValues(1)', '42', 'Number', true);
  assert.match(number ?? '', /Current value \*{6} is not in allowed values list/);
});

test('values in a document are checked when it is saved, but for those with expressions', () => {
  const list = 'environmentVariables';
  const value = (text: string) => {
    const parsed = parseInputValue(text);
    return parsed.ok ? parsed.value : assert.fail(parsed.problem);
  };
  const declared = [
    { list, name: 'a', type: 'Number', value: value('<+input>.allowedValues(1,2)') },
    { list, name: 'b', type: 'String', value: value('<+input>.regex(x)') },
    { list, name: 'c', type: 'Number', value: value('x') },
  ] as const;
  const given = [
    { list, name: 'a', type: 'String', value: value('3') },
    { list, name: 'b', type: 'Secret', value: value('hush') },
    { list: 'inputVariables', name: 'b', type: 'String', value: value('y') },
    { list, name: 'zz', type: 'Number', value: value('y') },
  ] as const;
  assert.deepEqual(literalProblems(declared, given, 'connector'), [
    'input "a", value from the connector: Current value 3 is not in allowed values list (allowedValues: 1, 2)',
    'input "b", value from the connector: Current value ****** does not match with given regex (regex)',
  ]);
  assert.deepEqual(literalProblems(declared, declared, 'template'), [
    'input "c", value from the template: it must be a number',
  ]);
  const open = ['<+input>', '<+spec.shell>', 'x<+'].map(text => ({ ...given[0], value: value(text) }));
  assert.deepEqual(literalProblems(declared, open, 'secret'), []);
});
