import assert from 'node:assert/strict';
import test from 'node:test';
import { anEntry, auditKey as key } from '../../test/harness/audit.ts';
import { eachDialect, someTime, testDatabase } from '../../test/harness/database.ts';
import type { Caller, Grant } from '../domain/permissions.ts';
import { createAudit } from './audit.ts';
import { listRecords, type RecordFilter } from './list-records.ts';

const now = () => someTime;
const callerWith = (...grants: Grant[]): Caller => ({ keyId: '1', name: 'ci', grants, source: '::1' });
const admin = callerWith({ role: 'admin', scope: 'account' });

eachDialect(
  'records are found by actor, subject and action, whole and exactly, the newest first',
  async store => {
    const { database } = store;
    const audit = await createAudit({ database, key, now });
    await audit.record(anEntry({ subject: 'account.a' }));
    await audit.record(anEntry({ subject: 'account.b', actor: { id: 'key-2', name: 'account.a' } }));
    await audit.record(anEntry({ action: 'key.create', subject: 'key/ci' }));
    await audit.record(anEntry({ subject: 'account.%', details: { subject: 'account.a' } }));
    const found = async (filter: RecordFilter) => {
      const { items, next } = await listRecords(database, admin, { limit: 10, ...filter });
      assert.equal(next, undefined);
      return items.map(({ seq }) => seq);
    };
    assert.deepEqual(await found({}), [4, 3, 2, 1]);
    assert.deepEqual(await found({ subject: 'account.a' }), [1]);
    assert.deepEqual(await found({ subject: 'account.%' }), [4]);
    assert.deepEqual(await found({ actor: 'ci' }), [4, 3, 1]);
    assert.deepEqual(await found({ actor: 'key-2' }), [2]);
    assert.deepEqual(await found({ action: 'key.create', actor: 'ci' }), [3]);
    for (const subject of ['ACCOUNT.A', 'account', '', '"', '\\'])
      assert.deepEqual(await found({ subject }), []);
  },
);

test('page after page gives every record once, also while more are written', async () => {
  await using store = await testDatabase();
  const audit = await createAudit({ database: store.database, key, now });
  await Promise.all(Array.from({ length: 1_234 }, () => audit.record(anEntry())));
  const seqs: unknown[] = [];
  let before: number | undefined;
  do {
    const page = await listRecords(store.database, admin, { before, limit: 100 });
    assert.ok(page.items.length <= 100);
    seqs.push(...page.items.map(({ seq }) => seq));
    before = page.next;
    await audit.record(anEntry());
  } while (before !== undefined);
  assert.deepEqual(
    seqs,
    Array.from({ length: 1_234 }, (_, index) => 1_234 - index),
  );
});

test('a search that finds little stops after a while, and can be gone on with', async () => {
  await using store = await testDatabase();
  const audit = await createAudit({ database: store.database, key, now });
  await audit.record(anEntry({ action: 'rare' }));
  await store.database.transaction().execute(transaction =>
    audit.recordIn(
      transaction,
      Array.from({ length: 20_500 }, () => anEntry()),
    ),
  );
  const first = await listRecords(store.database, admin, { action: 'rare', limit: 10 });
  assert.deepEqual(first, { items: [], next: 502 });
  const second = await listRecords(store.database, admin, { action: 'rare', limit: 10, before: first.next });
  assert.deepEqual([second.items.map(({ seq }) => seq), second.next], [[1], undefined]);
});

test('whoever administers a scope reads what happened there and below, and nothing else', async () => {
  await using store = await testDatabase();
  const audit = await createAudit({ database: store.database, key, now });
  for (const scope of ['account', 'org/payments', 'org/payments/demo', 'org/pay', undefined] as const)
    await audit.record(anEntry({ scope }));
  const read = async (...grants: Grant[]) =>
    (await listRecords(store.database, callerWith(...grants), { limit: 10 })).items.map(({ scope }) => scope);
  assert.deepEqual(await read({ role: 'admin', scope: 'org/payments' }), [
    'org/payments/demo',
    'org/payments',
  ]);
  assert.deepEqual(await read({ role: 'admin', scope: 'org/payments/demo' }), ['org/payments/demo']);
  assert.deepEqual(
    await read({ role: 'editor', scope: 'account' }, { role: 'fetcher', scope: 'account' }),
    [],
  );
  assert.equal((await read({ role: 'admin', scope: 'account' })).length, 5);
});
