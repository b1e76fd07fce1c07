import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { eachDialect } from '../../test/harness/database.ts';
import { type Database, dialectOf, forUpdate, isPostgresUrl, openDatabase, waitForTurn } from './database.ts';

const fact = (name: string, value = '') => ({ name, value });
const insert = (database: Database, name: string, value = '') =>
  database.insertInto('settings').values(fact(name, value)).execute();
const names = async (database: Database) => {
  const rows = await database
    .selectFrom('settings')
    .select('name')
    .where('name', 'like', 'test %')
    .orderBy('name')
    .execute();
  return rows.map(({ name }) => name);
};

test('a target is a Postgres by how it begins, and a file otherwise', () => {
  for (const url of ['postgres://h/d', 'postgresql://h/d', 'POSTGRES://h/d']) assert.ok(isPostgresUrl(url));
  for (const file of ['legate.db', '/postgres://x', 'postgres', 'postgres:/x'])
    assert.ok(!isPostgresUrl(file));
});

eachDialect('a database knows what it is, in a transaction too', async ({ database, dialect }) => {
  assert.equal(dialectOf(database), dialect);
  await database.transaction().execute(async transaction => {
    assert.equal(dialectOf(transaction), dialect);
  });
});

eachDialect('what was written is there when the store is opened again', async ({ database, target }) => {
  const text = "it's ; -- \\ $1 ? é 🔑";
  await insert(database, 'test text', text);
  const second = openDatabase(target);
  const { value } = await second
    .selectFrom('settings')
    .select('value')
    .where('name', '=', 'test text')
    .executeTakeFirstOrThrow();
  await second.destroy();
  assert.equal(value, text);
});

eachDialect('a transaction that fails on its way leaves nothing', async ({ database }) => {
  const interrupted = database.transaction().execute(async transaction => {
    await insert(transaction, 'test a');
    throw new Error('half-way');
  });
  await assert.rejects(interrupted, /half-way/);
  assert.deepEqual(await names(database), []);
});

eachDialect('others see nothing of a transaction that was never completed', async ({ database, target }) => {
  const transaction = await database.startTransaction().execute();
  await insert(transaction, 'test a');
  // As a crash does it: the store is read by another process while the first has not said "commit".
  const other = openDatabase(target);
  assert.deepEqual(await names(other), []);
  await other.destroy();
  await transaction.rollback().execute();
});

eachDialect('statements of others never become part of a transaction', async ({ database }) => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const rolledBack = database.transaction().execute(async transaction => {
    await insert(transaction, 'test a');
    await gate;
    throw new Error('half-way');
  });
  const outside = insert(database, 'test b');
  open();
  await assert.rejects(rolledBack, /half-way/);
  await outside;
  assert.deepEqual(await names(database), ['test b']);
});

eachDialect('a count is a number', async ({ database }) => {
  await insert(database, 'test a');
  const { count, sum } = await database
    .selectFrom('settings')
    .select(({ fn }) => [fn.countAll().as('count'), sql`sum(1)`.as('sum')])
    .where('name', 'like', 'test %')
    .executeTakeFirstOrThrow();
  assert.deepEqual([count, sum], [1, 1]);
});

/** Adds one, many times at once, each time by reading and then writing. */
async function addUp(target: string, add: (database: Database) => Promise<void>): Promise<void> {
  const others = [openDatabase(target), openDatabase(target)];
  try {
    await Promise.all(others.flatMap(other => Array.from({ length: 10 }, () => add(other))));
  } finally {
    await Promise.all(others.map(other => other.destroy()));
  }
}

const counter = (database: Database) =>
  database.selectFrom('settings').select('value').where('name', '=', 'test n');
const increment = async (transaction: Database, row: { value: string }) => {
  const value = String(Number(row.value) + 1);
  await transaction.updateTable('settings').set({ value }).where('name', '=', 'test n').execute();
};

eachDialect(
  'a row that is read to be changed is not changed by others in between',
  async ({ database, target }) => {
    await insert(database, 'test n', '0');
    await addUp(target, other =>
      other.transaction().execute(async transaction => {
        await increment(
          transaction,
          await forUpdate(transaction, counter(transaction)).executeTakeFirstOrThrow(),
        );
      }),
    );
    assert.deepEqual(await counter(database).executeTakeFirst(), { value: '20' });
  },
);

eachDialect('those who wait for their turn come one after the other', async ({ database, target }) => {
  await addUp(target, other =>
    other.transaction().execute(async transaction => {
      await waitForTurn(transaction, 'counting');
      const row = await counter(transaction).executeTakeFirst();
      // The first of them finds no row that could be locked.
      if (row) await increment(transaction, row);
      else await insert(transaction, 'test n', '1');
    }),
  );
  assert.deepEqual(await counter(database).executeTakeFirst(), { value: '20' });
});
