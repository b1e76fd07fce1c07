import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import { findToken, listTokens, saveCredential, saveToken } from './delegate-tokens.ts';
import { dropEnded, dropUnused, saveFirstUse, saveTokenRevoked } from './token-changes.ts';

const edge = {
  id: '1',
  name: 'edge',
  delegateNames: ['edge-1', 'edge-2'],
  tags: ['eu'],
  networks: ['10.0.0.0/8'],
  scope: 'org/payments',
  lifetimeS: 315_360_000,
  renews: true,
  createdBy: 'admin',
  createdAt: someTime,
} as const;
const first = { hash: 'abc', expiresAt: undefined };

eachDialect('a token is found by the hash of a credential, with all that it allows', async ({ database }) => {
  assert.equal(await saveToken(database, edge, first), true);
  const found = await findToken(database, 'abc');
  assert.deepEqual({ ...found?.token, ...edge }, found?.token);
  assert.equal(found?.credential.hash, 'abc');
  assert.equal(await findToken(database, 'ab'), undefined);
});

eachDialect('a second token of the same name is not saved, and the first stays', async ({ database }) => {
  await saveToken(database, edge, first);
  assert.equal(await saveToken(database, { ...edge, id: '2' }, { ...first, hash: 'def' }), false);
  assert.equal((await findToken(database, 'abc'))?.token.id, '1');
  assert.equal(await findToken(database, 'def'), undefined);
});

eachDialect('a damaged list is noticed, not taken for "any"', async ({ database }) => {
  await saveToken(database, edge, first);
  for (const column of ['delegate_names', 'tags', 'networks'])
    for (const damaged of ['{}', '[1]', 'null']) {
      await sql`update delegate_tokens set ${sql.ref(column)} = ${damaged}`.execute(database);
      await assert.rejects(findToken(database, 'abc'), /a list of texts that is none/);
      await sql`update delegate_tokens set ${sql.ref(column)} = '[]'`.execute(database);
    }
});

const at = (second: number) => `2024-05-06T07:08:${String(second).padStart(2, '0')}.000Z`;

eachDialect('the first use of a credential ends the one it replaces, and no other', async ({ database }) => {
  await saveToken(database, { ...edge, createdAt: at(0) }, first);
  const made = { expiresAt: undefined, overlapS: 10 };
  await saveCredential(database, '1', { ...made, hash: 'b', createdAt: at(1), replaces: 'abc' });
  await saveCredential(database, '1', { ...made, hash: 'c', createdAt: at(2), replaces: '*' });
  await saveCredential(database, '1', { ...made, hash: 'd', createdAt: at(3), replaces: 'b' });
  const ends = async () =>
    Object.fromEntries(
      (await listTokens(database))[0]?.credentials.map(({ hash, expiresAt }) => [hash, expiresAt]) ?? [],
    );
  const use = async (hash: string, now: number, end: number) => {
    const found = await findToken(database, hash);
    assert.ok(found);
    await saveFirstUse(database, '1', found.credential, at(now), at(end));
  };
  await use('b', 4, 14);
  assert.deepEqual(await ends(), { abc: at(14), b: undefined, c: undefined, d: undefined });
  await use('c', 5, 25);
  assert.deepEqual(await ends(), { abc: at(14), b: at(25), c: undefined, d: undefined }, 'never later');
  await use('c', 6, 7);
  assert.deepEqual(await ends(), { abc: at(14), b: at(25), c: undefined, d: undefined }, 'once');
  await dropEnded(database, '1', at(20));
  assert.deepEqual(await ends(), { b: at(25), c: undefined, d: undefined });
  await saveCredential(database, '1', { ...made, hash: 'e', createdAt: at(7), replaces: '*' });
  await dropUnused(database, '1');
  assert.deepEqual(await ends(), { b: at(25), c: undefined, d: undefined });
});

eachDialect('a revocation lasts, and again can only shorten what may still run', async ({ database }) => {
  await saveToken(database, edge, first);
  const told = async () => {
    const [token] = await listTokens(database);
    return [token?.revokedAt, token?.drainUntil];
  };
  await saveTokenRevoked(database, '1', at(1), at(30));
  await saveTokenRevoked(database, '1', at(2), at(40));
  assert.deepEqual(await told(), [at(1), at(30)]);
  await saveTokenRevoked(database, '1', at(3), at(20));
  assert.deepEqual(await told(), [at(1), at(20)]);
  await saveTokenRevoked(database, '1', at(4), undefined);
  await saveTokenRevoked(database, '1', at(5), at(50));
  assert.deepEqual(await told(), [at(1), undefined]);
});
