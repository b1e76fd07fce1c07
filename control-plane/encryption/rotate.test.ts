import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { eachDialect, someTime, testDatabase } from '../../test/harness/database.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import type { Database } from '../store/database.ts';
import { countValuesByKey } from '../store/encrypted-values.ts';
import { beginRotation, findRotation } from '../store/key-rotation.ts';
import { type Encryption, openEncryption } from './encryption.ts';
import { makeKey, parseKeyRing } from './key-ring.ts';
import { chooseKeySource } from './key-source.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();
const fromText = (...lines: string[]) => ({ kind: 'environment', text: lines.join('\n') }) as const;

async function fill(encryption: Encryption, database: Database, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await encryption.put(database, `secret/${index}`, bytes(`value ${index}`), someTime);
  }
}

async function assertFull(encryption: Encryption, database: Database, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    assert.equal(text(await encryption.get(database, `secret/${index}`)), `value ${index}`);
  }
}

eachDialect('a rotation brings every value under a new key and drops the old one', async ({ database }) => {
  using folder = temporaryFolder();
  const source = chooseKeySource({}, folder.path);
  const encryption = await openEncryption(database, source);
  await fill(encryption, database, 50);
  const [old] = (await countValuesByKey(database)).keys();
  const report = await encryption.rotate(database);
  assert.deepEqual(report, {
    primary: report.primary,
    resumed: false,
    rewrapped: 50,
    dropped: [old],
    removable: [],
    left: {},
  });
  assert.deepEqual([...(await countValuesByKey(database))], [[report.primary, 50]]);
  const ring = parseKeyRing(readFileSync(folder.file('key-ring'), 'utf8'), 'ring');
  assert.deepEqual(
    ring.keys.map(key => key.id),
    [report.primary],
  );
  await assertFull(encryption, database, 50);
  await assertFull(await openEncryption(database, source), database, 50);
  assert.equal(await encryption.resumeRotation(database), undefined);
});

eachDialect(
  'values put while a rotation goes on, by this server and by others, are all readable',
  async ({ database }) => {
    using folder = temporaryFolder();
    const source = chooseKeySource({}, folder.path);
    const servers = [await openEncryption(database, source), await openEncryption(database, source)];
    const [here, there] = servers;
    if (!here || !there) throw new Error('two servers');
    await fill(here, database, 60);
    const writes: Promise<void>[] = [];
    const report = await here.rotate(database, {
      note() {
        const count = writes.length;
        for (const [index, server] of servers.entries()) {
          writes.push(server.put(database, `secret/${(count * 7 + index) % 60}`, bytes('newer'), someTime));
          writes.push(server.put(database, `late/${count}/${index}`, bytes('late'), someTime));
        }
      },
    });
    await Promise.all(writes);
    assert.deepEqual([...(await countValuesByKey(database)).keys()], [report.primary]);
    const fresh = await openEncryption(database, source);
    const rows = await database.selectFrom('encrypted_values').select('owner').execute();
    assert.equal(rows.length, 60 + writes.length / 2);
    for (const { owner } of rows) {
      const value = text(await fresh.get(database, owner)) ?? '';
      assert.match(value, owner.startsWith('late') ? /^late$/ : /^(newer|value \d+)$/);
    }
  },
);

eachDialect('rotations at the same time, from several servers, lose no key', async ({ database }) => {
  using folder = temporaryFolder();
  const source = chooseKeySource({}, folder.path);
  const servers = await Promise.all([1, 2, 3].map(() => openEncryption(database, source)));
  const [first] = servers;
  if (!first) throw new Error('a server');
  await fill(first, database, 60);
  await Promise.all(servers.map(server => server.rotate(database)));
  const ring = parseKeyRing(readFileSync(folder.file('key-ring'), 'utf8'), 'ring');
  assert.deepEqual([...(await countValuesByKey(database)).keys()], [ring.primary.id]);
  for (const server of servers) await assertFull(server, database, 60);
  await first.rotate(database);
  for (const server of servers) await assertFull(server, database, 60);
});

