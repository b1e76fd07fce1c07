// fixtures/version-1.db was made by the code of commit 9ab30b7, through its command line: the documents of
// templates/pass (and a second version of the template that fixes one input), an administrator's key, a token with
// two names and one without, and a delegate that came and went.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { sql } from 'kysely';
import { emptyDatabase, someTime, type TestDatabase } from '../../test/harness/database.ts';
import { assertTokens } from '../../test/harness/upgraded-tokens.ts';
import { type Database, openDatabase } from './database.ts';
import { migrate, newestMigration } from './migrations.ts';

const fixture = new URL('fixtures/version-1.db', import.meta.url).pathname;
const oldTables = ['api_keys', 'delegate_tokens', 'delegates', 'templates', 'connectors', 'secrets'] as const;

type Row = Record<string, string | null>;

/** The rows of the fixture, by table. */
function oldRows(table: (typeof oldTables)[number]): Row[] {
  using file = new DatabaseSync(fixture, { readOnly: true });
  return file
    .prepare(`select * from ${table}`)
    .all()
    .map(row =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, value === null ? null : String(value)]),
      ),
    );
}

/** A store of version 1 with what the fixture holds. */
async function versionOne(dialect: TestDatabase['dialect']): Promise<TestDatabase> {
  const store = await emptyDatabase(dialect);
  if (dialect === 'sqlite') {
    await store.database.destroy();
    copyFileSync(fixture, store.target);
    const database = openDatabase(store.target);
    const dispose = async () => {
      await database.destroy();
      await store[Symbol.asyncDispose]();
    };
    return { ...store, database, [Symbol.asyncDispose]: dispose };
  }
  await migrate(store.database, someTime, 1);
  for (const table of oldTables)
    for (const row of oldRows(table)) {
      const columns = sql.join(Object.keys(row).map(name => sql.ref(name)));
      await sql`insert into ${sql.table(table)} (${columns}) values (${sql.join(Object.values(row))})`.execute(
        store.database,
      );
    }
  return store;
}

function fromVersionOne(name: string, body: (database: Database) => Promise<void>): void {
  for (const dialect of ['sqlite', 'postgres'] as const)
    test(`${name} (${dialect})`, async () => {
      await using store = await versionOne(dialect);
      await migrate(store.database, someTime);
      const { number } = await store.database
        .selectFrom('migrations')
        .select(({ fn }) => fn.max('number').as('number'))
        .executeTakeFirstOrThrow();
      assert.equal(number, newestMigration);
      await body(store.database);
    });
}

fromVersionOne(
  'keys, tokens and delegates of version 1 are there, and may what they might',
  async database => {
    const [admin] = oldRows('api_keys');
    const keys = await database
      .selectFrom('api_keys')
      .innerJoin('api_key_credentials', 'key_id', 'id')
      .select(['id', 'name', 'key_hash', 'grants', 'expires_at', 'revoked_at'])
      .execute();
    const { id, name, key_hash } = admin ?? {};
    const grants = '[{"role":"admin","scope":"account"}]';
    assert.deepEqual(keys, [{ id, name, key_hash, grants, expires_at: null, revoked_at: null }]);
    await assertTokens(
      database,
      oldRows('delegate_tokens').map(row => ({ ...row, scope: 'account' })),
    );
    const delegates = await database.selectFrom('delegates').selectAll().execute();
    assert.deepEqual(
      delegates.map(({ uuid, ...row }) => ({ ...row, uuid: uuid !== '' })),
      oldRows('delegates').map(row => {
        const added = {
          scope: 'account',
          status: 'ENABLED',
          include_scopes: '[]',
          exclude_scopes: '[]',
          drained_at: null,
        };
        return { ...row, ...added, uuid: true };
      }),
    );
  },
);

fromVersionOne('templates of version 1 keep their versions, scripts and programs', async database => {
  const rows = await database
    .selectFrom('template_versions as version')
    .innerJoin('template_contents as content', 'content.digest', 'version.content_digest')
    .select(['version.identifier', 'version_label', 'name', 'document', 'updated_at', 'content'])
    .orderBy('version_label')
    .execute();
  const found = rows.map(({ content, ...row }) => {
    const data: { script: string; program: { text: string; digest: string } } = JSON.parse(content);
    return { ...row, script: data.script, program: data.program.text, program_digest: data.program.digest };
  });
  const expected = oldRows('templates').map(
    ({ identifier, version_label, name, document, updated_at, script, program, program_digest }) => {
      return { identifier, version_label, name, document, updated_at, script, program, program_digest };
    },
  );
  assert.equal(expected.length, 2);
  assert.deepEqual(found, expected);
});

fromVersionOne(
  'connectors and secrets of version 1 keep their documents and what they name',
  async database => {
    const connectors = await database.selectFrom('connectors').selectAll().execute();
    const [connector] = oldRows('connectors');
    assert.equal(connectors.length, 1);
    assert.deepEqual({ ...connectors[0], ...connector }, connectors[0]);
    const version = await database
      .selectFrom('template_versions')
      .select('content_digest')
      .where('version_label', '=', connectors[0]?.template_version_label ?? '')
      .executeTakeFirst();
    assert.equal(connectors[0]?.content_digest, version?.content_digest);
    const secrets = await database.selectFrom('secrets').selectAll().execute();
    const [secret] = oldRows('secrets');
    assert.equal(secrets.length, 1);
    assert.deepEqual({ ...secrets[0], ...secret }, secrets[0]);
    assert.equal(secrets[0]?.type, 'SecretText');
  },
);
