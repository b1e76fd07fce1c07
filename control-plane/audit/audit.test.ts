import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { sql } from 'kysely';
import { anEntry, auditKey as key } from '../../test/harness/audit.ts';
import { eachDialect, someTime, testDatabase } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { recordsAfter } from '../store/audit.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { AuditError, createAudit } from './audit.ts';
import { verifyFile, verifyStore } from './verify.ts';

const now = () => someTime;
const stored = (database: Database) => recordsAfter(database, 0, 10_000);
const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1);
const numbersIn = (file: string) => linesOf(file).map(line => JSON.parse(line).record.seq);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

eachDialect(
  'a record is in the store when the promise resolves, with its number and time',
  async ({ database }) => {
    const audit = await createAudit({ database, key, now });
    await audit.record(anEntry({ subject: undefined, attempt: 2, details: { z: ['"', '\u2028'], a: true } }));
    const [link] = await stored(database);
    assert.equal(
      link?.record,
      '{"action":"secret.fetch","actor":{"id":"key-1","name":"ci"},"attempt":2,' +
        '"details":{"a":true,"z":["\\"","\u2028"]},"id":"request-1","seq":1,"source":"192.0.2.1",' +
        `"time":"${someTime}","type":"request"}`,
    );
    assert.deepEqual(await verifyStore(database, key), { ok: true, count: 1, head: audit.head });
  },
);

eachDialect('records that wait together are kept in their order, each once', async ({ database }) => {
  const audit = await createAudit({ database, key, now });
  await Promise.all(upTo(1_200).map(number => audit.record(anEntry({ id: String(number) }))));
  const ids = (await stored(database)).map(({ record }) => JSON.parse(record).id);
  assert.deepEqual(ids, upTo(1_200).map(String));
  assert.equal((await verifyStore(database, key, [audit.head])).ok, true);
});

eachDialect('two servers write one chain', async ({ database, target }) => {
  const other = openDatabase(target);
  const one = await createAudit({ database, key, now });
  const two = await createAudit({ database: other, key, now });
  await Promise.all(
    upTo(60).map(number => (number % 2 === 0 ? one : two).record(anEntry({ id: String(number) }))),
  );
  await other.destroy();
  assert.equal((await verifyStore(database, key, [one.head, two.head])).count, 60);
});

test('a record is what it was when it was given, whatever its maker does to it afterwards', async () => {
  await using store = await testDatabase();
  const audit = await createAudit({ database: store.database, key, now });
  const details: Record<string, string> = { before: 'yes' };
  const written = audit.record(anEntry({ details }));
  details.later = 'yes';
  await written;
  assert.deepEqual(JSON.parse((await stored(store.database))[0]?.record ?? '').details, { before: 'yes' });
});

test('nobody goes on where the store cannot be written, and everybody does where it can be again', async () => {
  let failures = 0;
  await using store = await testDatabase();
  const audit = await createAudit({ database: store.database, key, now, failed: () => (failures += 1) });
  await sql`create trigger full before insert on audit begin select raise(abort, 'full'); end`.execute(
    store.database,
  );
  const refused = await Promise.allSettled([audit.record(anEntry()), audit.record(anEntry())]);
  assert.ok(failures > 0);
  for (const result of refused)
    assert.ok(result.status === 'rejected' && result.reason instanceof AuditError);
  await assert.rejects(audit.record(anEntry()), {
    name: 'AuditError',
    message: 'the audit trail cannot be written, so the request is refused',
  });
  await sql`drop trigger full`.execute(store.database);
  await audit.record(anEntry());
  assert.deepEqual((await verifyStore(store.database, key)).count, 1);
});

eachDialect('a change is recorded if and only if it is made', async ({ database }) => {
  const audit = await createAudit({ database, key, now });
  const change = (fails: boolean) =>
    database.transaction().execute(async transaction => {
      await transaction.insertInto('settings').values({ name: 'x', value: 'y' }).execute();
      await audit.recordIn(transaction, [anEntry({ type: 'change' }), anEntry({ type: 'change' })]);
      if (fails) throw new Error('half-way');
    });
  await assert.rejects(change(true), /half-way/);
  assert.deepEqual(await stored(database), []);
  await Promise.all([audit.record(anEntry()), change(false), audit.record(anEntry())]);
  assert.deepEqual((await verifyStore(database, key)).count, 4);
});

test('the key must be as long as it has to be', async () => {
  await using store = await testDatabase();
  await assert.rejects(createAudit({ database: store.database, key: new Uint8Array(16), now }), /32 bytes/);
});

