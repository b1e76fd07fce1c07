// Writes to a store without a pause, in a transaction of two rows each, and says which are there for good.
// Usage: store-writer.ts TARGET PREFIX
import { openDatabase } from '../../control-plane/store/database.ts';

const [target = '', prefix = ''] = process.argv.slice(2);
const database = openDatabase(target);

for (let number = 0; ; number += 1) {
  const id = `${prefix}-${number}`;
  await database.transaction().execute(async transaction => {
    await transaction.insertInto('applications').values({ id, name: id, created_at: '' }).execute();
    await transaction
      .insertInto('environments')
      .values({ id, application_id: id, name: id, production: 0 })
      .execute();
  });
  process.stdout.write(`${JSON.stringify({ msg: 'acknowledged', id })}\n`);
}
