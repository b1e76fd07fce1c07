import assert from 'node:assert/strict';
import { createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import test, { suite } from 'node:test';
import { exportJWK } from 'jose';
import { valueVectors, vectorKeys } from '../test/harness/vectors.ts';
import { agentCodec } from './codec.ts';
import { limits } from './limits.ts';
import {
  generateSealingKeys,
  openInput,
  openValue,
  SealError,
  type SealedChunk,
  type SealingKeys,
  sealInput,
  sealValue,
} from './sealing.ts';

const keys = await generateSealingKeys();
const identity = { task: 'Zt3vKq8sXw0aB1_c', attempt: 2 };
const bytes = (text: string) => new TextEncoder().encode(text);

async function chunksOf(value: Uint8Array, to: SealingKeys = keys, id = identity): Promise<SealedChunk[]> {
  return Array.fromAsync(sealValue(value, to.publicKey, id));
}

async function opened(chunks: readonly SealedChunk[]): Promise<Buffer> {
  const opener = openValue(keys, identity);
  const pieces: Uint8Array[] = [];
  for (const chunk of chunks) pieces.push(await opener.open(chunk));
  opener.finish();
  return Buffer.concat(pieces);
}

suite('a value that was sealed opens to the same bytes', () => {
  const sizes = { 0: 1, 1: 1, [limits.chunk - 1]: 1, [limits.chunk]: 1, [limits.chunk + 1]: 2 };
  for (const [size, count] of Object.entries({ ...sizes, [limits.value]: limits.chunks })) {
    test(`${size} bytes in ${count} chunk(s)`, async () => {
      const value = Buffer.alloc(Number(size), 'a value \xff\x00', 'latin1');
      const chunks = await chunksOf(value);
      assert.deepEqual(
        chunks.map(({ seq, final }) => ({ seq, final })),
        Array.from({ length: count }, (_, seq) => ({ seq, final: seq === count - 1 })),
      );
      assert.ok(value.equals(await opened(chunks)));
    });
  }
});

test('a full chunk of the longest task id passes as a value message', async () => {
  const id = { task: 'a'.repeat(64), attempt: 1_000 };
  const chunks = await chunksOf(Buffer.alloc(limits.value), keys, id);
  const codec = agentCodec();
  for (const chunk of chunks) codec.stringify({ type: 'value', ...id, ...chunk });
  assert.equal(chunks.length, limits.chunks);
});

test('the largest input, sealed, passes as the input of a task', async () => {
  const id = { task: 'a'.repeat(64), attempt: 1_000 };
  const data = await sealInput('x'.repeat(limits.input), keys.publicKey, id, limits.inputs - 1);
  const frame = JSON.stringify({
    type: 'task',
    ...id,
    remainingMs: 1,
    program: { shell: 'bash', text: 'secret=x', digest: `sha256:${'0'.repeat(64)}` },
    inputs: [{ kind: 'sealed', data }],
    recipient: keys.publicKey,
  });
  assert.ok(agentCodec().parse(frame).known);
});

test('the same value sealed twice looks different', async () => {
  const [[first], [second]] = [await chunksOf(bytes('x')), await chunksOf(bytes('x'))];
  assert.notEqual(first?.sealed, second?.sealed);
  const keyOf = (chunk?: SealedChunk) => headerOf(chunk?.sealed ?? '').epk;
  assert.notDeepEqual(keyOf(first), keyOf(second));
});

test('the private half of a key pair cannot be taken out of the process', async () => {
  const { privateKey } = await generateSealingKeys();
  await assert.rejects(exportJWK(privateKey));
});

suite('an opener opens one chunk after the other, and stops at the first that is wrong', () => {
  test('the same chunk handed in twice at once opens once', async () => {
    const [chunk] = await chunksOf(bytes('x'));
    assert.ok(chunk);
    const opener = openValue(keys, identity);
    const results = await Promise.allSettled([opener.open(chunk), opener.open(chunk)]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });

  test('a value with a damaged chunk never becomes complete', async () => {
    const [first, second] = await chunksOf(Buffer.alloc(limits.chunk + 1));
    assert.ok(first && second);
    const opener = openValue(keys, identity);
    await assert.rejects(opener.open({ ...first, sealed: 'damaged' }), SealError);
    const notOpened = new SealError('the value chunk before this one was not opened');
    await assert.rejects(opener.open(first), notOpened);
    await assert.rejects(opener.open(second), notOpened);
    assert.throws(() => opener.finish(), SealError);
  });

  test('a value may not go on beyond the largest size', async () => {
    // Legal in each chunk, too large together.
    const chunks = await chunksOf(Buffer.alloc(limits.value + 1));
    await assert.rejects(opened(chunks), new SealError('the value is larger than 1048576 bytes'));
  });
});

test('an input opens to the same text, whatever is in it', async () => {
  for (const text of ['', 'hunter2', ' \t\n', '\0', '\ufeffmark', 'é \u{1f511}', '$HOME `id` \' "']) {
    const sealed = await sealInput(text, keys.publicKey, identity, 0);
    assert.equal(await openInput(sealed, keys, identity, 0), text);
  }
});

test('a key that nothing can be sealed to is told as such', async () => {
  // The point of order one: anybody would know the shared secret.
  const x = 'A'.repeat(43);
  const sealing = sealInput('hunter2', { kty: 'OKP', crv: 'X25519', x }, identity, 0);
  await assert.rejects(sealing, new SealError('nothing can be sealed to this public key'));
});

test('an error tells neither the content of a sealed piece nor what its header says', async () => {
  const canary = 'canary7f3a9';
  const other = await generateSealingKeys();
  const [moved] = await chunksOf(bytes(canary), keys, { task: canary, attempt: 1 });
  const [foreign] = await chunksOf(bytes(canary), other, identity);
  assert.ok(moved && foreign);
  const input = await sealInput(canary, keys.publicKey, { task: canary, attempt: 1 }, 7);
  const attempts = [
    () => openValue(keys, identity).open(moved),
    () => openValue(keys, identity).open(foreign),
    () => openValue(keys, identity).open({ ...moved, sealed: canary }),
    () => openInput(input, keys, identity, 0),
  ];
  for (const attempt of attempts)
    await assert.rejects(attempt(), (error: Error) => {
      assert.ok(error instanceof SealError);
      assert.ok(!`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`.includes(canary));
      return true;
    });
});

suite('the format is what PROTOCOL.md says, read with nothing but the primitives', () => {
  test('a chunk sealed here', async () => {
    const vectors = valueVectors();
    const recipient = await vectorKeys(vectors);
    const [chunk] = await chunksOf(bytes('a value'), recipient);
    assert.ok(chunk);
    const { header, plain } = unseal(chunk.sealed, vectors.keys.privateKey);
    assert.equal(plain.toString(), 'a value');
    const { epk, ...rest } = header;
    assert.deepEqual(rest, {
      alg: 'ECDH-ES',
      enc: 'A256GCM',
      typ: 'legate-value',
      ...identity,
      seq: 0,
      final: true,
    });
    assert.deepEqual(Object.keys(Object(epk)).sort(), ['crv', 'kty', 'x']);
  });

  test('an input sealed here', async () => {
    const vectors = valueVectors();
    const { publicKey } = await vectorKeys(vectors);
    const { header, plain } = unseal(
      await sealInput('an input', publicKey, identity, 3),
      vectors.keys.privateKey,
    );
    assert.equal(plain.toString(), 'an input');
    const { epk: _epk, ...rest } = header;
    assert.deepEqual(rest, { alg: 'ECDH-ES', enc: 'A256GCM', typ: 'legate-input', ...identity, index: 3 });
  });
});

function headerOf(sealed: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString());
}

/** RFC 7516 and RFC 7518 section 4.6 by hand. */
function unseal(
  sealed: string,
  privateJwk: { kty: 'OKP'; crv: 'X25519'; x: string; d: string },
): { header: Record<string, unknown>; plain: Buffer } {
  const [protectedHeader = '', encryptedKey, iv = '', ciphertext = '', tag = ''] = sealed.split('.');
  assert.equal(encryptedKey, '');
  const header = headerOf(sealed);
  const shared = diffieHellman({
    privateKey: createPrivateKey({ key: privateJwk, format: 'jwk' }),
    publicKey: createPublicKey({ key: Object(header.epk), format: 'jwk' }),
  });
  const number = (value: number) => Buffer.from([0, 0, value >> 8, value & 0xff]);
  const algorithm = Buffer.from('A256GCM');
  const key = createHash('sha256')
    .update(Buffer.concat([number(1), shared, number(algorithm.length), algorithm]))
    .update(Buffer.concat([number(0), number(0), number(256)]))
    .digest();
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'));
  decipher.setAAD(Buffer.from(protectedHeader));
  decipher.setAuthTag(Buffer.from(tag, 'base64url'));
  const plain = Buffer.concat([decipher.update(Buffer.from(ciphertext, 'base64url')), decipher.final()]);
  return { header, plain };
}
