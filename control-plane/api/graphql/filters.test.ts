import assert from 'node:assert/strict';
import test from 'node:test';
import { type EnumFilter, enumMatcher, type IdFilter, idMatcher, namedIds } from './filters.ts';

/** The message as a caller reads it. */
const refused = (message: string) => ({ name: 'RequestError', message });

const ids = (operator: IdFilter['operator'], ...values: (string | null)[]) =>
  ['ab', 'abc', 'x'].filter(idMatcher({ operator, values }));

test('each operator on ids', () => {
  assert.deepEqual(ids('EQUALS', 'ab'), ['ab']);
  assert.deepEqual(ids('LIKE', 'b'), ['ab', 'abc']);
  assert.deepEqual(ids('IN', 'x', null, 'ab'), ['ab', 'x']);
  assert.deepEqual(ids('NOT_IN', 'x'), ['ab', 'abc']);
  assert.deepEqual(ids('NOT_NULL'), ['ab', 'abc', 'x']);
  assert.deepEqual(ids('NOT_NULL', 'y'), ['ab', 'abc', 'x']);
  assert.equal(idMatcher(null)('anything'), true);
});

test('values that an operator cannot take', () => {
  for (const operator of ['EQUALS', 'LIKE'] as const) {
    const only = refused(`Only one value needs to be inputted for operator ${operator}`);
    assert.throws(() => ids(operator, 'a', 'b'), only);
  }
  for (const operator of ['EQUALS', 'LIKE', 'IN', 'NOT_IN'] as const)
    assert.throws(() => ids(operator), refused('Values cannot be empty'));
  assert.throws(() => ids('IN', null), refused('Values cannot be empty'));
});

test('enums', () => {
  const kinds = (filter: EnumFilter<'A' | 'B'> | null) =>
    (['A', 'B', undefined] as const).filter(enumMatcher(filter));
  assert.deepEqual(kinds(null), ['A', 'B', undefined]);
  assert.deepEqual(kinds({ operator: 'EQUALS', values: ['A'] }), ['A']);
  assert.deepEqual(kinds({ operator: 'IN', values: ['A', 'B', null] }), ['A', 'B']);
  assert.throws(() => kinds({ values: ['A'] }), refused('Enum Operator cannot be null'));
  assert.throws(() => kinds({ operator: 'IN' }), refused('Enum values cannot be empty'));
  assert.throws(() => kinds({ operator: 'IN', values: [] }), refused('Enum values cannot be empty'));
  const only = refused('Only one value needs to be inputted for operator EQUALS');
  assert.throws(() => kinds({ operator: 'EQUALS', values: ['A', 'B'] }), only);
});

test('ids that are chosen one by one', () => {
  assert.equal(namedIds(undefined, 'service'), undefined);
  assert.deepEqual(namedIds({ operator: 'IN', values: ['a', null, 'b'] }, 'service'), ['a', 'b']);
  const wrong = refused('Invalid request: service takes the operators EQUALS and IN only');
  assert.throws(() => namedIds({ operator: 'LIKE', values: ['a'] }, 'service'), wrong);
  assert.throws(
    () => namedIds({ operator: 'EQUALS', values: [] }, 'service'),
    refused('Values cannot be empty'),
  );
});
