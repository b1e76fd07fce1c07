import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { eachDialect, someTime, testDatabase } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import type { Database } from '../store/database.ts';
import { listRetiredKeys, retireKeys } from '../store/key-rotation.ts';
import { openEncryption } from './encryption.ts';
import { makeKey } from './key-ring.ts';
import { chooseKeySource } from './key-source.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();
const fromText = (...lines: string[]) => ({ kind: 'environment', text: lines.join('\n') }) as const;

eachDialect('a value comes back as it was put, is replaced and removed', async ({ database }) => {
  const encryption = await openEncryption(database, fromText(makeKey().line));
  assert.equal(await encryption.get(database, 'secret/1'), undefined);
  await encryption.put(database, 'secret/1', bytes('é\0'), someTime);
  await encryption.put(database, 'server/audit', bytes(''), someTime);
  assert.equal(text(await encryption.get(database, 'secret/1')), 'é\0');
  assert.equal(text(await encryption.get(database, 'server/audit')), '');
  const large = Buffer.alloc(3 * 1024 * 1024, 'x');
  await encryption.put(database, 'secret/1', large, someTime);
  assert.deepEqual(Buffer.from((await encryption.get(database, 'secret/1')) ?? []), large);
  assert.equal(await encryption.remove(database, 'secret/1'), true);
  assert.equal(await encryption.get(database, 'secret/1'), undefined);
});

test('the store holds nothing of a value', async () => {
  await using store = await testDatabase();
  const encryption = await openEncryption(store.database, fromText(makeKey().line));
  await encryption.put(store.database, 'secret/1', bytes('s3cret value'), someTime);
  const rows = await store.database.selectFrom('encrypted_values').selectAll().execute();
  for (const shown of ['s3cret', Buffer.from('s3cret value').toString('base64').slice(0, 12)]) {
    assert.ok(!JSON.stringify(rows).includes(shown));
  }
});

test('rows that were swapped, and fields that were moved between rows, do not open', async () => {
  await using store = await testDatabase();
  const { database } = store;
  const encryption = await openEncryption(database, fromText(makeKey().line));
  const swaps = [['owner'], ['wrapped_key'], ['ciphertext'], ['wrapped_key', 'ciphertext']] as const;
  for (const fields of swaps) {
    await encryption.put(database, 'secret/1', bytes('one'), someTime);
    await encryption.put(database, 'secret/2', bytes('two'), someTime);
    await swap(database, fields);
    for (const owner of ['secret/1', 'secret/2']) {
      await assert.rejects(encryption.get(database, owner), {
        code: 'ENCRYPT_DECRYPT_ERROR',
        message: new RegExp(
          `^The value of ${owner} cannot be decrypted: its row was changed outside of Legate`,
        ),
      });
    }
  }
});

test('a value under a key that the ring does not hold names that key and what to do', async () => {
  await using store = await testDatabase();
  const { database } = store;
  const [lost, other] = [makeKey(), makeKey()];
  const before = await openEncryption(database, fromText(lost.line));
  await before.put(database, 'secret/1', bytes('x'), someTime);
  const after = await openEncryption(database, fromText(other.line));
  assert.deepEqual(await after.missingKeys(database), [lost.id]);
  await assert.rejects(after.get(database, 'secret/1'), {
    code: 'ENCRYPT_DECRYPT_ERROR',
    message:
      `The value of secret/1 cannot be decrypted: its key ${lost.id} is not in LEGATE_KEY_RING. ` +
      'Put that key back from your copy of the ring, or set the value again',
  });
  await after.put(database, 'secret/1', bytes('again'), someTime);
  assert.equal(text(await after.get(database, 'secret/1')), 'again');
  assert.deepEqual(await after.missingKeys(database), []);
});

test('the first start makes a ring for its owner alone, and later starts read it', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const source = chooseKeySource({}, folder.path);
  const first = await openEncryption(store.database, source);
  assert.equal(first.madeKeyRing, true);
  assert.equal(statSync(folder.file('key-ring')).mode & 0o777, 0o600);
  await first.put(store.database, 'secret/1', bytes('x'), someTime);
  const second = await openEncryption(store.database, source);
  assert.equal(second.madeKeyRing, false);
  assert.equal(text(await second.get(store.database, 'secret/1')), 'x');
});

