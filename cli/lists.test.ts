import assert from 'node:assert/strict';
import test from 'node:test';
import type { Client, Json } from './client.ts';
import { list, listable, showTemplate } from './lists.ts';

function answering(answer: Json) {
  const asked: string[] = [];
  let written = '';
  const client: Client = {
    get: async path => {
      asked.push(path);
      return answer;
    },
    post: () => assert.fail('it only reads'),
    events: () => assert.fail('it only reads'),
  };
  const write = (text: string) => {
    written += text;
  };
  return { client, asked, write, written: () => written };
}

test('a list is a table whose columns are as wide as they need, without blanks at the end', async () => {
  const items = [
    { identifier: 'account.a', updatedAt: 'monday', facts: { version: '1.0', inputs: 'path, key' } },
    { identifier: 'account.longer', updatedAt: 'tuesday', facts: { version: '2', inputs: '' } },
  ];
  const { client, asked, write, written } = answering({ items });
  await list(client, 'templates', false, write);
  assert.deepEqual(asked, ['/templates']);
  assert.deepEqual(written().split('\n'), [
    'IDENTIFIER      VERSION  INPUTS     UPDATED AT',
    'account.a       1.0      path, key  monday',
    'account.longer  2                   tuesday',
    '',
  ]);
});

test('a list of nothing is its heading', async () => {
  for (const kind of listable) {
    const { client, write, written } = answering({ items: [] });
    await list(client, kind, false, write);
    assert.match(written(), /^[A-Z ]+\n$/);
  }
});

test('numbers and lists are shown, what is missing is left empty', async () => {
  const items = [
    {
      name: 'a',
      state: 'connected',
      since: 's',
      tags: ['x', 'y z'],
      running: 0,
      capacity: 4,
      agentVersion: '1',
      instance: 'i',
    },
    { name: 'b', state: 'disconnected', tags: [] },
  ];
  const { client, write, written } = answering({ items });
  await list(client, 'delegates', false, write);
  const [, first = '', second = ''] = written().split('\n');
  assert.match(first, /^a +connected +s +x, y z +0 +4 +1 +i$/);
  assert.match(second, /^b +disconnected$/);
});

test('what a delegate calls itself cannot move the cursor of whoever lists it', async () => {
  const { client, write, written } = answering({
    items: [{ name: 'a', tags: ['\u001b[2J', 'x\ny', '\u009b1m'] }],
  });
  await list(client, 'delegates', false, write);
  assert.equal(written().split('\n').length, 3);
  assert.doesNotMatch(written(), /[\u001b\u009b]/);
});

test('as JSON a list is what the API has, whole', async () => {
  const items = [{ identifier: 'account.a', facts: { version: '1' }, more: [null] }];
  const { client, write, written } = answering({ items });
  await list(client, 'secrets', true, write);
  assert.deepEqual(JSON.parse(written()), items);
});

const template = {
  reference: 'account.pass',
  versionLabel: '1.0',
  versions: ['2', '1.0'],
  script: 'secret=$x\n\tdone',
  inputs: [{ name: 'path' }, { name: 'url', fixed: '' }],
  program: { text: 'secret=$__legate_1\n\tdone', digest: 'sha256:00' },
};

test('a template is shown with what it declares and its script, or as the program that runs, unchanged', async () => {
  const shown = answering(template);
  await showTemplate(shown.client, 'account.pass', { compiled: false, versionLabel: undefined }, shown.write);
  assert.deepEqual(shown.asked, ['/templates/account.pass']);
  assert.equal(
    shown.written(),
    '# account.pass, version 1.0 (versions: 2, 1.0)\n# inputs: path, url (fixed)\n' +
      '# digest of the compiled program: sha256:00\nsecret=$x\n\tdone\n',
  );
  const compiled = answering(template);
  await showTemplate(
    compiled.client,
    'account.pass',
    { compiled: true, versionLabel: 'a?b&c' },
    compiled.write,
  );
  assert.deepEqual(compiled.asked, ['/templates/account.pass?versionLabel=a%3Fb%26c']);
  assert.equal(compiled.written(), 'secret=$__legate_1\n\tdone\n');
});
