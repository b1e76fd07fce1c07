import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { acceptContent, diffTemplate, setStable } from './templates.ts';

const diff = {
  reference: 'account.t',
  from: '1',
  to: '2',
  script: '--- a/1\n+++ b/2\n@@ -1,1 +1,1 @@\n-a\u001b[2J\n+b\n',
  inputs: {
    added: [{ label: 'n', type: 'String', value: '<+input>' }],
    removed: [{ label: 'o', type: 'Number', value: '5' }],
    changed: [
      {
        before: { label: 'c', type: 'String', value: 'x' },
        after: { label: 'c', type: 'Secret', value: 'x' },
      },
    ],
  },
  affected: [{ connector: 'account.c', scriptChanged: true, added: ['n'], problems: ['n is missing'] }],
};

test('a difference is inputs, then the script, then who would be affected', async () => {
  const { client, asked, write, written } = scriptedClient(diff);
  await diffTemplate(client, 'org.t', { from: '1', to: undefined }, { orgIdentifier: 'x' }, write);
  assert.deepEqual(asked, [['GET', '/templates/org.t/diff?orgIdentifier=x&from=1']]);
  assert.deepEqual(written().split('\n'), [
    'account.t: 1 → 2',
    '- input o (Number): 5',
    '+ input n (String): <+input>',
    '- input c (String): x',
    '+ input c (Secret): x',
    '--- a/1',
    '+++ b/2',
    '@@ -1,1 +1,1 @@',
    '-a\ufffd[2J',
    '+b',
    'connector account.c of 1: another script; inputs added: n',
    '  it would not fit: n is missing',
    '',
  ]);
});

test('versions that do the same are said to', async () => {
  const { client, write, written } = scriptedClient({ ...diff, script: '', inputs: {}, affected: [] });
  await diffTemplate(client, 'account.t', { from: undefined, to: undefined }, {}, write);
  assert.equal(written(), 'account.t: 1 → 2: the same script and inputs\n');
});

test('a connector is moved, or was there already', async () => {
  const { client, asked, write, written } = scriptedClient(
    { connector: 'account.c', accepted: { scriptChanged: true } },
    { connector: 'account.c' },
  );
  await acceptContent(client, 'c', { orgIdentifier: 'x' }, write);
  await acceptContent(client, 'account.c', {}, write);
  assert.deepEqual(asked[0], ['POST', '/connectors/accept', { connector: 'c', orgIdentifier: 'x' }]);
  assert.equal(
    written(),
    'connector account.c moved to the new content: another script\n' +
      'connector account.c has the current content already\n',
  );
});

test('a version is made the stable one', async () => {
  const { client, asked, write, written } = scriptedClient({ reference: 'account.t@2' });
  await setStable(client, 'account.t', '2', {}, write);
  assert.deepEqual(asked, [['POST', '/templates/stable', { template: 'account.t', versionLabel: '2' }]]);
  assert.equal(written(), 'template account.t@2 is the stable version\n');
});
