import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pick, textsIn } from './pick.ts';

const object = JSON.stringify({
  user: 'app',
  password: ' p\r\nw "quoted" \\ 日本 ',
  port: 5432,
  tls: false,
  empty: '',
  none: null,
  nested: { 'a/b': ['first', { deep: 'found' }], '': 'of the empty key' },
  '': 'empty key',
  '/odd': 'begins with a slash',
  'dotted.name': 'd',
});

/** What is picked, or why nothing is. */
function picked(key: string, value = object): string {
  const result = pick(Buffer.from(value), key);
  return result.ok ? result.bytes.toString() : `${result.reason}: ${result.detail}`;
}

test('a key of the object is picked, text as it is by the rules of any value, anything else as JSON', () => {
  assert.equal(picked('user'), 'app');
  assert.equal(picked('password'), 'p\nw "quoted" \\ 日本');
  assert.equal(picked('port'), '5432');
  assert.equal(picked('tls'), 'false');
  assert.equal(picked('dotted.name'), 'd');
  assert.equal(picked('nested'), '{"a/b":["first",{"deep":"found"}],"":"of the empty key"}');
});

test('what begins with a slash is a JSON Pointer', () => {
  assert.equal(picked('/nested/a~1b/1/deep'), 'found');
  assert.equal(picked('/nested/a~1b/0'), 'first');
  assert.equal(picked('/nested/'), 'of the empty key');
  assert.equal(picked('/~1odd'), 'begins with a slash');
  assert.equal(picked('/'), 'empty key');
});

test('what is not there, empty or null is an empty value, and nothing of the object is quoted', () => {
  const nothing = (key: string) =>
    `empty-value: the script's value holds nothing under ${JSON.stringify(key)}`;
  for (const key of [
    'passwor',
    'none',
    '/nested/a~1b/7',
    '/nested/a~1b/length',
    '/nested/a~1b/01',
    '/user/0',
  ])
    assert.equal(picked(key), nothing(key));
  for (const key of ['constructor', '__proto__', 'toString']) assert.equal(picked(key), nothing(key));
  assert.equal(picked('empty'), `empty-value: what the script's value holds under "empty" is empty`);
});

test('a key is picked of an object only, and of a list by a pointer', () => {
  const why = `so that there is no "k" in it`;
  assert.equal(picked('k', 'p4ssw0rd'), `invalid-value: the script's value is not JSON, ${why}`);
  assert.equal(picked('k', '{"k": "cut of'), `invalid-value: the script's value is not JSON, ${why}`);
  assert.equal(picked('k', '"text"'), `invalid-value: the script's value is no JSON object, ${why}`);
  assert.equal(picked('/1', '["a","b"]'), 'b');
  assert.equal(picked('__proto__', '{"__proto__":"own"}'), 'own');
});

test('every text in a value that is JSON is known, and of another value none', () => {
  assert.deepEqual(textsIn('{"a":"one","b":[{"c":"two"},3,null]}').sort(), ['one', 'two']);
  assert.deepEqual([textsIn('"text"'), textsIn('{broken'), textsIn('plain')], [[], [], []]);
});
