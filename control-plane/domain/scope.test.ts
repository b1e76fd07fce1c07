import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import {
  isWithin,
  levelOf,
  orgOf,
  parseScope,
  projectOf,
  type Scope,
  scopeOf,
  visibleFrom,
} from './scope.ts';

const scopes: readonly Scope[] = ['account', 'org/pay', 'org/pay/demo'];

test('a scope is one text, from an organisation and a project, and says both again', () => {
  assert.deepEqual([scopeOf(undefined, undefined), scopeOf('pay', ''), scopeOf('pay', 'demo')], scopes);
  assert.deepEqual(scopes.map(orgOf), [undefined, 'pay', 'pay']);
  assert.deepEqual(scopes.map(projectOf), [undefined, undefined, 'demo']);
  assert.deepEqual(scopes.map(levelOf), ['account', 'org', 'project']);
  assert.deepEqual(scopes.map(parseScope), scopes);
});

test('an empty organisation is none, as provisioning tools write it', () => {
  assert.equal(scopeOf('', ''), 'account');
});

test('a project needs its organisation', () => {
  for (const org of ['', undefined])
    assert.throws(
      () => scopeOf(org, 'demo'),
      /^RequestError: OrgIdentifier cannot be empty for PROJECT scope$/,
    );
});

test('what would make another scope of a text is refused', () => {
  for (const part of ['a/b', '..', 'a b', '9a', 'a-b', 'a\n', 'é', 'a'.repeat(129)]) {
    assert.throws(() => scopeOf(part, undefined), RequestError, part);
    assert.throws(() => scopeOf('pay', part), RequestError, part);
  }
  for (const text of ['', 'org', 'org/', 'org/pay/', 'org//demo', 'org/pay/demo/x', 'Account', 'project/x'])
    assert.throws(() => parseScope(text), RequestError, text);
});

test('what is seen is the own scope and those above it, the nearest first', () => {
  assert.deepEqual(scopes.map(visibleFrom), [
    ['account'],
    ['org/pay', 'account'],
    ['org/pay/demo', 'org/pay', 'account'],
  ]);
});

test('a scope holds itself and what is below it, never what only begins like it', () => {
  const held = (outer: Scope) => scopes.filter(inner => isWithin(inner, outer));
  assert.deepEqual(held('account'), scopes);
  assert.deepEqual(held('org/pay'), ['org/pay', 'org/pay/demo']);
  assert.deepEqual(held('org/pay/demo'), ['org/pay/demo']);
  assert.ok(!isWithin('org/payments', 'org/pay'));
  assert.ok(!isWithin('org/other/demo', 'org/pay/demo'));
});
