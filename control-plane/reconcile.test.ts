/** What a changed template version means to those who pinned it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { someTime, testDatabase } from '../test/harness/database.ts';
import {
  aConnector,
  aSecret,
  aTemplate,
  aText,
  type Variable,
  variable,
  yamlOf,
} from '../test/harness/documents.ts';
import { refusalOf, someCaller, toolsFor } from '../test/harness/tools.ts';
import { acceptContent } from './reconcile.ts';
import { resolvePlan, subjectOf } from './resolve-plan.ts';
import { findConnector } from './store/connectors.ts';
import { findSecret, usersOfSecret } from './store/secrets.ts';
import { loadCompiler } from './template/compile.ts';

const compile = await loadCompiler();
const id = { scope: 'account', identifier: 'conn' } as const;
const secretId = { scope: 'account', identifier: 's' } as const;
const a = variable('a', '<+input>');
const given = [variable('a', '1')];

/** A template `tpl@1` with an input, a connector of it, a secret of that. */
async function world(inputs: readonly Variable[] = [a], ...more: object[]) {
  const store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  await tools.apply(
    yamlOf(...more, aTemplate({ inputs }), aConnector({ inputs: given }), aSecret({ inputs: given })),
  );
  const drifted = async () => {
    const connector = await findConnector(store.database, id);
    return connector?.contentDigest !== connector?.templateDigest;
  };
  const program = async () => {
    const secret = await findSecret(store.database, secretId);
    assert.ok(secret);
    const fetchNested = () => assert.fail('nothing is nested');
    return resolvePlan({ ...tools, fetchNested }, await subjectOf(store.database, secret));
  };
  return { ...store, tools, drifted, program, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

test('a change of what a version does is refused while it is used, with what it would mean and a way out', async () => {
  await using store = await world();
  const next = aTemplate({ inputs: [variable('a', '<+input>.default(x)'), variable('b', '<+input>')] });
  const { problems } = await refusalOf(store.tools.apply(yamlOf(next)));
  assert.deepEqual(problems, [
    'x.yaml:1: template account.tpl@1 is in use, and its script or inputs would change; apply with --accept to ' +
      'move its connectors to the new content, or give the change a new versionLabel',
    'x.yaml:1: connector account.conn: another script; inputs added: b; inputs changed: a; its secrets: account.s',
    'x.yaml:1: connector account.conn would not fit: secret account.s: RunTime Inputs are not provided for the ' +
      'Secret, Missing environment variables are: b',
  ]);
  assert.equal(await store.drifted(), false);
});

test('accepted, those who fit move at once', async () => {
  await using store = await world();
  const next = aTemplate({ inputs: [a], script: 'secret="new <+spec.environmentVariables.a>"' });
  const [applied] = await store.tools.apply(yamlOf(next), { accept: true });
  assert.deepEqual(applied?.affected, [
    {
      connector: 'account.conn',
      added: [],
      removed: [],
      changed: [],
      scriptChanged: true,
      secrets: ['account.s'],
      problems: [],
      accepted: true,
    },
  ]);
  assert.equal(await store.drifted(), false);
  assert.match((await store.program()).program.text, /new/);
});

const changes: [what: string, inputs: readonly Variable[], problem: string][] = [
  [
    'asks for more',
    [a, variable('b', '<+input>')],
    'secret account.s: RunTime Inputs are not provided for the Secret, Missing environment variables are: b',
  ],
  ['fixes an input', [variable('a', 'other')], '"a" would be fixed by the template'],
  [
    'allows other values',
    [variable('a', '<+input>.allowedValues(x)')],
    'input "a", value from the connector: Current values \\\'1\\\' are not in allowed values list (allowedValues: x)',
  ],
];
for (const [what, inputs, problem] of changes)
  test(`who no longer fits a template that ${what} goes on with what it has, and shows as drifted`, async () => {
    await using store = await world();
    const next = aTemplate({ inputs, script: 'secret=new' });
    const [applied] = await store.tools.apply(yamlOf(next), { accept: true });
    const [affected] = applied?.affected ?? [];
    assert.equal(affected?.accepted, false);
    assert.equal(
      affected?.problems.filter(text => text === problem).length,
      1,
      affected?.problems.join('\n'),
    );
    assert.equal(await store.drifted(), true);
    assert.doesNotMatch((await store.program()).program.text, /new/);
    const refused = await refusalOf(acceptContent(store.database, someCaller(), id, someTime));
    assert.ok(refused.problems.includes(`connector account.conn would not fit: ${problem}`));
  });

test('a connector that drifted is accepted when it fits again', async () => {
  await using store = await world();
  const inputs = [a, variable('b', '<+input>')];
  await store.tools.apply(yamlOf(aTemplate({ inputs })), { accept: true });
  assert.equal(await store.drifted(), true);
  // The connector is still checked against what it pins, where there is no b that a secret could give.
  await store.tools.apply(
    yamlOf(aConnector({ inputs: [...given, variable('b', '2', { useAsDefault: true })] })),
  );
  assert.equal(await store.drifted(), true);
  const affected = await acceptContent(store.database, someCaller(), id, someTime);
  assert.deepEqual(affected?.added, ['b']);
  assert.equal(await store.drifted(), false);
  assert.deepEqual(
    (await store.program()).inputs.map(({ value }) => value),
    ['1', '2'],
  );
  assert.equal(await acceptContent(store.database, someCaller(), id, someTime), undefined);
});

test('a name or a description may change, as nothing that runs does', async () => {
  await using store = await world();
  const renamed = yamlOf(aTemplate({ inputs: [a] })).replace('"name":"tpl"', '"name":"other"');
  const [applied] = await store.tools.apply(renamed);
  assert.deepEqual([applied?.change, applied?.affected], ['changed', undefined]);
});

test('a version that nobody uses may change', async () => {
  await using store = await world();
  const second = (script: string) => yamlOf(aTemplate({ versionLabel: '2', script }));
  await store.tools.apply(second('secret=x'));
  assert.equal((await store.tools.apply(second('secret=y')))[0]?.change, 'changed');
});

test('accepting takes the right to edit the connector and each of its secrets', async () => {
  await using store = await world();
  const inProject = aSecret({ identifier: 'p', scope: 'org/pay/demo', inputs: given });
  await store.tools.apply(yamlOf(inProject));
  const next = yamlOf(aTemplate({ inputs: [a], script: 'secret=new' }));
  const editor = someCaller({ role: 'editor', scope: 'account' });
  const narrow = someCaller({ role: 'editor', scope: 'account', secret: 'account.s' });
  assert.equal(
    (await refusalOf(store.tools.apply(next, { accept: true, caller: narrow }))).code,
    'ACCESS_DENIED',
  );
  assert.equal(await store.drifted(), false);
  await store.tools.apply(next, { accept: true, caller: editor });
});

test('accepting a script that uses a secret takes the right to use that secret', async () => {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  const scope = 'org/pay';
  await tools.apply(
    yamlOf(aText('token', 'hunter2'), aTemplate({ scope }), aConnector({ scope, templateRef: 'org.tpl' })),
  );
  const next = yamlOf(aTemplate({ scope, script: 'secret="<+secrets.getValue("account.token")>"' }));
  const editor = someCaller({ role: 'editor', scope });
  const refused = await refusalOf(tools.apply(next, { accept: true, caller: editor }));
  assert.equal(refused.message, 'User not authorized: ACCESS_DENIED');
  const user = someCaller(
    { role: 'editor', scope },
    { role: 'fetcher', scope: 'account', secret: 'account.token' },
  );
  await tools.apply(next, { accept: true, caller: user });
  assert.deepEqual(await usersOfSecret(store.database, { scope: 'account', identifier: 'token' }), [
    { kind: 'connector', scope, identifier: 'conn' },
  ]);
});

test('a script that begins to take an input for the name of a secret needs the right to use what it names', async () => {
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  const scope = 'org/pay';
  await tools.apply(
    yamlOf(
      aText('token', 'hunter2'),
      aTemplate({ scope, inputs: [a] }),
      aConnector({ scope, templateRef: 'org.tpl' }),
      aSecret({ scope, manager: 'org.conn', inputs: [variable('a', 'account.token')] }),
    ),
  );
  const script = 'secret="<+secrets.getValue(<+spec.environmentVariables.a>)>"';
  const next = yamlOf(aTemplate({ scope, inputs: [a], script }));
  const editor = someCaller({ role: 'editor', scope });
  assert.equal((await refusalOf(tools.apply(next, { accept: true, caller: editor }))).code, 'ACCESS_DENIED');
  await tools.apply(next, { accept: true });
  assert.deepEqual(await usersOfSecret(store.database, { scope: 'account', identifier: 'token' }), [
    { kind: 'secret', scope, identifier: 's' },
  ]);
});

test('what this version cannot read any more is told, and keeps nobody from the rest', async () => {
  await using store = await world();
  await store.database.updateTable('secrets').set({ document: '{"identifier":"s"}' }).execute();
  const [applied] = await store.tools.apply(yamlOf(aTemplate({ script: 'secret=new' })), { accept: true });
  const [affected] = applied?.affected ?? [];
  assert.equal(affected?.accepted, false);
  assert.match(affected?.problems[0] ?? '', /^secret account\.s: the stored secret account\.s is not valid/);
});

test('the credentials of all hosts on the way stay in use when a content is accepted', async () => {
  const login = (identifier: string) => ({
    secret: {
      name: identifier,
      identifier,
      type: 'SSHKey',
      spec: {
        auth: {
          type: 'SSH',
          spec: { credentialType: 'Password', spec: { userName: 'deploy', password: 'account.pw' } },
        },
      },
    },
  });
  await using store = await testDatabase();
  const tools = await toolsFor(store.database, compile);
  const target = {
    onDelegate: false,
    host: 'db',
    connectorRef: 'account.last',
    workingDirectory: '/tmp',
    jumpHosts: [{ host: 'bastion', connectorRef: 'account.jump' }],
  };
  await tools.apply(
    yamlOf(aText('pw', 'hunter2'), login('last'), login('jump'), aTemplate(), aConnector(target)),
  );
  await tools.apply(yamlOf(aTemplate({ script: 'secret=new' })), { accept: true });
  for (const identifier of ['last', 'jump']) {
    const users = await usersOfSecret(store.database, { scope: 'account', identifier });
    assert.deepEqual(users, [{ kind: 'connector', scope: 'account', identifier: 'conn' }], identifier);
  }
});
