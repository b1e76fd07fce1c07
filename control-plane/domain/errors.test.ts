import assert from 'node:assert/strict';
import test from 'node:test';
import { accessDenied, RequestError } from './errors.ts';

test('the code decides how the text begins, as clients match on it', () => {
  assert.equal(new RequestError('INVALID_REQUEST', 'x').message, 'Invalid request: x');
  assert.equal(new RequestError('INVALID_ARGUMENT', 'x').message, 'Invalid argument(s): x');
  assert.equal(new RequestError('RESOURCE_NOT_FOUND', 'x').message, 'Resource not found: x');
  assert.equal(new RequestError('SECRET_MANAGEMENT_ERROR', 'x').message, 'x');
  assert.equal(new RequestError('INVALID_IDENTIFIER_REF', 'x').message, 'x');
  assert.equal(new RequestError('ENCRYPT_DECRYPT_ERROR', 'x').message, 'x');
  assert.equal(new RequestError('UNRESOLVED_EXPRESSION', 'x').message, 'x');
  assert.equal(new RequestError('CYCLIC_REFERENCE', 'x').message, 'x');
  assert.equal(new RequestError('USER_NOT_AUTHORIZED', '').message, 'User not authorized');
  assert.equal(accessDenied().message, 'User not authorized: ACCESS_DENIED');
});

test('several problems are told one per line, and stay apart', () => {
  const error = new RequestError('INVALID_REQUEST', ['a', 'b']);
  assert.equal(error.message, 'Invalid request: a\nb');
  assert.deepEqual(error.problems, ['a', 'b']);
});

test('a fault of ours stays with the error for the log, and out of its text', () => {
  const fault = new Error('the disk is full');
  const error = new RequestError('INVALID_REQUEST', 'x', fault);
  assert.equal(error.cause, fault);
  assert.equal(error.message, 'Invalid request: x');
});
