import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { sql } from 'kysely';
import { anEntry, auditKey as key } from '../../test/harness/audit.ts';
import { someTime, testDatabase } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { createAudit } from './audit.ts';
import { genesis } from './chain.ts';
import { verifyFile, verifyStore } from './verify.ts';

const now = () => someTime;

test('what somebody with the file of the store did to a record is found, over many batches', async () => {
  await using store = await testDatabase();
  const { database } = store;
  const audit = await createAudit({ database, key, now });
  await Promise.all(Array.from({ length: 2_100 }, () => audit.record(anEntry())));
  const whole = await verifyStore(database, key, [audit.head]);
  assert.deepEqual(whole, { ok: true, count: 2_100, head: audit.head });
  // The triggers stop mistakes, not whoever may drop them.
  for (const verb of ['update', 'delete']) await sql.raw(`drop trigger audit_no_${verb}`).execute(database);
  await sql`delete from audit where seq > 2050`.execute(database);
  const cut = await verifyStore(database, key, [audit.head]);
  assert.deepEqual([cut.ok, cut.count, cut.fault?.seq], [false, 2_050, 2_051]);
  await sql`update audit set record = replace(record, 'ci', 'me') where seq = 2001`.execute(database);
  const changed = await verifyStore(database, key);
  assert.deepEqual([changed.ok, changed.count, changed.fault?.seq], [false, 2_000, 2_001]);
  await sql`delete from audit where seq = 7`.execute(database);
  const gap = await verifyStore(database, key);
  assert.deepEqual(gap.fault, { seq: 7, reason: 'a gap: record 8 comes after 6' });
});

test('an empty trail is right', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const empty = { ok: true, count: 0, head: { seq: 0, hash: genesis } };
  assert.deepEqual(await verifyStore(store.database, key), empty);
  const file = folder.file('audit.jsonl');
  writeFileSync(file, '');
  assert.deepEqual(await verifyFile(file, key), empty);
});

test('what somebody did to the lines of a file is found', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const file = folder.file('audit.jsonl');
  const audit = await createAudit({ database: store.database, key, now, file });
  for (const id of ['a', 'b', 'c', 'd']) await audit.record(anEntry({ id }));
  await audit.close();
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const [one = '', two = '', three = '', four = ''] = lines;
  const verify = async (...changed: string[]) => {
    writeFileSync(file, `${changed.join('\n')}\n`);
    const { ok, count, fault } = await verifyFile(file, key, [audit.head]);
    return [ok, count, fault?.seq, fault?.reason.split(/[ :]/).slice(0, 3).join(' ')];
  };
  assert.deepEqual(await verify(one, two, three, four), [true, 4, undefined, undefined]);
  assert.deepEqual(await verify(two, three, four), [true, 3, undefined, undefined]);
  assert.deepEqual(await verify(one, two, three), [false, 3, 4, 'records are missing']);
  assert.deepEqual(await verify(one, three, four), [false, 1, 2, 'a gap ']);
  assert.deepEqual(await verify(one, two.replace('"b"', '"x"'), three, four), [false, 1, 2, 'the hash is']);
  assert.deepEqual(await verify(one, two.replace(/"prev":"./, '"prev":"x'), three), [
    false,
    1,
    2,
    'the line names',
  ]);
  assert.deepEqual(await verify(one.replace(/"prev":"./, '"prev":"x'), two), [false, 0, 1, 'the line names']);
  assert.deepEqual(await verify(two.replace(/"prev":"./, '"prev":"x'), three), [false, 0, 2, 'the hash is']);
  assert.deepEqual(await verify(one, two.slice(0, 40), three), [false, 1, 2, 'the line is']);
  assert.deepEqual(await verify(one, '', two), [false, 1, 2, 'the line is']);
});
