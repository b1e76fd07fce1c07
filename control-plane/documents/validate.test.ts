import assert from 'node:assert/strict';
import test from 'node:test';
import { Type } from 'typebox';
import { checker, fieldPath } from './validate.ts';

const check = checker(
  Type.Object({
    name: Type.String({ pattern: '^[a-z]+$', rule: 'must be small letters' }),
    timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: 9, rule: 'must be an integer from 1 to 9' })),
    on: Type.Optional(Type.Boolean({ rule: 'must be true or false' })),
    list: Type.Optional(Type.Array(Type.Object({ value: Type.String({ rule: 'must be text' }) }))),
  }),
  'thing',
);

test('a JSON pointer becomes a path as people write it', () => {
  assert.equal(fieldPath(''), '');
  assert.equal(fieldPath('/spec/environmentVariables/0/name'), '.spec.environmentVariables[0].name');
  assert.equal(fieldPath('/a~1b/c~0d'), '.a/b.c~d');
});

test('what fits is given back with the fields that the schema does not know', () => {
  assert.deepEqual(check({ name: 'a', other: { x: [1] } }), {
    ok: true,
    value: { name: 'a', other: { x: [1] } },
  });
});

test('numbers and booleans may come as text, as YAML and provisioning tools write them', () => {
  const checked = check({ name: 'a', timeout: '5', on: 'true' });
  assert.deepEqual(checked, { ok: true, value: { name: 'a', timeout: 5, on: true } });
});

test('every problem is told, in the words of the rule, with the path of the field', () => {
  assert.deepEqual(check({ name: 'A', timeout: '1.5', on: 'yes', list: [{ value: 'x' }, {}] }), {
    ok: false,
    problems: [
      'thing.name must be small letters',
      'thing.timeout must be an integer from 1 to 9',
      'thing.on must be true or false',
      'thing.list[1].value is required',
    ],
  });
});

test('what was found is never told', () => {
  const checked = check({
    name: 'Hunter2',
    timeout: 'hunter3',
    on: 'hunter4',
    list: [{ value: ['hunter5'] }],
  });
  assert.ok(!checked.ok);
  assert.equal(checked.problems.length, 4);
  assert.doesNotMatch(checked.problems.join(), /hunter/i);
});

test('something that is no document at all is refused', () => {
  for (const data of [null, undefined, 'text', 5, []]) {
    assert.deepEqual(check(data), { ok: false, problems: ['thing must be object'] }, JSON.stringify(data));
  }
});
