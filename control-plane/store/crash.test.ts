// Kills at random moments: a run can find what another did not. What it must find every time is that each write that
// was acknowledged is there, and each transaction wholly or not at all.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { emptyDatabase, someTime, type TestDatabase, testDatabase } from '../../test/harness/database.ts';
import { startPostgres } from '../../test/harness/postgres.ts';
import { type Program, startProgram } from '../../test/harness/program.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { backup } from './backup.ts';
import { checkStore } from './check-store.ts';
import { type Database, openDatabase } from './database.ts';
import { migrate, newestMigration } from './migrations.ts';
import { restore } from './restore.ts';

const writer = new URL('../../test/harness/store-writer.ts', import.meta.url).pathname;

/** A program that writes, once it has come some way; where it is by the time that it is killed, nobody knows. */
async function writing(target: string, prefix: string): Promise<Program> {
  const program = startProgram({ args: [writer, target, prefix] });
  await program.said('acknowledged', { id: `${prefix}-${randomInt(1, 60)}` });
  return program;
}

async function assertKept(database: Database, programs: readonly Program[]): Promise<void> {
  const ids = async (table: 'applications' | 'environments') =>
    (await database.selectFrom(table).select('id').execute()).map(({ id }) => id).sort();
  const kept = await ids('applications');
  assert.deepEqual(await ids('environments'), kept);
  const there = new Set(kept);
  const acknowledged = programs.flatMap(program => program.lines().map(({ id }) => String(id)));
  assert.ok(acknowledged.length > 0, programs.map(program => program.output()).join(''));
  assert.deepEqual(
    acknowledged.filter(id => !there.has(id)),
    [],
  );
}

/** Two at once, each killed at a moment of its own, time and again; the next two find the store as it was left. */
async function killWriters({ database, target }: TestDatabase, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const both = await Promise.all(['a', 'b'].map(name => writing(target, `${name}${round}`)));
    for (const program of both) {
      program.signal('SIGKILL');
      assert.deepEqual(await program.ended, { code: null, signal: 'SIGKILL' });
    }
    await assertKept(database, both);
  }
}

test('kill -9 of those who write loses nothing that was acknowledged (sqlite)', async () => {
  await using store = await testDatabase();
  await killWriters(store, 6);
  const { rows } = await sql`pragma integrity_check`.execute(store.database);
  assert.deepEqual(rows, [{ integrity_check: 'ok' }]);
});

test('kill -9 of those who write loses nothing that was acknowledged (postgres)', async () => {
  await using store = await testDatabase('postgres');
  await killWriters(store, 4);
});

test('kill -9 while the schema is brought up to date leaves a store that the next start completes', async () => {
  const starter = new URL('../../test/harness/migrate-store.ts', import.meta.url).pathname;
  for (let round = 0; round < 5; round += 1) {
    await using store = await emptyDatabase();
    const program = startProgram({ args: [starter, store.target, 'killed'] });
    await program.said('ready');
    program.signal('SIGUSR2');
    await program.said('migrating');
    // Not to wait for anything: the whole of it takes about this long.
    await setTimeout(randomInt(0, 25));
    program.signal('SIGKILL');
    await program.ended;
    await migrate(store.database, someTime);
    assert.equal((await store.database.selectFrom('settings').selectAll().execute()).length, 1);
  }
});

test('kill -9 while a backup is restored leaves a whole store, and the next restore is like the first', async () => {
  await using store = await testDatabase();
  using places = temporaryFolder();
  await store.database.insertInto('applications').values({ id: 'a', name: 'a', created_at: '' }).execute();
  await store.database.destroy();
  const data = dirname(store.target);
  backup(data, places.file('backup.db'));
  const restorer = new URL('../../test/harness/restore-store.ts', import.meta.url).pathname;
  for (let round = 0; round < 6; round += 1) {
    const program = startProgram({ args: [restorer, places.file('backup.db'), data] });
    await program.said('restoring');
    await setTimeout(randomInt(0, 25));
    program.signal('SIGKILL');
    await program.ended;
    assert.equal(checkStore(store.target, 'the store'), newestMigration);
    for (const name of readdirSync(data).filter(file => file.includes('.replaced-')))
      assert.equal(checkStore(join(data, name), name), newestMigration);
  }
  restore(places.file('backup.db'), data, someTime);
  assert.deepEqual(
    readdirSync(data).filter(name => /restoring|-wal|-shm/.test(name)),
    [],
  );
});

test('kill -9 of the Postgres itself loses nothing that was acknowledged', async () => {
  await using server = await startPostgres({ durable: true });
  const target = server.url('postgres');
  const first = openDatabase(target);
  await migrate(first, someTime);
  await first.destroy();
  for (let round = 0; round < 3; round += 1) {
    const program = await writing(target, `w${round}`);
    await server.crashAndRestart();
    // Its connection broke, and it says so and ends; nothing that it could not save was acknowledged.
    assert.equal((await program.ended).code, 1);
    const database = openDatabase(target);
    await assertKept(database, [program]);
    await database.destroy();
  }
});
