/** What an apply leaves in the audit trail: every change, in the transaction that makes it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { testDatabase } from '../test/harness/database.ts';
import { aConnector, aSecret, aTemplate, aText, variable, yamlOf } from '../test/harness/documents.ts';
import { someCaller, toolsFor } from '../test/harness/tools.ts';
import { type Audit, AuditError } from './audit/audit.ts';

const a = variable('a', '<+input>');
const scope = 'org/pay/demo';
const documents = yamlOf(
  aText('token', 'hunter2'),
  aTemplate({ inputs: [a] }),
  aConnector({ scope, inputs: [variable('a', 'x', { useAsDefault: true })] }),
  aSecret({ scope, manager: 'conn' }),
  { application: { identifier: 'shop', name: 'Shop' } },
);

async function world() {
  const store = await testDatabase();
  const tools = await toolsFor(store.database);
  return { ...store, tools, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

/** The tools, with an audit trail of which one function fails. */
function withBroken<T extends { readonly audit: Audit }>(tools: T, broken: Partial<Audit>): T {
  const audit = new Proxy(tools.audit, {
    get: (target, key) => {
      const own: unknown = Reflect.get(broken, key) ?? Reflect.get(target, key);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
  return Object.assign(tools, { audit });
}
const broken = () => Promise.reject(new AuditError('no room'));

test('every change is recorded between request and response, with who, where from, what and in which scope', async () => {
  await using store = await world();
  await store.tools.apply(documents);
  const trail = await store.tools.trail();
  assert.equal(new Set(trail.map(({ id }) => id)).size, 1);
  for (const { actor, source } of trail)
    assert.deepEqual([actor, source], [{ id: 'key-1', name: 'somebody' }, '127.0.0.1']);
  assert.deepEqual(
    trail.map(({ type, action, subject, scope: where, outcome }) => [type, action, subject, where, outcome]),
    [
      ['request', 'documents.apply', undefined, undefined, undefined],
      ['change', 'application.create', 'application/shop', 'account', 'succeeded'],
      ['change', 'secret.create', 'account.token', 'account', 'succeeded'],
      ['change', 'template.create', 'account.tpl@1', 'account', 'succeeded'],
      ['change', 'connector.create', 'org/pay/demo/conn', scope, 'succeeded'],
      ['change', 'secret.create', 'org/pay/demo/s', scope, 'succeeded'],
      ['response', 'documents.apply', undefined, undefined, 'succeeded'],
    ],
  );
});

test('a value is there as its fingerprint, and a script and inputs not at all', async () => {
  await using store = await world();
  await store.tools.apply(documents);
  const trail = await store.tools.trail();
  const token = trail.find(({ subject }) => subject === 'account.token');
  assert.deepEqual(token?.fingerprints, { value: store.tools.audit.fingerprint('hunter2') });
  assert.doesNotMatch(JSON.stringify(trail), /hunter2|secret=/);
  assert.equal(trail.filter(({ fingerprints }) => fingerprints !== undefined).length, 1);
});

test('which secrets a connector or a secret names is recorded, whoever had the right to use them', async () => {
  await using store = await world();
  const uses = '<+secrets.getValue("account.token")>';
  await store.tools.apply(
    yamlOf(
      aText('token', 'hunter2'),
      aTemplate({ inputs: [a] }),
      aConnector({ inputs: [variable('a', uses, { useAsDefault: true })] }),
      aConnector({ identifier: 'other', inputs: [variable('a', 'x')] }),
      aSecret({ manager: 'account.other', identifier: 's', inputs: [variable('a', uses)] }),
    ),
  );
  const trail = await store.tools.trail();
  const usesOf = (name: string) => trail.find(({ subject }) => subject === name)?.details;
  assert.deepEqual(usesOf('account.conn'), { uses: ['account.token'] });
  assert.deepEqual(usesOf('account.s'), { uses: ['account.token'] });
  assert.equal(usesOf('account.other'), undefined);
});

test('only what changed is recorded, as a change; what was accepted is named', async () => {
  await using store = await world();
  await store.tools.apply(documents);
  const before = (await store.tools.trail()).length;
  await store.tools.apply(yamlOf(aTemplate({ inputs: [a], script: 'secret=new' }), aConnector({ scope })), {
    accept: true,
  });
  const changes = (await store.tools.trail()).slice(before).filter(({ type }) => type === 'change');
  assert.deepEqual(
    changes.map(({ action, subject, details }) => [action, subject, details]),
    [
      ['template.update', 'account.tpl@1', { accepted: ['org/pay/demo/conn'] }],
      ['connector.update', 'org/pay/demo/conn', undefined],
    ],
  );
  const again = (await store.tools.trail()).length;
  await store.tools.apply(yamlOf(aConnector({ scope })));
  assert.deepEqual(
    (await store.tools.trail()).slice(again).map(({ type }) => type),
    ['request', 'response'],
  );
});

test('what is refused, and what was only tried, leaves request and response and no change', async () => {
  await using store = await world();
  await assert.rejects(store.tools.apply(yamlOf(aText('token', 'v'), aConnector())));
  await assert.rejects(
    store.tools.apply(yamlOf(aText('token', 'v')), {
      caller: someCaller({ role: 'viewer', scope: 'account' }),
    }),
  );
  await store.tools.apply(documents, { dryRun: true });
  assert.deepEqual(
    (await store.tools.trail()).map(({ type, outcome, reason, details }) => [type, outcome, reason, details]),
    [
      ['request', undefined, undefined, { sources: 1, dryRun: false }],
      ['response', 'failed', 'INVALID_REQUEST', { sources: 1, dryRun: false }],
      ['request', undefined, undefined, { sources: 1, dryRun: false }],
      ['response', 'denied', 'ACCESS_DENIED', { sources: 1, dryRun: false }],
      ['request', undefined, undefined, { sources: 1, dryRun: true }],
      ['response', 'succeeded', undefined, { sources: 1, dryRun: true }],
    ],
  );
});

const broke: [when: string, broken: Partial<Audit>][] = [
  ['the request', { record: broken }],
  ['the changes', { recordIn: broken }],
];
for (const [when, part] of broke)
  test(`nothing is applied where ${when} cannot be recorded`, async () => {
    await using store = await world();
    withBroken(store.tools, part);
    await assert.rejects(store.tools.apply(documents), AuditError);
    for (const table of ['secrets', 'connectors', 'templates', 'applications', 'encrypted_values'] as const)
      assert.deepEqual(await store.database.selectFrom(table).selectAll().execute(), [], table);
    assert.equal((await store.tools.trail()).filter(({ type }) => type === 'change').length, 0);
  });

test('a response that cannot be recorded is an error, though the changes are there with their records', async () => {
  await using store = await world();
  const { audit } = store.tools;
  withBroken(store.tools, {
    record: entry => (entry.type === 'response' ? broken() : audit.record(entry)),
  });
  await assert.rejects(store.tools.apply(documents), AuditError);
  assert.equal((await store.tools.trail()).filter(({ type }) => type === 'change').length, 5);
  assert.equal((await store.database.selectFrom('secrets').selectAll().execute()).length, 2);
});

test('the chain of records holds after applies that were rolled back', async () => {
  await using store = await world();
  await assert.rejects(store.tools.apply(yamlOf(aText('token', 'v'), aConnector())));
  await store.tools.apply(documents);
  assert.equal((await store.tools.audit.verify()).ok, true);
});
