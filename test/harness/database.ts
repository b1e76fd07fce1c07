import test from 'node:test';
import { type Database, type Dialect, openDatabase } from '../../control-plane/store/database.ts';
import { migrate } from '../../control-plane/store/migrations.ts';
import { emptyPlace, migratedPlace, type Place, someTime } from './postgres-databases.ts';
import { temporaryFolder } from './temporary-folder.ts';

export { someTime };

export interface TestDatabase extends AsyncDisposable {
  readonly database: Database;
  readonly dialect: Dialect;
  /** What `openDatabase` takes: the path of the file, or the URL. */
  readonly target: string;
}

/** A real store of a test's own, its schema up to date: `await using store = await testDatabase()`. */
export async function testDatabase(dialect: Dialect = 'sqlite'): Promise<TestDatabase> {
  const store = open(dialect, dialect === 'sqlite' ? folderPlace() : await migratedPlace());
  if (dialect === 'sqlite') await migrate(store.database, someTime);
  return store;
}

/** A store without anything in it. */
export async function emptyDatabase(dialect: Dialect = 'sqlite'): Promise<TestDatabase> {
  return open(dialect, dialect === 'sqlite' ? folderPlace() : await emptyPlace());
}

function open(dialect: Dialect, place: Place): TestDatabase {
  const database = openDatabase(place.target);
  return {
    database,
    dialect,
    target: place.target,
    async [Symbol.asyncDispose]() {
      await database.destroy();
      await place.remove();
    },
  };
}

function folderPlace(): Place {
  const folder = temporaryFolder();
  return { target: folder.file('legate.db'), remove: async () => folder[Symbol.dispose]() };
}

/** The stores that every test of the store runs on. */
export const dialects: readonly Dialect[] = ['sqlite', 'postgres'];

/** One test, on each kind of store. */
export function eachDialect(name: string, body: (store: TestDatabase) => Promise<void>): void {
  for (const dialect of dialects) {
    test(`${name} (${dialect})`, async () => {
      await using store = await testDatabase(dialect);
      await body(store);
    });
  }
}
