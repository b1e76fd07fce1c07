import assert from 'node:assert/strict';
import { eachDialect } from '../../test/harness/database.ts';
import {
  appendRecords,
  lastRecord,
  recordAt,
  recordsAfter,
  recordsHolding,
  type StoredRecord,
} from './audit.ts';
import type { Database } from './database.ts';

/** Adds records with these texts. */
const append = (database: Database, ...texts: string[]) =>
  database
    .transaction()
    .execute(transaction =>
      appendRecords(transaction, last =>
        texts.map((record, index) => ({ seq: (last?.seq ?? 0) + index + 1, record, hash: `h${record}` })),
      ),
    );
const seqs = (records: readonly StoredRecord[]) => records.map(({ seq }) => seq);

eachDialect('records are added after the last one, and read back exactly', async ({ database }) => {
  assert.equal(await lastRecord(database), undefined);
  const hostile = `{"a":"' \\u0000 % _ \\\\ é \u2028"}`;
  await append(database, 'a', hostile);
  await append(database, 'c');
  assert.deepEqual(await lastRecord(database), { seq: 3, record: 'c', hash: 'hc' });
  assert.deepEqual(await recordAt(database, 2), { seq: 2, record: hostile, hash: `h${hostile}` });
  assert.deepEqual(seqs(await recordsAfter(database, 1, 10)), [2, 3]);
  assert.deepEqual(seqs(await recordsAfter(database, 0, 2)), [1, 2]);
});

eachDialect('more records than a statement has room for are added at once', async ({ database }) => {
  await append(database, ...Array.from({ length: 2_500 }, (_, index) => String(index)));
  assert.equal((await lastRecord(database))?.seq, 2_500);
});

eachDialect(
  'those who add at the same time wait for each other, so that no number comes twice',
  async ({ database }) => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => append(database, String(index), 'x')));
    assert.deepEqual(
      seqs(await recordsAfter(database, 0, 100)),
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  },
);

eachDialect('what is looked for is a text, whatever characters it has', async ({ database }) => {
  await append(database, '"a%b"', '"a_b"', '"aXb"', '"a\\b"', '"c"');
  const holding = async (...texts: string[]) =>
    seqs(await recordsHolding(database, { first: 1, last: 10, texts }));
  assert.deepEqual(await holding(), [5, 4, 3, 2, 1]);
  assert.deepEqual(await holding('a%b'), [1]);
  assert.deepEqual(await holding('a_b'), [2]);
  assert.deepEqual(await holding('a\\b'), [4]);
  assert.deepEqual(await holding('a', 'X'), [3]);
  assert.deepEqual(seqs(await recordsHolding(database, { first: 2, last: 3, texts: [] })), [3, 2]);
});
