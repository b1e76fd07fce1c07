import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { RequestError } from '../domain/errors.ts';
import { openValue, rewrapKey, sealValue } from './envelope.ts';
import { makeKey, parseKeyRing } from './key-ring.ts';

const newKey = () => parseKeyRing(makeKey().line, 'ring').primary;
const key = newKey();
const bytes = (text: string) => new TextEncoder().encode(text);

test('a value opens as it was: empty, any bytes, and some MiB', () => {
  for (const value of [bytes(''), bytes('é\n\0'), randomBytes(3 * 1024 * 1024)]) {
    assert.deepEqual(
      Buffer.from(openValue(key, 'secret/1', sealValue(key, 'secret/1', value))),
      Buffer.from(value),
    );
  }
});

test('the same value is never encrypted the same way twice', () => {
  const [one, other] = [sealValue(key, 'secret/1', bytes('x')), sealValue(key, 'secret/1', bytes('x'))];
  assert.notEqual(one.ciphertext, other.ciphertext);
  assert.notEqual(one.wrappedKey, other.wrappedKey);
});

test("what belongs to one owner does not open as another's, entirely or in part", () => {
  const [mine, yours] = [
    sealValue(key, 'secret/1', bytes('mine')),
    sealValue(key, 'secret/2', bytes('yours')),
  ];
  refused(() => openValue(key, 'secret/2', mine));
  refused(() => openValue(key, 'secret/2', { ...yours, ciphertext: mine.ciphertext }));
  refused(() => openValue(key, 'secret/2', { ...yours, wrappedKey: mine.wrappedKey }));
  refused(() => rewrapKey(key, newKey(), 'secret/2', mine));
});

test("an owner's own older ciphertext does not open with its newer wrapped key", () => {
  const [older, newer] = [sealValue(key, 'secret/1', bytes('a')), sealValue(key, 'secret/1', bytes('b'))];
  refused(() => openValue(key, 'secret/1', { ...newer, ciphertext: older.ciphertext }));
});

test('one changed bit, a cut or an addition is noticed, in either layer', () => {
  const sealed = sealValue(key, 'secret/1', bytes('value'));
  for (const field of ['ciphertext', 'wrappedKey'] as const) {
    const whole = Buffer.from(sealed[field], 'base64');
    const changes = [...whole.keys()].map(index => {
      const changed = Buffer.from(whole);
      changed[index] = (changed[index] ?? 0) ^ 1;
      return changed;
    });
    for (const changed of [
      ...changes,
      whole.subarray(1),
      whole.subarray(0, -1),
      Buffer.of(),
      Buffer.concat([whole, whole]),
    ]) {
      refused(() => openValue(key, 'secret/1', { ...sealed, [field]: changed.toString('base64') }));
    }
  }
});

test('another key opens nothing, and a key of the same bytes under another id opens nothing', () => {
  const sealed = sealValue(key, 'secret/1', bytes('value'));
  refused(() => openValue(newKey(), 'secret/1', sealed));
  refused(() => openValue({ ...key, id: '0'.repeat(16) }, 'secret/1', sealed));
});

test('rewrapping changes the wrapped key alone', () => {
  const [sealed, next] = [sealValue(key, 'secret/1', bytes('value')), newKey()];
  const rewrapped = { ...sealed, ...rewrapKey(key, next, 'secret/1', sealed) };
  assert.equal(rewrapped.keyId, next.id);
  assert.equal(Buffer.from(openValue(next, 'secret/1', rewrapped)).toString(), 'value');
  refused(() => openValue(key, 'secret/1', rewrapped));
});

function refused(open: () => unknown): void {
  assert.throws(open, (error: unknown) => {
    return (
      error instanceof RequestError &&
      error.code === 'ENCRYPT_DECRYPT_ERROR' &&
      /of secret\/[12] /.test(error.message)
    );
  });
}