eachDialect(
  'the file holds what the store holds, its owner alone may read it, and it verifies by itself',
  async store => {
    using folder = temporaryFolder();
    const file = folder.file('audit.jsonl');
    const { database } = store;
    const audit = await createAudit({ database, key, now, file });
    await Promise.all([audit.record(anEntry()), audit.record(anEntry({ details: { a: '\u2028"\\' } }))]);
    assert.deepEqual(numbersIn(file), [1, 2]);
    await database.transaction().execute(transaction => audit.recordIn(transaction, [anEntry()]));
    await audit.flush();
    await audit.record(anEntry());
    assert.deepEqual(numbersIn(file), [1, 2, 3, 4]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(await verifyFile(file, key), { ok: true, count: 4, head: audit.head });
    assert.deepEqual(
      linesOf(file).map(line => JSON.parse(line).record),
      (await stored(database)).map(({ record }) => JSON.parse(record)),
    );
    await audit.close();
  },
);

test("another server's records come into this one's file, so that it has no gap", async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const file = folder.file('audit.jsonl');
  const audit = await createAudit({ database: store.database, key, now, file });
  const other = await createAudit({ database: store.database, key, now });
  await audit.record(anEntry());
  for (const _ of upTo(700)) await other.record(anEntry());
  await audit.record(anEntry());
  assert.deepEqual(numbersIn(file), upTo(702));
  assert.equal((await verifyFile(file, key, [audit.head])).ok, true);
  await audit.close();
});

test('a file that a crash left behind, or cut within a line, is brought up to date at the start', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const file = folder.file('audit.jsonl');
  const { database } = store;
  const open = () => createAudit({ database, key, now, file });
  const first = await open();
  for (const _ of upTo(3)) await first.record(anEntry());
  await first.close();
  const { size } = statSync(file);
  const length = linesOf(file)[2]?.length ?? 0;
  for (const end of [size - 1, size - 20, size - length - 1]) {
    truncateSync(file, end);
    await (await open()).close();
    assert.equal(statSync(file).size, size);
    assert.equal((await verifyFile(file, key)).count, 3);
  }
});

test('a file that is new begins with the next record, and says what came before it', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const file = folder.file('audit.jsonl');
  const { database } = store;
  await (await createAudit({ database, key, now })).record(anEntry());
  const audit = await createAudit({ database, key, now, file });
  await audit.record(anEntry());
  assert.deepEqual(numbersIn(file), [2]);
  assert.deepEqual(await verifyFile(file, key), { ok: true, count: 1, head: audit.head });
  await audit.close();
});

test('after a rotation the trail goes on in the new file without a gap', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const [file, old] = [folder.file('audit.jsonl'), folder.file('audit.1.jsonl')];
  const audit = await createAudit({ database: store.database, key, now, file });
  await audit.record(anEntry());
  renameSync(file, old);
  await audit.record(anEntry());
  const written = Promise.all([audit.record(anEntry()), audit.reopen(), audit.record(anEntry())]);
  await written;
  await audit.record(anEntry());
  assert.deepEqual([...numbersIn(old), ...numbersIn(file)], upTo(5));
  assert.ok(numbersIn(file).length > 0);
  await audit.reopen();
  await audit.record(anEntry());
  for (const part of [old, file]) assert.equal((await verifyFile(part, key)).ok, true);
  await audit.close();
});

test('nobody goes on where the file cannot be written; what it missed comes first when it can be again', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const { database } = store;
  const file = folder.file('audit.jsonl');
  const audit = await createAudit({ database, key, now, file });
  await audit.record(anEntry());
  await audit.close();
  await assert.rejects(audit.record(anEntry()), AuditError);
  const again = await createAudit({ database, key, now, file });
  await again.record(anEntry());
  assert.deepEqual(numbersIn(file), [1, 2, 3]);
  await again.close();
});

test('a file that is not this trail is refused, and left as it is', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const { database } = store;
  const file = folder.file('audit.jsonl');
  const open = () => createAudit({ database, key, now, file });
  for (const foreign of ['hello\n', '{"a":1}\n', '[]\n{}\n']) {
    writeFileSync(file, foreign);
    await assert.rejects(open(), { name: 'AuditFileError', message: /holds something else/ });
    assert.equal(readFileSync(file, 'utf8'), foreign);
  }
  rmSync(file);
  await using other = await testDatabase();
  const elsewhere = await createAudit({ database: other.database, key, now, file });
  await elsewhere.record(anEntry());
  await elsewhere.close();
  await assert.rejects(open(), { name: 'AuditFileError', message: /that the store does not have/ });
});

test('a fingerprint tells equal values, is no hash of the chain, and another key makes another', async () => {
  await using store = await testDatabase();
  const { database } = store;
  const audit = await createAudit({ database, key, now });
  assert.match(audit.fingerprint('x'), /^[0-9a-f]{64}$/);
  assert.equal(audit.fingerprint('é'), audit.fingerprint(Buffer.from('é')));
  assert.notEqual(audit.fingerprint('x'), audit.fingerprint('x '));
  const other = await createAudit({ database, key: new Uint8Array(32), now });
  assert.notEqual(audit.fingerprint('x'), other.fingerprint('x'));
});
