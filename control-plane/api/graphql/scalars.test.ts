import assert from 'node:assert/strict';
import test from 'node:test';
import { type GraphQLScalarType, parseValue } from 'graphql';
import { AnyNumber, DateTime, Json, Long } from './scalars.ts';

const fromText = (type: GraphQLScalarType, text: string): unknown => type.parseLiteral(parseValue(text), {});

test('Long: a text in answers; a text or an integer in requests, without losing digits', () => {
  const largest = '9223372036854775807';
  assert.deepEqual([Long.serialize(7), Long.serialize('-7'), Long.serialize(largest)], ['7', '-7', largest]);
  assert.deepEqual(
    [Long.parseValue(7), Long.parseValue('007'), Long.parseValue(largest)],
    ['7', '7', largest],
  );
  assert.deepEqual(
    [fromText(Long, largest), fromText(Long, '"12"'), fromText(Long, '12')],
    [largest, '12', '12'],
  );
  for (const wrong of [1.5, 2 ** 60, '9223372036854775808', '1e3', '', ' 1', true, null, {}, [1], '0x1'])
    assert.throws(() => Long.parseValue(wrong), /Long must be an integer of 64 bits, or its decimal text$/);
});

test('DateTime: milliseconds in answers; an integer or its digits in requests', () => {
  const time = 1_700_000_000_123;
  assert.equal(DateTime.serialize('2023-11-14T22:13:20.123Z'), time);
  assert.equal(DateTime.serialize(time), time);
  assert.deepEqual([DateTime.parseValue(time), DateTime.parseValue(`${time}`)], [time, time]);
  assert.deepEqual([fromText(DateTime, `${time}`), fromText(DateTime, `"${time}"`)], [time, time]);
  for (const wrong of ['2023-11-14T22:13:20.123Z', 1.5, '', 'now', true, null, {}])
    assert.throws(() => DateTime.parseValue(wrong), /DateTime must be milliseconds since 1970/);
  assert.throws(() => DateTime.serialize('never'), TypeError);
});

test('Number: what is a number; LegateJSON: anything', () => {
  assert.deepEqual([AnyNumber.parseValue(1.5), fromText(AnyNumber, '-2')], [1.5, -2]);
  assert.throws(() => AnyNumber.parseValue('hunter2'), /^Number must be a number$/);
  assert.throws(() => AnyNumber.parseValue(Number.NaN));
  const value = { a: [1, null, { b: 'c' }] };
  assert.deepEqual(Json.serialize(value), value);
});
