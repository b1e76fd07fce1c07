import assert from 'node:assert/strict';
import test from 'node:test';
import { factsOf, failureReasons, isFailureReason } from './failure.ts';

test('a reason is told from any other text', () => {
  for (const reason of failureReasons) assert.ok(isFailureReason(reason), reason);
  for (const text of ['', 'Script-Failed', 'script-failed ', 'toString', '__proto__', 'constructor'])
    assert.ok(!isFailureReason(text), text);
});

test('what the user is told is whole sentences', () => {
  for (const reason of failureReasons) assert.match(factsOf(reason).explanation, /^[A-Z].*\.$/, reason);
});

test('codes are what clients can match on: capital letters and underscores', () => {
  for (const reason of failureReasons) assert.match(factsOf(reason).code, /^[A-Z]+(_[A-Z]+)*$/, reason);
});

test('nothing that a script, its value or its input brought about is tried on another delegate', () => {
  for (const reason of [
    'script-failed',
    'empty-value',
    'value-too-large',
    'invalid-value',
    'unresolved-input',
    'timed-out',
    'cancelled',
  ] as const)
    assert.equal(factsOf(reason).retryElsewhere, false, reason);
});

test('what lies with one delegate is tried on another', () => {
  for (const reason of [
    'delegate-lost',
    'rejected-by-delegate',
    'host-unreachable',
    'shell-missing',
    'working-directory-missing',
  ] as const)
    assert.equal(factsOf(reason).retryElsewhere, true, reason);
});

test('a changed host key is never tried again: it may be an attack', () => {
  assert.equal(factsOf('host-key-mismatch').retryElsewhere, false);
});

test('a delegate cannot claim what only the control plane can know', () => {
  for (const reason of ['no-eligible-delegate', 'delegate-lost'] as const)
    assert.equal(factsOf(reason).setBy, 'control-plane', reason);
});