test('a damaged row, and one whose key is lost, are reported and keep no other under the old key', async () => {
  await using store = await testDatabase();
  const { database } = store;
  using folder = temporaryFolder();
  const encryption = await openEncryption(database, chooseKeySource({}, folder.path));
  await fill(encryption, database, 30);
  const [old] = (await countValuesByKey(database)).keys();
  const lost = makeKey();
  const stranger = await openEncryption(database, fromText(lost.line));
  await stranger.put(database, 'secret/lost', bytes('x'), someTime);
  const damage = database.updateTable('encrypted_values').where('owner', '=', 'secret/7');
  await damage.set({ wrapped_key: 'AAAA' }).execute();

  const report = await encryption.rotate(database);
  assert.equal(report.rewrapped, 29);
  assert.deepEqual(report.left, { [String(old)]: 1, [lost.id]: 1 });
  assert.deepEqual(report.dropped, []); // Somebody may yet mend the row.
  await encryption.remove(database, 'secret/7');
  assert.equal((await encryption.rotate(database)).dropped.length, 2);
  await stranger.put(database, 'secret/lost', bytes('y'), someTime); // Only keys of the ring are retired.
});

test('a ring that people keep is rewrapped to its first key, and its old keys are theirs to remove', async () => {
  await using store = await testDatabase();
  const { database } = store;
  const [old, young] = [makeKey(), makeKey()];
  await fill(await openEncryption(database, fromText(old.line)), database, 5);
  const encryption = await openEncryption(database, fromText(young.line, old.line));
  await encryption.put(database, 'secret/5', bytes('value 5'), someTime);
  const report = await encryption.rotate(database);
  assert.deepEqual(
    [report.primary, report.rewrapped, report.dropped, report.removable],
    [young.id, 5, [], [old.id]],
  );
  await assertFull(await openEncryption(database, fromText(young.line)), database, 6);
});

test('a ring file can be rotated to the key that somebody put first', async () => {
  await using store = await testDatabase();
  const { database } = store;
  using folder = temporaryFolder();
  const [old, young] = [makeKey(), makeKey()];
  const path = folder.file('key-ring');
  writeFileSync(path, old.line, { mode: 0o600 });
  const encryption = await openEncryption(database, chooseKeySource({}, folder.path));
  await fill(encryption, database, 5);
  writeFileSync(path, `${young.line} # young\n${old.line}\n`);
  const report = await encryption.rotate(database, { newKey: false });
  assert.deepEqual([report.primary, report.dropped], [young.id, [old.id]]);
  assert.equal(readFileSync(path, 'utf8'), `${young.line} # young\n`);
});

test("a server that has not got the new key in front does not go on with another's rotation", async () => {
  await using store = await testDatabase();
  const { database } = store;
  const [old, young] = [makeKey(), makeKey()];
  await fill(await openEncryption(database, fromText(old.line)), database, 5);
  await beginRotation(database, young.id);
  const behind = await openEncryption(database, fromText(old.line, young.line));
  assert.equal(await behind.resumeRotation(database), undefined);
  const ahead = await openEncryption(database, fromText(young.line, old.line));
  assert.equal((await ahead.resumeRotation(database))?.rewrapped, 5);
  assert.equal(await findRotation(database), undefined);
});

test('a note of a key that never got into the file holds up nothing', async () => {
  await using store = await testDatabase();
  const { database } = store;
  using folder = temporaryFolder();
  const encryption = await openEncryption(database, chooseKeySource({}, folder.path));
  await fill(encryption, database, 5);
  await beginRotation(database, makeKey().id);
  assert.equal(await encryption.resumeRotation(database), undefined);
  assert.equal((await encryption.rotate(database)).resumed, false);
  assert.equal(await findRotation(database), undefined);
});
