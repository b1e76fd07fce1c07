import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { kindOf, listable, listKind, show, showTemplate } from './lists.ts';
import { UsageError } from './settings.ts';

const table = { output: 'table' };

test('a list is a table whose columns are as wide as they need, without blanks at the end', async () => {
  const items = [
    { identifier: 'account.a', version: '1.0', stable: true, inputs: ['path', 'key'], updatedAt: 'monday' },
    { identifier: 'account.longer', version: '2', stable: false, inputs: [], updatedAt: 'tuesday' },
  ];
  const { client, asked, write, written } = scriptedClient({ items });
  await listKind(client, 'templates', {}, table, write);
  assert.deepEqual(asked, [['GET', '/templates']]);
  assert.deepEqual(written().split('\n'), [
    'IDENTIFIER      VERSION  STABLE  INPUTS     UPDATED AT',
    'account.a       1.0      yes     path, key  monday',
    'account.longer  2                           tuesday',
    '',
  ]);
});

test('a list of nothing is its heading', async () => {
  for (const kind of listable) {
    const { client, write, written } = scriptedClient({ items: [] });
    await listKind(client, kind, {}, table, write);
    assert.match(written(), /^[A-Z ]+\n$/);
  }
});

test('numbers and lists are shown, what is missing is left empty', async () => {
  const items = [
    {
      name: 'a',
      scope: 'org/x',
      state: 'connected',
      status: 'ENABLED',
      since: 's',
      tags: ['x', 'y z'],
      running: 0,
      capacity: 4,
      lastHeartbeatAt: 'h',
      agentVersion: '1',
      versionNote: 'update available: 2',
      instance: 'i',
    },
    { name: 'b', state: 'disconnected', tags: [] },
  ];
  const { client, write, written } = scriptedClient({ items });
  await listKind(client, 'delegates', {}, table, write);
  const [, first = '', second = ''] = written().split('\n');
  assert.match(first, /^a +org\/x +connected +ENABLED +s +x, y z +0 +4 +h +1 +update available: 2$/);
  assert.match(second, /^b +disconnected$/);
});

test('what a delegate calls itself cannot move the cursor of whoever lists it', async () => {
  const { client, write, written } = scriptedClient({
    items: [{ name: 'a', tags: ['\u001b[2J', 'x\ny', '\u009b1m'] }],
  });
  await listKind(client, 'delegates', {}, table, write);
  assert.equal(written().split('\n').length, 3);
  assert.doesNotMatch(written(), /[\u001b\u009b]/);
});

test('as JSON a list is what the API has, whole', async () => {
  const items = [{ identifier: 'account.a', facts: { version: '1' }, more: [null] }];
  const { client, write, written } = scriptedClient({ items });
  await listKind(client, 'secrets', {}, { output: 'json' }, write);
  assert.deepEqual(JSON.parse(written()), items);
});

test('a list is of the place that was said, and delegates are of everywhere', async () => {
  const place = { orgIdentifier: 'payments', projectIdentifier: 'demo' };
  const { client, asked, write } = scriptedClient({ items: [] }, { items: [] }, { items: [] });
  await listKind(client, 'secrets', place, table, write);
  await listKind(client, 'delegates', place, table, write);
  await listKind(client, 'templates', place, { ...table, search: 'a b' }, write);
  const query = '?orgIdentifier=payments&projectIdentifier=demo';
  assert.deepEqual(asked, [
    ['GET', `/secrets${query}`],
    ['GET', '/delegates'],
    ['GET', `/templates${query}&search=a+b`],
  ]);
});

test('as YAML a list is the documents of its kind', async () => {
  const documents = [
    { kind: 'template', document: { identifier: 'a' } },
    { kind: 'connector', document: { identifier: 'b', spec: { timeout: '20' } } },
    { kind: 'connector', document: { identifier: 'c' } },
  ];
  const { client, asked, write, written } = scriptedClient({ documents });
  await listKind(client, 'connectors', {}, { output: 'yaml' }, write);
  assert.deepEqual(asked, [['GET', '/export']]);
  assert.equal(
    written(),
    'connector:\n  identifier: b\n  spec:\n    timeout: 20\n---\nconnector:\n  identifier: c\n',
  );
});

test('one entity is its document, the JSON of the API, or a table of what is known', async () => {
  const found = { identifier: 'org/x/a', drifted: true, document: { identifier: 'a' } };
  const { client, asked, write, written } = scriptedClient(found, found, found);
  const place = { orgIdentifier: 'x' };
  await show(client, 'connectors', 'org/x/a', place, { output: 'yaml' }, write);
  await show(client, 'connectors', 'org.a', place, { output: 'json' }, write);
  await show(client, 'connectors', 'org.a', place, table, write);
  assert.deepEqual(asked.slice(0, 2), [
    ['GET', '/connectors/org%2Fx%2Fa?orgIdentifier=x'],
    ['GET', '/connectors/org.a?orgIdentifier=x'],
  ]);
  assert.equal(
    written(),
    `connector:\n  identifier: a\n${JSON.stringify(found, null, 2)}\n` +
      'FIELD       VALUE\nIDENTIFIER  org/x/a\nDRIFTED     yes\n',
  );
});

test('a kind is known as one and as many; what it can not do is refused', async () => {
  assert.equal(kindOf('get', 'secret'), 'secrets');
  assert.equal(kindOf('get', 'secrets'), 'secrets');
  for (const word of ['', 's', 'pipelines', 'constructor'])
    assert.throws(() => kindOf('get', word), UsageError);
  const { client, write } = scriptedClient();
  await assert.rejects(show(client, 'delegates', 'a', {}, table, write), UsageError);
  await assert.rejects(listKind(client, 'delegates', {}, { output: 'yaml' }, write), UsageError);
  const labelled = { ...table, versionLabel: '1' };
  await assert.rejects(show(client, 'secrets', 'a', {}, labelled, write), UsageError);
});

const template = {
  reference: 'account.pass',
  versionLabel: '1.0',
  versions: ['2', '1.0'],
  script: 'secret=$x\n\tdone',
  inputs: [
    { label: 'path', fixed: false },
    { label: 'url', fixed: true },
  ],
  program: { text: 'secret=$__legate_1\n\tdone', digest: 'sha256:00' },
};

test('a template is shown with what it declares and its script, or as the program that runs, unchanged', async () => {
  const shown = scriptedClient(template);
  await showTemplate(
    shown.client,
    'account.pass',
    { compiled: false, versionLabel: undefined, place: {} },
    shown.write,
  );
  assert.deepEqual(shown.asked, [['GET', '/templates/account.pass']]);
  assert.equal(
    shown.written(),
    '# account.pass, version 1.0 (versions: 2, 1.0)\n# inputs: path, url (fixed)\n' +
      '# digest of the compiled program: sha256:00\nsecret=$x\n\tdone\n',
  );
  const compiled = scriptedClient(template);
  await showTemplate(
    compiled.client,
    'account.pass',
    { compiled: true, versionLabel: 'a?b&c', place: { orgIdentifier: 'x' } },
    compiled.write,
  );
  assert.deepEqual(compiled.asked, [
    ['GET', '/templates/account.pass?orgIdentifier=x&versionLabel=a%3Fb%26c'],
  ]);
  assert.equal(compiled.written(), 'secret=$__legate_1\n\tdone\n');
});
