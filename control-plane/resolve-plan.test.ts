import assert from 'node:assert/strict';
import test from 'node:test';
import { someTime, type TestDatabase, testDatabase } from '../test/harness/database.ts';
import { connectorYaml, secretYaml, templateYaml } from '../test/harness/documents.ts';
import { applyDocuments } from './apply.ts';
import { type ErrorCode, RequestError } from './domain/errors.ts';
import { planConnectionTest, planSecret } from './resolve-plan.ts';
import type { Compile } from './template/compile.ts';

/** The program refers to some of the declared inputs only, in an order of its own. */
const compile: Compile = async script => ({
  ok: true,
  program: { text: script, digest: `sha256:${'0'.repeat(64)}`, inputs: ['key', 'path', 'mount'] },
});

async function apply({ database }: TestDatabase, ...texts: string[]): Promise<void> {
  const sources = texts.map((text, index) => ({ name: `${index + 1}.yaml`, text }));
  await applyDocuments({ database, compile, now: () => someTime }, sources, false);
}

async function refusal(plan: Promise<unknown>): Promise<{ code: ErrorCode; message: string }> {
  try {
    await plan;
  } catch (error) {
    assert.ok(error instanceof RequestError, String(error));
    return { code: error.code, message: error.message };
  }
  return assert.fail('there was a plan');
}

test('a plan for a secret holds all that a delegate needs, inputs in the order of the program', async () => {
  await using store = await testDatabase();
  const connector = connectorYaml.replace('timeout: 20', 'timeout: 90\n    workingDirectory: /srv');
  await apply(store, templateYaml, connector, secretYaml);
  const { program, ...plan } = await planSecret(store.database, 'account.db_password');
  assert.deepEqual(plan, {
    subject: {
      secret: 'account.db_password',
      connector: 'account.kv_http',
      template: 'account.http_kv_store@1.0',
    },
    inputs: ['password', 'demo/db', 'kv'],
    workingDirectory: '/srv',
    selectors: ['vault-net', 'eu'],
    timeoutMs: 90_000,
  });
  assert.deepEqual(Object.keys(program), ['text', 'digest']);
  assert.match(program.text, /secret=/);
});

test("a connection test takes the connector's own inputs and names no secret", async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml);
  const plan = await planConnectionTest(store.database, ' account.kv_http ');
  assert.deepEqual(plan.inputs, ['password', 'demo/test', 'kv']);
  assert.equal(plan.subject.secret, '');
});

test('the version that the connector names is run, not the latest', async () => {
  await using store = await testDatabase();
  const newer = templateYaml.replace('versionLabel: 1.0', 'versionLabel: 2').replace('secret=', 'secret=new');
  await apply(store, templateYaml, newer, connectorYaml, secretYaml);
  const { program, subject } = await planSecret(store.database, 'account.db_password');
  assert.doesNotMatch(program.text, /secret=new/);
  assert.equal(subject.template, 'account.http_kv_store@1.0');
});

test('what is not there is said in the words of the original', async () => {
  await using store = await testDatabase();
  assert.deepEqual(await refusal(planSecret(store.database, 'account.nothing')), {
    code: 'RESOURCE_NOT_FOUND',
    message: 'Resource not found: No secret found with identifier account.nothing',
  });
  assert.deepEqual(await refusal(planConnectionTest(store.database, 'account.nothing')), {
    code: 'SECRET_MANAGEMENT_ERROR',
    message: 'No such secret manager found with identifier account.nothing in this scope.',
  });
  assert.equal((await refusal(planSecret(store.database, 'db'))).code, 'INVALID_IDENTIFIER_REF');
  assert.equal((await refusal(planConnectionTest(store.database, ''))).code, 'INVALID_IDENTIFIER_REF');
});

test('a connector without test values says which of them its test lacks', async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml.replace('value: demo/test', 'value: <+input>'));
  assert.equal(
    (await refusal(planConnectionTest(store.database, 'account.kv_http'))).message,
    'Invalid request: RunTime Inputs are not provided for the Connector, Missing environment variables are: path',
  );
});

test('a connector that changed since may leave a secret without an input, which is said and not guessed', async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml, secretYaml);
  await apply(store, connectorYaml.replace(', useAsDefault: true', ''));
  assert.equal(
    (await refusal(planSecret(store.database, 'account.db_password'))).message,
    'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: mount',
  );
});

test('a stored document that this version cannot read is told to be applied again', async () => {
  await using store = await testDatabase();
  await apply(store, templateYaml, connectorYaml, secretYaml);
  const spoil = (table: 'connectors' | 'secrets') =>
    store.database.updateTable(table).set({ document: '{"identifier":"x"}' }).execute();
  await spoil('connectors');
  assert.match(
    (await refusal(planSecret(store.database, 'account.db_password'))).message,
    /^Invalid request: the stored connector account.kv_http is not valid in this version; apply it again:\nconnector.name is required/,
  );
  await spoil('secrets');
  assert.match(
    (await refusal(planSecret(store.database, 'account.db_password'))).message,
    /^Invalid request: the stored secret account.db_password is not valid/,
  );
});

test('inputs that are small each but too large for one frame are refused before a delegate is asked', async () => {
  await using store = await testDatabase();
  const names = Array.from({ length: 16 }, (_, n) => `v${n}`);
  const list = (value: string) =>
    names.map(name => `      - { name: ${name}, type: String, value: ${value} }\n`);
  const template = templateYaml.replace(/( {6}- \{.*\n)+/, list('<+input>').join(''));
  const connector = connectorYaml.slice(0, connectorYaml.indexOf('      templateInputs'));
  const value = (length: number) =>
    secretYaml.replace(
      /value: '.*'/,
      `value: '${JSON.stringify({
        environmentVariables: names.map(name => ({ name, value: '"'.repeat(length) })),
      })}'`,
    );
  const compileAll: Compile = async (script, inputs) => ({
    ok: true,
    program: { text: script, digest: `sha256:${'0'.repeat(64)}`, inputs: [...inputs] },
  });
  const applyAll = (secret: string) =>
    applyDocuments(
      { database: store.database, compile: compileAll, now: () => someTime },
      [template, connector, secret].map((text, index) => ({ name: `${index}`, text })),
      false,
    );
  await applyAll(value(30_000));
  assert.equal((await planSecret(store.database, 'account.db_password')).inputs.length, 16);
  // A quote takes two bytes in a frame.
  await applyAll(value(33_000));
  assert.equal(
    (await refusal(planSecret(store.database, 'account.db_password'))).message,
    'Invalid request: account.db_password: script and inputs together are more than a task can carry',
  );
});
