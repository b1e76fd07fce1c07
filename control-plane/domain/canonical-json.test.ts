import assert from 'node:assert/strict';
import test from 'node:test';
import { canonicalJson } from './canonical-json.ts';

test('the order of keys makes no difference, at any depth; that of a list does', () => {
  const one = { b: [{ y: 1, x: null }], a: 'é"\n' };
  const other = { a: 'é"\n', b: [{ x: null, y: 1 }] };
  assert.equal(canonicalJson(one), canonicalJson(other));
  assert.equal(canonicalJson(one), '{"a":"é\\"\\n","b":[{"x":null,"y":1}]}');
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
});

test('what JSON does not hold is not there', () => {
  assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}');
});

test('keys are sorted by their characters, whatever the language of the machine', () => {
  assert.equal(canonicalJson({ a: 1, Z: 1, é: 1, _: 1 }), '{"Z":1,"_":1,"a":1,"é":1}');
});
