/** Applies at the same time, on both stores, from more than one server. */
import assert from 'node:assert/strict';
import { eachDialect } from '../test/harness/database.ts';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../test/harness/documents.ts';
import { toolsFor } from '../test/harness/tools.ts';
import { openDatabase } from './store/database.ts';

const documents = (name: string) =>
  yamlOf(
    aText('token', name),
    aTemplate({ inputs: [variable('a', '<+input>')] }),
    aConnector({ inputs: [variable('a', name, { useAsDefault: true })] }),
    aSecret({ inputs: [variable('a', name)] }),
  );

eachDialect('servers that apply different texts of the same at once leave the whole of one', async store => {
  const databases = [openDatabase(store.target), openDatabase(store.target)];
  try {
    const tools = await Promise.all(databases.map(database => toolsFor(database)));
    const names = ['one', 'two', 'three', 'four'];
    const applied = await Promise.all(
      names.map((name, n) => tools[n % 2]?.apply(documents(name)) ?? assert.fail()),
    );
    // Of all of them exactly one has made each.
    for (const [at, kind] of ['secret', 'template', 'connector', 'secret'].entries()) {
      const changes = applied.map(done => done[at]);
      assert.ok(changes.every(change => change?.kind === kind));
      assert.equal(changes.filter(change => change?.change === 'created').length, 1, kind);
    }
    const rows = await Promise.all(
      (['connectors', 'secrets'] as const).map(table =>
        store.database.selectFrom(table).select(['identifier', 'document']).execute(),
      ),
    );
    const left = rows
      .flat()
      .filter(({ identifier }) => identifier !== 'token')
      .map(({ document }) =>
        names.filter(name => document.includes(`"${name}`) || document.includes(`${name}\\"`)),
      );
    assert.equal(left.length, 2);
    assert.deepEqual(left[0], left[1]);
    const records = await store.database.selectFrom('audit').select('record').orderBy('seq').execute();
    const trail = records.map(({ record }) => JSON.parse(record));
    assert.equal(trail.filter(({ action }) => action === 'connector.create').length, 1);
    assert.equal(trail.filter(({ type }) => type === 'response').length, names.length);
    assert.equal((await tools[0]?.audit.verify())?.ok, true);
  } finally {
    for (const database of databases) await database.destroy();
  }
});
