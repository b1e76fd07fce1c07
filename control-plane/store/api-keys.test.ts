import assert from 'node:assert/strict';
import { eachDialect, someTime } from '../../test/harness/database.ts';
import type { Grant } from '../domain/permissions.ts';
import {
  addCredential,
  countApiKeys,
  findApiKey,
  findApiKeyByName,
  listApiKeys,
  saveApiKey,
  saveLastUsed,
  saveRevoked,
} from './api-keys.ts';

const grants: Grant[] = [
  { role: 'viewer', scope: 'org/payments' },
  { role: 'fetcher', scope: 'org/payments', connector: 'account.vault', secret: 'org/payments/db' },
];
const key = { id: '1', name: 'ci', grants, createdBy: 'admin', createdAt: someTime };
const monday = '2024-06-03T00:00:00.000Z';
const tuesday = '2024-06-04T00:00:00.000Z';

eachDialect('an API key is found by the hash of its credential, whole and exact', async ({ database }) => {
  assert.equal(await countApiKeys(database), 0);
  assert.equal(await saveApiKey(database, { ...key, hash: 'abc', expiresAt: undefined }), true);
  assert.equal(await countApiKeys(database), 1);
  assert.deepEqual(await findApiKey(database, 'abc', monday), {
    id: '1',
    name: 'ci',
    grants,
    lastUsedAt: undefined,
  });
  for (const near of ['', 'ab', 'ABC', 'abc ', '%', 'a_c', "' or '1'='1"])
    assert.equal(await findApiKey(database, near, monday), undefined);
});

eachDialect('a name is taken once, and the first key of that name stays as it was', async ({ database }) => {
  await saveApiKey(database, { ...key, hash: 'abc', expiresAt: undefined });
  const other = { ...key, id: '2', grants: [], hash: 'def', expiresAt: undefined };
  assert.equal(await saveApiKey(database, other), false);
  assert.equal(await findApiKey(database, 'def', monday), undefined);
  assert.deepEqual((await findApiKeyByName(database, 'ci'))?.grants, grants);
  assert.equal(await findApiKeyByName(database, 'CI'), undefined);
});

eachDialect(
  'a credential counts before its end, not at it, and never once its key is revoked',
  async ({ database }) => {
    await saveApiKey(database, { ...key, hash: 'abc', expiresAt: tuesday });
    assert.ok(await findApiKey(database, 'abc', '2024-06-03T23:59:59.999Z'));
    assert.equal(await findApiKey(database, 'abc', tuesday), undefined);
    await saveRevoked(database, '1', monday);
    assert.equal(await findApiKey(database, 'abc', monday), undefined);
    await saveRevoked(database, '1', tuesday);
    assert.equal((await findApiKeyByName(database, 'ci'))?.revokedAt, monday);
  },
);

eachDialect('a new credential ends those before it, but lengthens none', async ({ database }) => {
  await saveApiKey(database, { ...key, hash: 'a', expiresAt: undefined });
  assert.equal(
    await addCredential(database, '1', { hash: 'b', createdAt: monday, expiresAt: undefined }, monday),
    true,
  );
  await addCredential(database, '1', { hash: 'c', createdAt: tuesday, expiresAt: undefined }, tuesday);
  const found = await findApiKeyByName(database, 'ci');
  assert.deepEqual(
    found?.credentials.map(({ hash, expiresAt }) => [hash, expiresAt]),
    [
      ['c', undefined],
      ['b', tuesday],
      ['a', monday],
    ],
  );
});

eachDialect('a revoked key gets no credential', async ({ database }) => {
  await saveApiKey(database, { ...key, hash: 'a', expiresAt: undefined });
  await saveRevoked(database, '1', monday);
  const credential = { hash: 'b', createdAt: monday, expiresAt: undefined };
  assert.equal(await addCredential(database, '1', credential, monday), false);
  assert.equal(await findApiKey(database, 'b', monday), undefined);
});

eachDialect('keys are listed by name, each with its own credentials', async ({ database }) => {
  await saveApiKey(database, { ...key, hash: 'a', expiresAt: undefined });
  await saveApiKey(database, { ...key, id: '2', name: 'b', hash: 'b', expiresAt: tuesday });
  await saveLastUsed(database, 'b', monday);
  const listed = (await listApiKeys(database)).map(({ name, credentials }) => [name, credentials]);
  const common = { createdAt: someTime };
  assert.deepEqual(listed, [
    ['b', [{ ...common, hash: 'b', expiresAt: tuesday, lastUsedAt: monday }]],
    ['ci', [{ ...common, hash: 'a', expiresAt: undefined, lastUsedAt: undefined }]],
  ]);
});

eachDialect('damaged grants are noticed, not taken for fewer or wider ones', async ({ database }) => {
  await saveApiKey(database, { ...key, hash: 'abc', expiresAt: undefined });
  const damaged = [
    '{}',
    '[1]',
    '[{"role":"root","scope":"account"}]',
    '[{"role":"fetcher"}]',
    '[{"role":"fetcher","scope":"org/"}]',
    '[{"role":"fetcher","scope":"account","secret":null}]',
    '[{"role":"fetcher","scope":"account","path":"x"}]',
  ];
  for (const grants of damaged) {
    await database.updateTable('api_keys').set({ grants }).execute();
    await assert.rejects(findApiKey(database, 'abc', monday));
  }
});
