import assert from 'node:assert/strict';
import test from 'node:test';
import { anyCompile } from '../test/harness/compile.ts';
import { testDatabase } from '../test/harness/database.ts';
import { aText, connectorYaml, secretYaml, templateYaml, yamlOf } from '../test/harness/documents.ts';
import { refusalOf, someCaller, toolsFor } from '../test/harness/tools.ts';
import { type ApplyTools, applyDocuments } from './apply.ts';
import { valueOwner } from './domain/built-in-manager.ts';
import { RequestError } from './domain/errors.ts';
import type { Database } from './store/database.ts';
import { findSecret } from './store/secrets.ts';
import type { Compile } from './template/compile.ts';

/** Takes every script but one that says `broken`. */
const compile: Compile = async (script, inputs) =>
  script.includes('broken')
    ? { ok: false, problems: [{ line: 2, column: 7, message: 'syntax error' }] }
    : anyCompile(script, inputs);

type File = readonly [name: string, text: string];
const request = (files: readonly File[], dryRun = false) => ({
  sources: files.map(([name, text]) => ({ name, text })),
  dryRun,
  accept: false,
  skipTests: true,
  caller: someCaller(),
  signal: new AbortController().signal,
});

/** What was done, a line per document. */
async function apply(tools: ApplyTools, files: readonly File[], dryRun = false): Promise<string[]> {
  const applied = await applyDocuments(tools, request(files, dryRun));
  return applied.map(({ kind, reference, change }) => `${kind} ${reference} ${change}`);
}

async function problemsOf(tools: ApplyTools, files: readonly File[]): Promise<readonly string[]> {
  return (await refusalOf(apply(tools, files))).problems;
}

async function counts({ database }: { readonly database: Database }): Promise<number[]> {
  const tables = ['templates', 'connectors', 'secrets', 'encrypted_values', 'secret_uses'] as const;
  return Promise.all(
    tables.map(async table => (await database.selectFrom(table).selectAll().execute()).length),
  );
}
const nothing = [0, 0, 0, 0, 0];

async function fresh() {
  const store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  return { ...store, tools, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
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
  await using store = await fresh();
  assert.deepEqual(await apply(store.tools, all), created);
  assert.deepEqual(
    await apply(store.tools, all),
    created.map(line => line.replace('created', 'unchanged')),
  );
  const renamed: File = ['s.yaml', secretYaml.replace('name: db password', 'name: renamed')];
  assert.deepEqual(await apply(store.tools, [template, renamed]), [
    'template account.http_kv_store@1.0 unchanged',
    'secret account.db_password changed',
  ]);
});

test('a document that differs in order, comments and quotes only is unchanged', async () => {
  await using store = await fresh();
  await apply(store.tools, all);
  const rewritten = `# a comment\n${secretYaml
    .replace('  type: SecretText\n', '')
    .replace('  name: db password', '  name: "db password"\n  type: SecretText')}`;
  assert.deepEqual(await apply(store.tools, [['s.yaml', rewritten]]), [
    'secret account.db_password unchanged',
  ]);
});

test('the order of files and documents makes no difference', async () => {
  await using store = await fresh();
  assert.deepEqual(await apply(store.tools, [secret, connector, template]), created);
  await using other = await fresh();
  const one: File = ['all.yaml', [connectorYaml, secretYaml, templateYaml].join('---\n')];
  assert.deepEqual(await apply(other.tools, [one]), created);
});

test('one wrong document, and none is applied', async () => {
  await using store = await fresh();
  const wrong: File = ['wrong.yaml', secretYaml.replace('account.kv_http', 'account.other')];
  await problemsOf(store.tools, [template, connector, wrong]);
  assert.deepEqual(await counts(store), nothing);
});

test('a dry run says what would be done, finds what is wrong, and writes nothing', async () => {
  await using store = await fresh();
  assert.deepEqual(await apply(store.tools, all, true), created);
  assert.deepEqual(await counts(store), nothing);
  await assert.rejects(apply(store.tools, [secret], true), /No such secret manager found/);
});

test('every problem of every document is told, with file and line', async () => {
  await using store = await fresh();
  const broken = templateYaml.replace('script: |-\n', 'script: |-\n          broken\n');
  const files: File[] = [
    ['a.yaml', `# two documents\n---\n${broken}---\n${connectorYaml.replace('timeout: 20', 'timeout: 0')}`],
    ['b.yaml', secretYaml],
  ];
  assert.deepEqual(await problemsOf(store.tools, files), [
    'a.yaml:3: script line 2, column 7: syntax error',
    'a.yaml:29: connector.spec.timeout must be an integer from 1 to 3600',
    'b.yaml:1: No such secret manager found with identifier kv_http in this scope.',
  ]);
});

