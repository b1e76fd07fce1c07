import { type Database, openDatabase } from '../../control-plane/store/database.ts';
import { migrate } from '../../control-plane/store/migrations.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface TestDatabase extends AsyncDisposable {
  readonly database: Database;
  readonly file: string;
}

/** The time that tests give to the store. */
export const someTime = '2024-05-06T07:08:09.000Z';

/** A real store in a folder of its own: `await using store = await testDatabase()`. */
export async function testDatabase(): Promise<TestDatabase> {
  const folder = temporaryFolder();
  const file = folder.file('legate.db');
  const database = openDatabase(file);
  await migrate(database, someTime);
  return {
    database,
    file,
    async [Symbol.asyncDispose]() {
      await database.destroy();
      folder[Symbol.dispose]();
    },
  };
}
