/** The bodies of long polls: the golden ones, and how many frames go into one. */
import assert from 'node:assert/strict';
import test, { suite } from 'node:test';
import { bodyVectors } from '../test/harness/vectors.ts';
import { ProtocolError } from './codec.ts';
import { limits } from './limits.ts';
import { batchReader, fitting, pollSchemas, pollSteps, writeBatch } from './polling.ts';

suite('bodies', () => {
  for (const { kind, step, name, body, envelope, frames, error } of bodyVectors())
    test(`${kind} ${step}: ${name}`, () => {
      const read = batchReader(kind, step);
      if (error !== undefined) return assert.throws(() => read(body), new ProtocolError(error));
      assert.deepEqual(read(body), { envelope, frames });
      assert.deepEqual(read(writeBatch(Object(envelope), frames)), { envelope, frames });
    });

  test('there are vectors for every step', () => {
    const all = new Set(bodyVectors().map(({ kind, step }) => `${kind} ${step}`));
    assert.equal(all.size, Object.keys(pollSchemas).length * pollSteps.length);
  });
});

test('an error quotes nothing of the body', () => {
  for (const { kind, step, body, error } of bodyVectors()) {
    if (error === undefined || !body.includes('hunter2')) continue;
    assert.throws(
      () => batchReader(kind, step)(body),
      (thrown: Error) => !thrown.message.includes('hunter2'),
    );
  }
});

test('a body takes as many frames as fit by their bytes, and one in any case', () => {
  assert.equal(fitting([], 10), 0);
  assert.equal(fitting(['123456789'], 10), 1);
  assert.equal(fitting(['1234', '1234'], 10), 2);
  assert.equal(fitting(['1234', '1234', ''], 10), 2);
  assert.equal(fitting(['ééé', 'ééé'], 10), 1);
  assert.equal(fitting(['far too large for it', 'x'], 10), 1);
});

test('the largest frame fits into a body, with the largest envelope', () => {
  const close = { code: 4_999, reason: '\u{10ffff}'.repeat(123) };
  const envelope = { session: 'x'.repeat(64), seq: Number.MAX_SAFE_INTEGER, close };
  const body = writeBatch(envelope, ['x'.repeat(limits.frameToControlPlane)]);
  assert.ok(Buffer.byteLength(body) <= limits.body, String(Buffer.byteLength(body)));
});
