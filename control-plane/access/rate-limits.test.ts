import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { refusalOf, someCaller } from '../../test/harness/tools.ts';
import { RequestError } from '../domain/errors.ts';
import type { Allowance } from './rate-limit.ts';
import { RateLimits } from './rate-limits.ts';

interface Setting {
  readonly perKey?: number;
  readonly perAddress?: number;
}

/** The keys `good` and `also good` are of one holder each; `looked` counts the searches for a key. */
function door({ perKey = 0, perAddress = 0 }: Setting) {
  const clock = new FakeClock();
  const notes: object[] = [];
  const told: Allowance[] = [];
  const valid = new Set(['good', 'also good']);
  const looked: (string | undefined)[] = [];
  const limits = new RateLimits({ perKey, perAddress, clock, note: facts => void notes.push(facts) });
  const authenticate = async (key: string | undefined, source: string) => {
    looked.push(key);
    if (key === undefined || !valid.has(key)) throw new RequestError('USER_NOT_AUTHORIZED', '');
    return { ...someCaller(), keyId: `id of ${key}`, name: `name of ${key}`, source };
  };
  const enter = (key: string | undefined, source = '192.0.2.1') =>
    limits.admit(authenticate, key, source, allowance => void told.push(allowance));
  const codeOf = async (key: string | undefined, source?: string) =>
    (await refusalOf(enter(key, source))).code;
  return { clock, notes, told, valid, looked, enter, codeOf };
}

test('a key has its requests, wherever they come from; another key has its own', async () => {
  const { enter, told, clock, notes } = door({ perKey: 2 });
  await enter('good', '192.0.2.1');
  await enter('good', '192.0.2.2');
  const refusal = await refusalOf(enter('good', '192.0.2.3'));
  assert.equal(refusal.code, 'TOO_MANY_REQUESTS');
  assert.equal(
    refusal.message,
    'too many requests with this API key: 2 a minute are allowed; try again in 30 s',
  );
  assert.deepEqual(
    told.map(({ allowed, remaining }) => [allowed, remaining]),
    [
      [true, 1],
      [true, 0],
      [false, 0],
    ],
  );
  await enter('also good');
  await refusalOf(enter('good'));
  assert.deepEqual(notes, [{ key: 'name of good', limit: 2 }], 'told once a minute');
  await clock.advance(30_000);
  await enter('good');
});

test('who has no valid key is refused before the key is looked for', async () => {
  const { codeOf, looked } = door({ perAddress: 2 });
  assert.equal(await codeOf('wrong'), 'USER_NOT_AUTHORIZED');
  assert.equal(await codeOf(undefined), 'USER_NOT_AUTHORIZED');
  assert.equal(await codeOf('wrong'), 'TOO_MANY_REQUESTS');
  assert.equal(await codeOf(undefined), 'TOO_MANY_REQUESTS');
  assert.equal(await codeOf('wrong', '192.0.2.2'), 'USER_NOT_AUTHORIZED');
  assert.deepEqual(looked, ['wrong', undefined, 'wrong']);
});

test('from an address with too many wrong keys, a key that exists is answered like one that does not', async () => {
  const { enter, valid, clock } = door({ perAddress: 1 });
  await refusalOf(enter('wrong'));
  const seen = [await refusalOf(enter('good')), await refusalOf(enter('wrong'))];
  valid.add('new');
  seen.push(await refusalOf(enter('new')));
  assert.deepEqual(
    seen.map(({ code, message }) => [code, message]),
    seen.map(() => [
      'TOO_MANY_REQUESTS',
      'too many requests without a valid API key: 1 a minute are allowed; try again in 60 s',
    ]),
  );
  await clock.advance(60_000);
  await enter('new');
});

test('who was let in before is not locked out by neighbours behind the same address', async () => {
  const { enter, codeOf, valid } = door({ perAddress: 1 });
  await enter('good');
  await refusalOf(enter('wrong'));
  assert.equal(await codeOf('also good'), 'TOO_MANY_REQUESTS');
  for (let time = 0; time < 5; time += 1) await enter('good');
  valid.delete('good');
  assert.equal(await codeOf('good'), 'USER_NOT_AUTHORIZED', 'revoked: it is looked for once more');
  assert.equal(await codeOf('good'), 'TOO_MANY_REQUESTS');
});

test('an IPv6 network of one host counts as one, an IPv4 address as itself in any form', async () => {
  for (const [one, other, same] of [
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:aaaa:1:2', true],
    ['2001:db8:1:2::1', '2001:DB8:0001:2::1', true],
    ['2001:db8::1', '2001:db8:0:0:5::', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
    ['fe80::1%eth0', 'fe80::2%eth0', true],
  ] as const) {
    const { codeOf } = door({ perAddress: 1 });
    await codeOf('wrong', one);
    const expected = same ? 'TOO_MANY_REQUESTS' : 'USER_NOT_AUTHORIZED';
    assert.equal(await codeOf('wrong', other), expected, `${one}, then ${other}`);
  }
});

test('a fault of ours counts for nobody', async () => {
  const clock = new FakeClock();
  const limits = new RateLimits({ perKey: 1, perAddress: 1, clock, note: () => {} });
  const broken = () => Promise.reject(new Error('the store does not answer'));
  for (let time = 0; time < 3; time += 1)
    await assert.rejects(
      limits.admit(broken, 'good', '192.0.2.1', () => {}),
      /does not answer/,
    );
});

test('without limits nothing is told and nobody is refused', async () => {
  const { enter, codeOf, told } = door({});
  for (let time = 0; time < 200; time += 1) {
    await enter('good');
    assert.equal(await codeOf('wrong'), 'USER_NOT_AUTHORIZED');
  }
  assert.deepEqual(told, []);
});
