import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { someTime, testDatabase } from '../../test/harness/database.ts';
import { startProgram } from '../../test/harness/program.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { backup } from './backup.ts';
import { BackupError } from './check-store.ts';
import { openDatabase } from './database.ts';
import { ownStore, StoreInUseError } from './file-lock.ts';
import { NewerStoreError, newestMigration } from './migrations.ts';
import { restore } from './restore.ts';

const writer = new URL('../../test/harness/store-writer.ts', import.meta.url).pathname;

/** A store in use, and a folder for its backups. */
async function backedUp() {
  const store = await testDatabase();
  const places = temporaryFolder();
  return {
    database: store.database,
    data: dirname(store.target),
    file: store.target,
    backup: places.file('backup.db'),
    places,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      places[Symbol.dispose]();
    },
  };
}

const namesIn = (file: string): unknown[] => {
  using sqlite = new DatabaseSync(file, { readOnly: true });
  return sqlite
    .prepare('select name from applications order by name')
    .all()
    .map(({ name }) => name);
};

const pairsIn = (file: string) => {
  using sqlite = new DatabaseSync(file, { readOnly: true });
  const ids = (table: string) =>
    sqlite
      .prepare(`select id from ${table} order by id`)
      .all()
      .map(({ id }) => String(id));
  return [ids('applications'), ids('environments')] as const;
};

const write = (store: Awaited<ReturnType<typeof backedUp>>, name: string) =>
  store.database.insertInto('applications').values({ id: name, name, created_at: '' }).execute();

test('a backup is one private file that holds everything that was committed', async () => {
  await using store = await backedUp();
  await write(store, 'before');
  const made = backup(store.data, store.backup);
  await write(store, 'after');
  assert.deepEqual(made, { migration: newestMigration, bytes: statSync(store.backup).size });
  assert.deepEqual(readdirSync(store.places.path), ['backup.db']);
  assert.equal(statSync(store.backup).mode & 0o777, 0o600);
  assert.deepEqual(namesIn(store.backup), ['before']);
  assert.deepEqual(readdirSync(store.places.path), ['backup.db']);
});

test('a backup is of one moment, while another process writes without a pause', async () => {
  await using store = await backedUp();
  const program = startProgram({ args: [writer, store.file, 'w'] });
  await program.said('acknowledged', { id: 'w-20' });
  for (const round of [1, 2, 3]) {
    const acknowledged = program.lines().map(({ id }) => String(id));
    const file = store.places.file(`backup-${round}.db`);
    backup(store.data, file);
    const [applications, environments] = pairsIn(file);
    assert.deepEqual(applications, environments);
    const missing = acknowledged.filter(id => !applications.includes(id));
    assert.deepEqual(missing, []);
    await program.said('acknowledged', { id: `w-${applications.length + 5}` });
  }
  await program.stop();
});

test('a backup leaves out what has been deleted', async () => {
  await using store = await backedUp();
  await write(store, 'a name that was a mistake');
  await store.database.deleteFrom('applications').execute();
  backup(store.data, store.backup);
  assert.equal(readFileSync(store.backup, 'latin1').includes('a mistake'), false);
});

test('a backup overwrites nothing, and one that fails leaves nothing', async () => {
  await using store = await backedUp();
  writeFileSync(store.backup, 'precious');
  assert.throws(() => backup(store.data, store.backup), BackupError);
  assert.equal(readFileSync(store.backup, 'utf8'), 'precious');
  assert.throws(
    () => backup(store.places.path, store.places.file('other.db')),
    /there is no store at .*--data/,
  );
  writeFileSync(store.places.file('legate.db'), 'no database'.repeat(1_000));
  assert.throws(() => backup(store.places.path, store.places.file('other.db')), /not a database/);
  assert.deepEqual(readdirSync(store.places.path).sort(), ['backup.db', 'legate.db', 'legate.db.lock']);
});

