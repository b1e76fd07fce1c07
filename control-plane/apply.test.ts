import assert from 'node:assert/strict';
import test from 'node:test';
import { someTime, testDatabase } from '../test/harness/database.ts';
import { connectorYaml, secretYaml, templateYaml } from '../test/harness/documents.ts';
import { applyDocuments } from './apply.ts';
import { RequestError } from './domain/errors.ts';
import type { Database } from './store/database.ts';
import type { Compile } from './template/compile.ts';

/** Takes every script but one that says `broken`; its program is the script. */
const compile: Compile = async (script, inputs) =>
  script.includes('broken')
    ? { ok: false, problems: [{ line: 2, column: 7, message: 'syntax error' }] }
    : { ok: true, program: { text: script, digest: `sha256:${'0'.repeat(64)}`, inputs: [...inputs] } };

type File = readonly [name: string, text: string];
const toolsOf = (database: Database) => ({ database, compile, now: () => someTime });

/** What was done, a line per document. */
async function apply(database: Database, files: readonly File[], dryRun = false): Promise<string[]> {
  const sources = files.map(([name, text]) => ({ name, text }));
  const applied = await applyDocuments(toolsOf(database), sources, dryRun);
  return applied.map(({ kind, reference, change }) => `${kind} ${reference} ${change}`);
}

async function problemsOf(database: Database, files: readonly File[]): Promise<readonly string[]> {
  try {
    await apply(database, files);
  } catch (error) {
    assert.ok(error instanceof RequestError, String(error));
    assert.equal(error.code, 'INVALID_REQUEST');
    return error.problems;
  }
  return assert.fail('nothing was refused');
}

async function counts(database: Database): Promise<number[]> {
  const tables = ['templates', 'connectors', 'secrets'] as const;
  return Promise.all(
    tables.map(async table => (await database.selectFrom(table).select('identifier').execute()).length),
  );
}

const template: File = ['template.yaml', templateYaml];
const connector: File = ['connector.yaml', connectorYaml];
const secret: File = ['secret.yaml', secretYaml];
const all = [template, connector, secret];
const created = [
  'template account.http_kv_store@1.0 created',
  'connector account.kv_http created',
  'secret account.db_password created',
];

test('a document is created, then unchanged, then changed', async () => {
  await using store = await testDatabase();
  assert.deepEqual(await apply(store.database, all), created);
  assert.deepEqual(
    await apply(store.database, all),
    created.map(line => line.replace('created', 'unchanged')),
  );
  const renamed: File = ['s.yaml', secretYaml.replace('name: db password', 'name: renamed')];
  assert.deepEqual(await apply(store.database, [template, renamed]), [
    'template account.http_kv_store@1.0 unchanged',
    'secret account.db_password changed',
  ]);
});

test('a document that differs in order, comments and quotes only is unchanged', async () => {
  await using store = await testDatabase();
  await apply(store.database, all);
  const rewritten = `# a comment\n${secretYaml
    .replace('  type: SecretText\n', '')
    .replace('  name: db password', '  name: "db password"\n  type: SecretText')}`;
  assert.deepEqual(await apply(store.database, [['s.yaml', rewritten]]), [
    'secret account.db_password unchanged',
  ]);
});

test('the order of files and documents makes no difference', async () => {
  await using store = await testDatabase();
  assert.deepEqual(await apply(store.database, [secret, connector, template]), created);
  await using other = await testDatabase();
  const one: File = ['all.yaml', [connectorYaml, secretYaml, templateYaml].join('---\n')];
  assert.deepEqual(await apply(other.database, [one]), created);
});

test('one wrong document, and none is applied', async () => {
  await using store = await testDatabase();
  const wrong: File = ['wrong.yaml', secretYaml.replace('account.kv_http', 'account.other')];
  await problemsOf(store.database, [template, connector, wrong]);
  assert.deepEqual(await counts(store.database), [0, 0, 0]);
});

test('a dry run says what would be done, finds what is wrong, and writes nothing', async () => {
  await using store = await testDatabase();
  assert.deepEqual(await apply(store.database, all, true), created);
  assert.deepEqual(await counts(store.database), [0, 0, 0]);
  await assert.rejects(apply(store.database, [secret], true), /No such secret manager found/);
});

