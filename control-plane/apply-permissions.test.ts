/** Who may save what: the same answer whether what is named is there or not. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { testDatabase } from '../test/harness/database.ts';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../test/harness/documents.ts';
import { refusalOf, someCaller, toolsFor } from '../test/harness/tools.ts';
import { describeError } from './api/errors.ts';
import type { Grant } from './domain/permissions.ts';
import { loadCompiler } from './template/compile.ts';

const compile = await loadCompiler();
const scope = 'org/pay/demo';
const editor: Grant = { role: 'editor', scope };
const a = variable('a', '<+input>');
const byInput = aTemplate({
  scope,
  inputs: [a],
  script: 'secret="<+secrets.getValue(<+spec.environmentVariables.a>)>"',
});
const denied = 'User not authorized: ACCESS_DENIED';

/** What is there in the account and in the project, when the administrator has applied these. */
async function world(...documents: object[]) {
  const store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  await tools.apply(
    yamlOf(
      aText('token', 'hunter2'),
      aTemplate({ identifier: 'shared' }),
      aConnector({ identifier: 'shared', templateRef: 'account.shared' }),
      ...documents,
    ),
  );
  /** What comes of it when the holder of these grants applies a document: the refusal, or the change. */
  const outcome = async (document: object, ...grants: Grant[]) => {
    try {
      const [applied] = await tools.apply(yamlOf(document), { caller: someCaller(...grants) });
      return applied?.change;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  return { ...store, tools, outcome, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

test('a refusal for want of a right is the whole answer, with its own code and status', async () => {
  await using store = await world();
  const documents = yamlOf(aConnector({ timeout: 0 }), aText('x', 'v'), aTemplate({ shell: 'sh' }));
  const error = await refusalOf(store.tools.apply(documents, { caller: someCaller(editor) }));
  assert.deepEqual([error.code, error.message], ['ACCESS_DENIED', denied]);
  assert.equal(describeError(error).status, 403);
});

test('each kind of document takes the right to edit in its own scope', async () => {
  await using store = await world();
  for (const document of [
    aTemplate(),
    aConnector({ identifier: 'shared', templateRef: 'account.shared' }),
    aText('token', 'v'),
    aText('new', 'v'),
    { application: { identifier: 'shop', name: 'Shop' } },
  ]) {
    assert.equal(await store.outcome(document, editor, { role: 'viewer', scope: 'account' }), denied);
    assert.equal(await store.outcome(document, { role: 'fetcher', scope: 'account' }), denied);
    assert.match((await store.outcome(document, { role: 'editor', scope: 'account' })) ?? '', /ed$/);
  }
});

/** Documents of a project that name something of the account. */
const naming: [what: string, document: (name: string) => object, there: object[]][] = [
  [
    'a script that names a secret',
    name => aConnector({ scope, templateRef: `t_${name}` }),
    ['token', 'nothing'].map(name =>
      aTemplate({
        identifier: `t_${name}`,
        scope,
        script: `secret="<+secrets.getValue("account.${name}")>"`,
      }),
    ),
  ],
  [
    'a default of a template that names a secret',
    name => aConnector({ scope, templateRef: `t_${name}` }),
    ['token', 'nothing'].map(name =>
      aTemplate({
        identifier: `t_${name}`,
        scope,
        inputs: [variable('a', `<+input>.default(<+secrets.getValue("account.${name}")>)`)],
      }),
    ),
  ],
  [
    'a connector input that names a secret in an expression',
    name => {
      const value = `<+secrets.getValue("account.${name}")>`;
      return aConnector({ scope, templateRef: 'tpl', inputs: [variable('a', value)] });
    },
    [aTemplate({ scope, inputs: [a] })],
  ],
  [
    'a connector input that the script takes for the name of a secret',
    name =>
      aConnector({
        scope,
        templateRef: 'tpl',
        inputs: [variable('a', `account.${name}`, { useAsDefault: true })],
      }),
    [byInput],
  ],
  [
    'a secret input that the script takes for the name of a secret',
    name => aSecret({ scope, manager: 'conn', inputs: [variable('a', `account.${name}`)] }),
    [byInput, aConnector({ scope, templateRef: 'tpl' })],
  ],
  [
    'a secret input that names a secret in an expression',
    name => {
      const value = `<+secrets.getValue("account." + "${name}")>`;
      return aSecret({ scope, manager: 'conn', inputs: [variable('a', value)] });
    },
    [aTemplate({ scope, inputs: [a] }), aConnector({ scope, templateRef: 'tpl' })],
  ],
  [
    'a credential that names a key',
    name => ({
      secret: {
        identifier: 'jump',
        name: 'jump',
        type: 'SSHKey',
        orgIdentifier: 'pay',
        projectIdentifier: 'demo',
        spec: {
          auth: {
            type: 'SSH',
            spec: { credentialType: 'Password', spec: { userName: 'u', password: `account.${name}` } },
          },
        },
      },
    }),
    [],
  ],
  [
    'a connector that names a credential',
    name =>
      aConnector({
        scope,
        templateRef: 'tpl',
        onDelegate: false,
        host: 'h',
        workingDirectory: '/tmp',
        connectorRef: `account.${name}`,
      }),
    [aTemplate({ scope })],
  ],
];
for (const [what, document, there] of naming)
  test(`${what} takes the right to use it, whether it is there or not`, async () => {
    await using store = await world(...there);
    for (const name of ['token', 'nothing']) {
      assert.equal(await store.outcome(document(name), editor), denied, name);
      assert.equal(
        await store.outcome(document(name), editor, { role: 'viewer', scope: 'account' }),
        denied,
        name,
      );
    }
    const user: Grant = { role: 'fetcher', scope: 'account', secret: 'account.token' };
    assert.equal(await store.outcome(document('nothing'), editor, user), denied);
    const answer = await store.outcome(document('token'), editor, user);
    assert.ok(
      answer === 'created' || answer?.endsWith('there is no SSHKey secret account.token; apply it first'),
    );
  });

test('a secret takes the right to use its manager, whether that is there or not', async () => {
  await using store = await world();
  for (const name of ['shared', 'nothing'])
    assert.equal(await store.outcome(aSecret({ scope, manager: `account.${name}` }), editor), denied);
  const user: Grant = { role: 'fetcher', scope: 'account', connector: 'account.shared' };
  assert.equal(await store.outcome(aSecret({ scope, manager: 'account.shared' }), editor, user), 'created');
});

test('a template that one may not view is not there', async () => {
  await using store = await world();
  const connector = (name: string, more: object = {}) =>
    aConnector({ scope, templateRef: `account.${name}`, ...more });
  const none = (name: string) =>
    `Invalid request: x.yaml:1: connector.spec.template: there is no template account.${name}@1; apply it first`;
  for (const name of ['shared', 'nothing'])
    assert.equal(await store.outcome(connector(name), editor), none(name));
  const viewer: Grant = { role: 'viewer', scope: 'account' };
  assert.equal(await store.outcome(connector('shared'), editor, viewer), 'created');
  // What the connector runs already, its editor may leave as it is.
  assert.equal(await store.outcome(connector('shared', { timeout: 30 }), editor), 'changed');
});

test('what the connector brings is for whoever saved the connector: a secret of it needs no right to use that', async () => {
  const script = 'secret="<+secrets.getValue("account.token")>-<+spec.environmentVariables.a>"';
  await using store = await world(
    aTemplate({ scope, inputs: [a], script }),
    aConnector({ scope, templateRef: 'tpl' }),
  );
  const secret = aSecret({ scope, manager: 'conn', inputs: [variable('a', 'x')] });
  assert.equal(await store.outcome(secret, editor), 'created');
});

test('an input that names what the script names as well needs the right to use it all the same', async () => {
  const script = 'secret="<+secrets.getValue("account.token")>-<+spec.environmentVariables.a>"';
  await using store = await world(
    aTemplate({ scope, inputs: [a], script }),
    aConnector({ scope, templateRef: 'tpl' }),
  );
  const value = '<+secrets.getValue("account.token")>';
  const secret = aSecret({ scope, manager: 'conn', inputs: [variable('a', value)] });
  assert.equal(await store.outcome(secret, editor), denied);
});

test("who changes a connector answers for what its secrets' inputs come to name by it", async () => {
  const inputs = [variable('prefix', '<+input>'), variable('name', '<+input>')];
  const script =
    'secret="<+secrets.getValue(<+spec.environmentVariables.prefix> + <+spec.environmentVariables.name>)>"';
  const connector = (prefix: string, more: object = {}) =>
    aConnector({
      scope,
      templateRef: 'tpl',
      inputs: [variable('prefix', prefix, { useAsDefault: true })],
      ...more,
    });
  await using store = await world(
    aTemplate({ scope, inputs, script }),
    connector('org.'),
    aSecret({ scope, manager: 'conn', inputs: [variable('name', 'token')] }),
  );
  assert.equal(await store.outcome(connector('account.'), editor), denied);
  assert.equal(await store.outcome(connector('org.', { timeout: 30 }), editor), 'changed');
  const user: Grant = { role: 'fetcher', scope: 'account', secret: 'account.token' };
  assert.equal(await store.outcome(connector('account.'), editor, user), 'changed');
  assert.equal(await store.outcome(connector('account.', { timeout: 30 }), editor), 'changed');
});

test('what is unchanged needs no right to what it names, so that a folder can be applied as a whole', async () => {
  const script = 'secret="<+secrets.getValue("account.token")>"';
  const connector = aConnector({ scope, templateRef: 'tpl' });
  const documents = [
    aTemplate({ scope, script }),
    connector,
    aSecret({ scope, manager: 'account.shared' }),
    aSecret({ identifier: 't', scope, manager: 'conn' }),
  ];
  await using store = await world(...documents);
  for (const document of documents) assert.equal(await store.outcome(document, editor), 'unchanged');
  const changed = aConnector({ scope, templateRef: 'tpl', timeout: 30 });
  assert.equal(await store.outcome(changed, editor), denied);
});

test('where a secret is kept is told only to those who may use it', async () => {
  const script = 'secret="<+secrets.getValue("account.later")>"';
  await using store = await world(aTemplate({ scope, script }), aConnector({ scope, templateRef: 'tpl' }));
  const secret = aSecret({ scope, manager: 'conn' });
  await store.tools.apply(yamlOf(aSecret({ identifier: 'later', manager: 'account.shared' })));
  assert.equal(await store.outcome(secret, editor), 'created');
  assert.match((await store.outcome(secret)) ?? '', /unchanged/);
  await store.tools.apply(yamlOf(secret).replace('"name":"s"', '"name":"t"'), { caller: someCaller(editor) });
  assert.match(
    (await store.outcome(aSecret({ identifier: 'u', scope, manager: 'conn' }))) ?? '',
    /Secret \[later\] specified in template is stored in secret manager \[shared\]/,
  );
});