test('a text that is not YAML is told by file, line and column, for all files at once', async () => {
  await using store = await fresh();
  assert.deepEqual(
    await problemsOf(store.tools, [
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
  await using store = await fresh();
  const refusal = 'a document must have exactly one key: template, connector, secret or application';
  const text =
    'pipeline: {}\n---\ntemplate: {}\nsecret: {}\n---\n- secret\n---\njust text\n---\n~\n---\ntoString: {}\n';
  assert.deepEqual(
    await problemsOf(store.tools, [['x.yaml', text]]),
    [1, 3, 6, 8, 10, 12].map(line => `x.yaml:${line}: ${refusal}`),
  );
});

test('nothing at all is a mistake, not a success', async () => {
  await using store = await fresh();
  assert.deepEqual(await problemsOf(store.tools, [['empty.yaml', '# nothing\n']]), [
    'there is no document to apply',
  ]);
});

test('the same document twice in one go is refused: no order of the two would be right', async () => {
  await using store = await fresh();
  const again: File = ['again.yaml', `---\n${secretYaml.replace('db password', 'other')}`];
  assert.deepEqual(await problemsOf(store.tools, [...all, again]), [
    'again.yaml:2: secret account.db_password is in secret.yaml:1 already',
  ]);
  assert.deepEqual(await counts(store), nothing);
});

test('two versions of one template stand side by side', async () => {
  await using store = await fresh();
  const next: File = ['next.yaml', templateYaml.replace('versionLabel: 1.0', 'versionLabel: 1.00')];
  await apply(store.tools, [template, next]);
  assert.equal((await store.database.selectFrom('template_versions').selectAll().execute()).length, 2);
});

test('others get at the store while scripts are compiled', async () => {
  await using store = await fresh();
  const slow: Compile = async (script, inputs) => {
    await store.database.selectFrom('api_keys').selectAll().execute();
    return compile(script, inputs);
  };
  const tools = { ...store.tools, compile: slow };
  assert.equal((await applyDocuments(tools, request([template]))).length, 1);
});

test('a fault of ours is not taken for a mistake of the user, and nothing is written', async () => {
  await using store = await fresh();
  let calls = 0;
  const failing: Compile = async (script, inputs) => {
    calls += 1;
    if (calls === 2) throw new Error('the compiler broke');
    return compile(script, inputs);
  };
  const files = ['1', '2'].map(
    (label): File => [label, templateYaml.replace('versionLabel: 1.0', `versionLabel: "${label}"`)],
  );
  const act = applyDocuments({ ...store.tools, compile: failing }, request(files));
  await assert.rejects(act, error => !(error instanceof RequestError));
  assert.deepEqual(await counts(store), nothing);
});

test('a value of the built-in manager is kept encrypted, and nowhere else', async () => {
  await using store = await fresh();
  await apply(store.tools, [['t.yaml', yamlOf(aText('token', 'hunter2'))]]);
  const stored = await findSecret(store.database, { scope: 'account', identifier: 'token' });
  assert.ok(stored);
  const value = await store.tools.encryption.get(store.database, valueOwner(stored));
  assert.equal(Buffer.from(value ?? []).toString(), 'hunter2');
  const rows = await Promise.all(
    (['secrets', 'encrypted_values', 'audit'] as const).map(table =>
      store.database.selectFrom(table).selectAll().execute(),
    ),
  );
  assert.doesNotMatch(JSON.stringify(rows), /hunter2/);
});

test('a document without a value keeps the one that is there', async () => {
  await using store = await fresh();
  const file: File = ['t.yaml', yamlOf(aText('token', 'hunter2'))];
  await apply(store.tools, [file]);
  const exported: File = ['t.yaml', file[1].replace(',"value":"hunter2"', '')];
  assert.deepEqual(await apply(store.tools, [exported]), ['secret account.token unchanged']);
  const renamed: File = ['t.yaml', exported[1].replace('"name":"token"', '"name":"other"')];
  assert.deepEqual(await apply(store.tools, [renamed]), ['secret account.token changed']);
  const stored = await findSecret(store.database, { scope: 'account', identifier: 'token' });
  const value = stored && (await store.tools.encryption.get(store.database, valueOwner(stored)));
  assert.equal(Buffer.from(value ?? []).toString(), 'hunter2');
});

test('nobody learns a value by applying guesses', async () => {
  await using store = await fresh();
  const guess = (value: string): File => ['t.yaml', yamlOf(aText('pin', value))];
  await apply(store.tools, [guess('1234')]);
  for (const value of ['1234', '4321'])
    assert.deepEqual(await apply(store.tools, [guess(value)], true), ['secret account.pin changed']);
});

test('a value goes back with the rest when another document is wrong, and in a dry run', async () => {
  await using store = await fresh();
  const value: File = ['t.yaml', yamlOf(aText('token', 'hunter2'))];
  await problemsOf(store.tools, [value, secret]);
  assert.deepEqual(await counts(store), nothing);
  await apply(store.tools, [value], true);
  assert.deepEqual(await counts(store), nothing);
});

test('a file that lies beside the document is its value, byte for byte', async () => {
  await using store = await fresh();
  const yaml = yamlOf({
    secret: { identifier: 'k', name: 'k', type: 'SecretFile', spec: { file: 'k.pem' } },
  });
  await store.tools.apply(yaml, { files: { 'k.pem': '\uFEFF-----\r\nx\n' } });
  const stored = await findSecret(store.database, { scope: 'account', identifier: 'k' });
  const value = stored && (await store.tools.encryption.get(store.database, valueOwner(stored)));
  assert.equal(Buffer.from(value ?? []).toString(), '\uFEFF-----\r\nx\n');
  await assert.rejects(
    store.tools.apply(yaml, { files: { 'k.pem': '' } }),
    /secret\.spec\.file: the file is empty/,
  );
});

test('two that apply the same at once both succeed: one creates, the other finds nothing to do', async () => {
  await using store = await fresh();
  const both = await Promise.all([apply(store.tools, all), apply(store.tools, all)]);
  assert.deepEqual(both.toSorted(), [created, created.map(line => line.replace('created', 'unchanged'))]);
});

test('of two that change the same at once, one after the other is done, and no change is half', async () => {
  await using store = await fresh();
  await apply(store.tools, all);
  const named = (name: string): File[] => [
    ['c.yaml', connectorYaml.replace('KV over HTTP', name)],
    ['s.yaml', secretYaml.replace('name: db password', `name: ${name}`)],
  ];
  await Promise.all([apply(store.tools, named('one')), apply(store.tools, named('two'))]);
  const names = await Promise.all(
    (['connectors', 'secrets'] as const).map(table =>
      store.database.selectFrom(table).select('name').executeTakeFirstOrThrow(),
    ),
  );
  assert.equal(names[0]?.name, names[1]?.name);
});

test('an application is created, unchanged and changed, its environments included', async () => {
  await using store = await fresh();
  const application = (...types: string[]): File => [
    'a.yaml',
    yamlOf({
      application: {
        identifier: 'shop',
        name: 'Shop',
        environments: types.map((type, n) => ({ identifier: `e${n}`, name: 'x', type })),
      },
    }),
  ];
  const done = [];
  for (const file of [application('Production'), application('Production'), application('PreProduction')])
    done.push(...(await apply(store.tools, [file])));
  assert.deepEqual(
    done,
    ['created', 'unchanged', 'changed'].map(change => `application application/shop ${change}`),
  );
});

test('a usage scope may name only applications and environments that are there', async () => {
  await using store = await fresh();
  await store.tools.apply(
    yamlOf({
      application: {
        identifier: 'shop',
        name: 'Shop',
        environments: [{ identifier: 'live', name: 'Live', type: 'Production' }],
      },
    }),
  );
  const scoped = (appId: string, envId: string): File => [
    'c.yaml',
    `${connectorYaml}    usageScope: {appEnvScopes: [{application: {appId: ${appId}}, environment: {envId: ${envId}}}]}\n`,
  ];
  assert.deepEqual(await problemsOf(store.tools, [template, scoped('x', 'live')]), [
    'c.yaml:1: No application exists with the id x',
  ]);
  assert.deepEqual(await problemsOf(store.tools, [template, scoped('shop', 'x')]), [
    'c.yaml:1: No env exists with id x in application with id shop',
  ]);
  assert.equal((await apply(store.tools, [template, scoped('shop', 'live')])).length, 2);
});