test('a restored store is the one that was backed up, and the one that was there is kept', async () => {
  await using store = await backedUp();
  await write(store, 'before');
  backup(store.data, store.backup);
  await write(store, 'after');
  await store.database.destroy();
  const { migration, replaced } = restore(store.backup, store.data, someTime);
  assert.equal(migration, newestMigration);
  assert.equal(replaced, `${store.file}.replaced-2024-05-06T070809.000Z`);
  assert.deepEqual(namesIn(store.file), ['before']);
  assert.deepEqual(namesIn(replaced), ['after', 'before']);
  assert.equal(statSync(store.file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(store.data).sort(), [
    'legate.db',
    'legate.db.lock',
    `legate.db.replaced-2024-05-06T070809.000Z`,
  ]);
  const again = openDatabase(store.file);
  await again.insertInto('applications').values({ id: 'x', name: 'x', created_at: '' }).execute();
  await again.destroy();
});

test('a backup is restored into a folder that has no store, or that is not there yet', async () => {
  await using store = await backedUp();
  await write(store, 'before');
  backup(store.data, store.backup);
  const data = store.places.file('new');
  assert.deepEqual(restore(store.backup, data, someTime), {
    migration: newestMigration,
    replaced: undefined,
  });
  assert.deepEqual(namesIn(`${data}/legate.db`), ['before']);
  assert.equal(statSync(data).mode & 0o777, 0o700);
});

test('a store that a server uses is not replaced, and one whose server was killed is, with all it said', async () => {
  await using store = await backedUp();
  backup(store.data, store.backup);
  await store.database.destroy();
  const program = startProgram({ args: [writer, store.file, 'w'] });
  await program.said('acknowledged', { id: 'w-20' });
  assert.throws(() => restore(store.backup, store.data, someTime), StoreInUseError);
  program.signal('SIGKILL');
  await program.ended;
  const { replaced = '' } = restore(store.backup, store.data, someTime);
  assert.deepEqual(namesIn(store.file), []);
  const kept = namesIn(replaced);
  for (const { id } of program.lines()) assert.ok(kept.includes(id));
});

test('nobody opens a store that is being replaced', async () => {
  await using store = await backedUp();
  await store.database.destroy();
  const hold = ownStore(store.file);
  const program = startProgram({ args: [writer, store.file, 'w'] });
  const { code } = await program.ended;
  assert.equal(code, 1);
  assert.match(program.output(), /StoreInUseError: .*is being restored/);
  hold.release();
});

test('what is no backup of ours, or of a newer version, is refused, and the store stays', async () => {
  await using store = await backedUp();
  await write(store, 'before');
  await store.database.destroy();
  const refuse = (file: string, message: RegExp) => {
    assert.throws(() => restore(file, store.data, someTime), message);
    assert.deepEqual(namesIn(store.file), ['before']);
    assert.deepEqual(
      readdirSync(store.data).filter(name => /replaced|restoring/.test(name)),
      [],
    );
  };
  refuse(store.places.file('absent'), /there is no file .*absent/);
  writeFileSync(store.places.file('text'), 'no database'.repeat(1_000));
  refuse(store.places.file('text'), /text is not a store of Legate/);
  writeFileSync(store.places.file('empty'), '');
  refuse(store.places.file('empty'), /empty is not a store of Legate/);
  backup(store.data, store.backup);
  {
    using newer = new DatabaseSync(store.backup);
    newer.exec("insert into migrations values (1000, 'later')");
  }
  refuse(store.backup, /newer version of Legate/);
  assert.throws(() => restore(store.backup, store.data, someTime), NewerStoreError);
});

test('a damaged backup is refused, and a damaged store is replaced', async () => {
  await using store = await backedUp();
  for (let number = 0; number < 500; number += 1) await write(store, `application ${number}`);
  backup(store.data, store.backup);
  await store.database.destroy();
  const bytes = readFileSync(store.backup);
  // Everything from here on belongs to tables, not to the file's own head.
  bytes.fill(0x5a, 4_096 * 10, 4_096 * 30);
  writeFileSync(store.places.file('damaged'), bytes);
  assert.throws(() => restore(store.places.file('damaged'), store.data, someTime), /damaged|malformed/);
  writeFileSync(store.file, bytes);
  writeFileSync(`${store.file}-wal`, 'what is left of it');
  const { replaced = '' } = restore(store.backup, store.data, someTime);
  assert.equal(namesIn(store.file).length, 500);
  assert.deepEqual(readFileSync(replaced), bytes);
  rmSync(replaced);
});
