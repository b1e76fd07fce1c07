/** Connection tests on save: what runs is what is saved, and nothing is saved that does not deliver. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { testDatabase } from '../test/harness/database.ts';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../test/harness/documents.ts';
import { delivering, failing, type Play, refusalOf, toolsFor } from '../test/harness/tools.ts';
import type { Plan } from './domain/entities.ts';
import { resolvePlan, testSubjectOf } from './resolve-plan.ts';
import { findConnector } from './store/connectors.ts';
import { findSecret } from './store/secrets.ts';
import { saveSetting } from './store/settings.ts';
import { loadCompiler } from './template/compile.ts';

const compile = await loadCompiler();
const id = { scope: 'account', identifier: 'conn' } as const;
const tests = true;

async function world() {
  const store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  const plans: Plan[] = [];
  /** Remembers what is run, and has it answered. */
  const playing = (play: Play) => {
    tools.play = request => {
      plans.push(request.plan);
      return play(request);
    };
  };
  playing(delivering('hunter2'));
  return { ...store, tools, plans, playing, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

const a = variable('a', '<+input>');
const template = aTemplate({ inputs: [a] });
const connector = aConnector({ inputs: [variable('a', 'test')] });

test('a connector is tested with its own inputs before it is saved, whatever they are for', async () => {
  await using store = await world();
  await store.tools.apply(yamlOf(template, connector), { tests });
  assert.deepEqual(
    store.plans.map(({ subject, inputs }) => [subject.secret, subject.connector, inputs[0]?.value]),
    [['', 'account.conn', 'test']],
  );
  assert.ok(await findConnector(store.database, id));
});

test('what is tested is the very plan that is saved, values of the same apply included', async () => {
  await using store = await world();
  const script = 'secret="<+secrets.getValue("account.token")>-<+spec.environmentVariables.a>"';
  const documents = (token: string) =>
    yamlOf(
      aText('token', token),
      aTemplate({ inputs: [a], script }),
      aConnector({ inputs: [variable('a', token)] }),
    );
  for (const token of ['first', 'second']) {
    await store.tools.apply(documents(token), { tests });
    const fetchNested = () => assert.fail('nothing is nested');
    const saved = await resolvePlan({ ...store.tools, fetchNested }, await testSubjectOf(store.database, id));
    assert.deepEqual(store.plans.at(-1), saved);
    assert.equal(saved.inputs[0]?.value, token);
  }
  assert.equal(store.plans.length, 2);
});

test('where a script delivers nothing, nothing of the whole apply is saved, and it is said why', async () => {
  await using store = await world();
  store.playing(failing);
  const error = await refusalOf(
    store.tools.apply(yamlOf(aText('token', 'hunter2'), template, connector), { tests }),
  );
  assert.equal(error.code, 'INVALID_REQUEST');
  const [problem = ''] = error.problems;
  assert.match(problem, /^connector account\.conn: the connection test failed: script-failed: /);
  assert.match(problem, /\n {2}exit code: 3\n {2}error output: no such entry$/);
  assert.equal(await findConnector(store.database, id), undefined);
  assert.equal(await findSecret(store.database, { scope: 'account', identifier: 'token' }), undefined);
  assert.deepEqual(await store.database.selectFrom('encrypted_values').selectAll().execute(), []);
});

test('where no delegate takes the script, each is named with its reason', async () => {
  await using store = await world();
  store.playing(async function* () {
    yield {
      event: 'failed',
      task: 't',
      attempt: 0,
      failure: { reason: 'no-eligible-delegate' },
      delegates: [
        { delegate: 'edge', instance: 'i', why: 'SELECTOR_MISMATCH', detail: 'lacks the tag "eu"' },
      ],
    };
  });
  const error = await refusalOf(store.tools.apply(yamlOf(template, connector), { tests }));
  assert.match(error.message, /no-eligible-delegate: .*\n {2}edge: lacks the tag "eu"$/);
});

test('every connector that fails is told, not only the first', async () => {
  await using store = await world();
  store.playing(failing);
  const two = aConnector({ identifier: 'two', inputs: [variable('a', 'other')] });
  const error = await refusalOf(store.tools.apply(yamlOf(template, connector, two), { tests }));
  assert.deepEqual(
    error.problems.map(problem => problem.split(':')[0]),
    ['connector account.conn', 'connector account.two'],
  );
});

test('no answer and no record holds the value that a test brought', async () => {
  await using store = await world();
  const applied = await store.tools.apply(yamlOf(template, connector), { tests });
  assert.doesNotMatch(JSON.stringify([applied, await store.tools.trail()]), /hunter2/);
});

test('a test is recorded with its connector, template and delegate', async () => {
  await using store = await world();
  await store.tools.apply(yamlOf(template, connector), { tests });
  const records = (await store.tools.trail()).filter(({ action }) => action === 'connector.test');
  assert.deepEqual(
    records.map(({ type, subject, connector: of, template: its, delegate, outcome }) => [
      type,
      subject,
      of,
      its,
      delegate,
      outcome,
    ]),
    [
      ['request', 'account.conn', 'account.conn', 'account.tpl@1', undefined, undefined],
      ['response', 'account.conn', 'account.conn', 'account.tpl@1', 'edge', 'succeeded'],
    ],
  );
});

test('what is unchanged is not tested again, what changed is', async () => {
  await using store = await world();
  const documents = yamlOf(template, connector);
  await store.tools.apply(documents, { tests });
  await store.tools.apply(documents, { tests });
  assert.equal(store.plans.length, 1);
  await store.tools.apply(documents.replace('"test"', '"other"'), { tests });
  assert.equal(store.plans.length, 2);
});

const skipped: [how: string, document: object, options: object][] = [
  ['the connector says so', aConnector({ ignoreTestConnection: true }), { tests }],
  ['whoever applies says so', aConnector(), {}],
  ['it is a dry run', aConnector(), { tests, dryRun: true }],
];
for (const [how, document, options] of skipped)
  test(`nothing is run where ${how}`, async () => {
    await using store = await world();
    store.playing(() => assert.fail('a script was run'));
    assert.equal((await store.tools.apply(yamlOf(aTemplate(), document), options)).length, 2);
  });

test('nothing is run where the account has switched tests off', async () => {
  await using store = await world();
  await saveSetting(store.database, 'testOnSave', 'false');
  store.playing(() => assert.fail('a script was run'));
  assert.equal((await store.tools.apply(yamlOf(template, connector), { tests })).length, 2);
});

test('a test that lacks a value says which', async () => {
  await using store = await world();
  const error = await refusalOf(store.tools.apply(yamlOf(template, aConnector()), { tests }));
  assert.equal(
    error.message,
    'Invalid request: RunTime Inputs are not provided for the Connector, Missing environment variables are: a',
  );
});

test('a test whose script uses a secret of another manager has that fetched first, once', async () => {
  await using store = await world();
  const script = 'secret="<+secrets.getValue("account.other")>"';
  store.playing(request => delivering(request.plan.subject.secret === '' ? 'hunter2' : 'nested')(request));
  await store.tools.apply(
    yamlOf(
      aTemplate({ identifier: 'keys' }),
      aConnector({ identifier: 'keys', templateRef: 'account.keys', ignoreTestConnection: true }),
      aSecret({ identifier: 'other', manager: 'account.keys' }),
      aTemplate({ script }),
      aConnector({ allowSecretsOfOtherManagers: true }),
    ),
    { tests },
  );
  assert.deepEqual(
    store.plans.map(({ subject, inputs }) => [
      subject.secret || subject.connector,
      inputs.map(({ value, secret }) => [value, secret]),
    ]),
    [
      ['account.other', []],
      ['account.conn', [['nested', true]]],
    ],
  );
  const actions = (await store.tools.trail()).map(({ type, action }) => `${String(type)} ${String(action)}`);
  assert.deepEqual(actions.slice(0, 5), [
    'request documents.apply',
    'request secret.use',
    'response secret.use',
    'request connector.test',
    'response connector.test',
  ]);
});

test('the store is free while scripts run, and what somebody else changed meanwhile is tested again', async () => {
  await using store = await world();
  await store.tools.apply(yamlOf(aText('token', 'old')));
  const script = 'secret="<+secrets.getValue("account.token")>"';
  let changes = 0;
  store.playing(async function* (request) {
    changes += 1;
    if (changes === 1) await store.tools.apply(yamlOf(aText('token', 'new')));
    yield* delivering('hunter2')(request);
  });
  await store.tools.apply(yamlOf(aTemplate({ script }), aConnector()), { tests });
  assert.deepEqual(
    store.plans.map(({ inputs }) => inputs[0]?.value),
    ['old', 'new'],
  );
});

test('a fault of ours on the way of a test is recorded as the end of it, and nothing is saved', async () => {
  await using store = await world();
  store.playing(async function* () {
    yield { event: 'accepted', task: 't', attempt: 1, delegate: 'edge' };
    throw new Error('a bug');
  });
  await assert.rejects(store.tools.apply(yamlOf(template, connector), { tests }), /a bug/);
  const ends = (await store.tools.trail()).filter(({ type }) => type === 'response');
  assert.deepEqual(
    ends.map(({ action, reason }) => [action, reason]),
    [
      ['connector.test', 'internal'],
      ['documents.apply', 'internal'],
    ],
  );
  assert.equal(await findConnector(store.database, id), undefined);
});