test('two first starts at once share one ring', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const source = chooseKeySource({}, folder.path);
  const both = await Promise.all([1, 2].map(() => openEncryption(store.database, source)));
  assert.equal(both.filter(each => each.madeKeyRing).length, 1);
  await both[0]?.put(store.database, 'secret/1', bytes('x'), someTime);
  assert.equal(text(await both[1]?.get(store.database, 'secret/1')), 'x');
});

test('no ring is made where the store holds values, nor in place of a file that somebody named', async () => {
  await using store = await testDatabase();
  using folder = temporaryFolder();
  const named = chooseKeySource({ file: folder.file('mine') }, folder.path);
  await assert.rejects(openEncryption(store.database, named), /mine does not exist; put the copy/);
  const source = chooseKeySource({}, folder.path);
  const encryption = await openEncryption(store.database, source);
  await encryption.put(store.database, 'secret/1', bytes('x'), someTime);
  rmSync(folder.file('key-ring'));
  await assert.rejects(
    openEncryption(store.database, source),
    /^KeyRingError: the key ring .*key-ring does not exist, and the store holds values under [0-9a-f]{16}; put the copy/,
  );
});

test('a running server reads its source anew for a key that it does not know, or that was retired', async () => {
  await using store = await testDatabase();
  const { database } = store;
  using folder = temporaryFolder();
  const source = chooseKeySource({}, folder.path);
  const [one, other] = [await openEncryption(database, source), await openEncryption(database, source)];
  await one.put(database, 'secret/1', bytes('x'), someTime);
  const { primary } = await one.rotate(database);
  assert.equal(text(await other.get(database, 'secret/1')), 'x');

  const late = await one.rotate(database);
  assert.notEqual(late.primary, primary);
  await other.put(database, 'secret/2', bytes('y'), someTime);
  assert.equal(text(await one.get(database, 'secret/2')), 'y');
  assert.deepEqual(await other.missingKeys(database), []);
});

test('a server whose ring has only a retired key in front saves nothing, and says which key', async () => {
  await using store = await testDatabase();
  const { database } = store;
  const old = makeKey();
  const encryption = await openEncryption(database, fromText(old.line));
  await retireKeys(database, [old.id]);
  await assert.rejects(encryption.put(database, 'secret/1', bytes('x'), someTime), {
    code: 'ENCRYPT_DECRYPT_ERROR',
    message: new RegExp(
      `^The value of secret/1 cannot be saved: a rotation has retired ${old.id}, the first key of`,
    ),
  });
  assert.equal(await encryption.get(database, 'secret/1'), undefined);
  await assert.rejects(
    encryption.rotate(database),
    /was retired by an earlier rotation and cannot come back/,
  );
  assert.deepEqual(await listRetiredKeys(database), [old.id]);
});

test('a ring that became unreadable fails the values that need it anew, and no others', async () => {
  await using store = await testDatabase();
  const { database } = store;
  using folder = temporaryFolder();
  const source = chooseKeySource({}, folder.path);
  const encryption = await openEncryption(database, source);
  await encryption.put(database, 'secret/1', bytes('x'), someTime);
  const other = await openEncryption(database, fromText(makeKey().line));
  await other.put(database, 'secret/2', bytes('y'), someTime);
  writeFileSync(folder.file('key-ring'), 'nonsense\n');
  assert.equal(text(await encryption.get(database, 'secret/1')), 'x');
  await assert.rejects(encryption.get(database, 'secret/2'), {
    code: 'ENCRYPT_DECRYPT_ERROR',
    message: /^No key for the value of secret\/2: the key ring .*, line 1: a key is 32 bytes in base64/,
  });
});

async function swap(
  database: Database,
  fields: readonly ('owner' | 'wrapped_key' | 'ciphertext')[],
): Promise<void> {
  const rows = await database.selectFrom('encrypted_values').selectAll().orderBy('owner').execute();
  const [one, two] = rows;
  if (!one || !two) throw new Error('two rows are needed');
  const [first, second] = [{ ...one }, { ...two }];
  for (const field of fields) [first[field], second[field]] = [second[field], first[field]];
  await database.deleteFrom('encrypted_values').execute();
  await database.insertInto('encrypted_values').values([first, second]).execute();
}