test('every problem of every document is told, with file and line', async () => {
  await using store = await testDatabase();
  const broken = templateYaml.replace('script: |-\n', 'script: |-\n          broken\n');
  const files: File[] = [
    ['a.yaml', `# two documents\n---\n${broken}---\n${connectorYaml.replace('timeout: 20', 'timeout: 0')}`],
    ['b.yaml', secretYaml],
  ];
  assert.deepEqual(await problemsOf(store.database, files), [
    'a.yaml:3: script line 2, column 7: syntax error',
    'a.yaml:29: connector.spec.timeout must be an integer from 1 to 3600',
    'b.yaml:1: No such secret manager found with identifier account.kv_http in this scope.',
  ]);
});

test('a text that is not YAML is told by file, line and column, for all files at once', async () => {
  await using store = await testDatabase();
  assert.deepEqual(
    await problemsOf(store.database, [
      ['a.yaml', 'a: [hunter2'],
      ['b.yaml', 'x: 1\nx: 2'],
    ]),
    [
      'a.yaml: line 1, column 12: not valid YAML (bad indent)',
      'b.yaml: line 2, column 1: not valid YAML (duplicate key)',
    ],
  );
});

test('a document of another kind, or of none, is refused with its line', async () => {
  await using store = await testDatabase();
  const refusal = 'a document must have exactly one key: template, connector or secret';
  const text =
    'pipeline: {}\n---\ntemplate: {}\nsecret: {}\n---\n- secret\n---\njust text\n---\n~\n---\ntoString: {}\n';
  assert.deepEqual(
    await problemsOf(store.database, [['x.yaml', text]]),
    [1, 3, 6, 8, 10, 12].map(line => `x.yaml:${line}: ${refusal}`),
  );
});

test('nothing at all is a mistake, not a success', async () => {
  await using store = await testDatabase();
  assert.deepEqual(await problemsOf(store.database, [['empty.yaml', '# nothing\n']]), [
    'there is no document to apply',
  ]);
});

test('the same document twice in one go is refused: no order of the two would be right', async () => {
  await using store = await testDatabase();
  const again: File = ['again.yaml', `---\n${secretYaml.replace('db password', 'other')}`];
  assert.deepEqual(await problemsOf(store.database, [...all, again]), [
    'again.yaml:2: secret account.db_password is in secret.yaml:1 already',
  ]);
  assert.deepEqual(await counts(store.database), [0, 0, 0]);
});

test('two versions of one template stand side by side', async () => {
  await using store = await testDatabase();
  const next: File = ['next.yaml', templateYaml.replace('versionLabel: 1.0', 'versionLabel: 1.00')];
  await apply(store.database, [template, next]);
  assert.deepEqual(await counts(store.database), [2, 0, 0]);
});

test('others get at the store while scripts are compiled', async () => {
  await using store = await testDatabase();
  const slow: Compile = async (script, inputs) => {
    await store.database.selectFrom('api_keys').selectAll().execute();
    return compile(script, inputs);
  };
  const sources = [{ name: 't.yaml', text: templateYaml }];
  assert.equal(
    (await applyDocuments({ ...toolsOf(store.database), compile: slow }, sources, false)).length,
    1,
  );
});

test('a fault of ours is not taken for a mistake of the user, and nothing is written', async () => {
  await using store = await testDatabase();
  let calls = 0;
  const failing: Compile = async (script, inputs) => {
    calls += 1;
    if (calls === 2) throw new Error('the compiler broke');
    return compile(script, inputs);
  };
  const sources = ['1', '2'].map(label => ({
    name: label,
    text: templateYaml.replace('versionLabel: 1.0', `versionLabel: "${label}"`),
  }));
  const act = applyDocuments({ ...toolsOf(store.database), compile: failing }, sources, false);
  await assert.rejects(act, error => !(error instanceof RequestError));
  assert.deepEqual(await counts(store.database), [0, 0, 0]);
});
