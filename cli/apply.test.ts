import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { apply } from './apply.ts';

const sources = [{ name: 'a.yaml', text: 'x' }];

test('what was applied is a line per document, and a dry run says that it was one', async () => {
  const answer = { applied: [{ kind: 'secret', reference: 'account.a', change: 'created' }] };
  for (const [options, line] of [
    [{ skipTests: true }, 'secret account.a created\n'],
    [{ dryRun: true, accept: true }, 'secret account.a created (dry run)\n'],
  ] as const) {
    const { client, asked, write, written } = scriptedClient(answer);
    await apply(client, sources, options, write);
    assert.equal(written(), line);
    assert.deepEqual(asked, [['POST', '/apply', { sources, ...options }]]);
  }
});

test('the connectors that a changed template affects are told, with what would not fit', async () => {
  const unchanged = { scriptChanged: false, added: [], removed: [], changed: [], secrets: [], problems: [] };
  const affected = [
    { ...unchanged, connector: 'account.c', accepted: true, scriptChanged: true, secrets: ['account.s'] },
    { ...unchanged, connector: 'account.d', accepted: false, added: ['n', 'm'], problems: ['n is missing'] },
    { ...unchanged, connector: 'account.e', accepted: true },
  ];
  const applied = [{ kind: 'template', reference: 'account.t@1', change: 'changed', affected }];
  const { client, write, written } = scriptedClient({ applied });
  await apply(client, sources, { accept: true }, write);
  assert.deepEqual(written().split('\n'), [
    'template account.t@1 changed',
    '  connector account.c moved to the new content: another script; its secrets: account.s',
    '  connector account.d stays with the older content: inputs added: n, m',
    '    it would not fit: n is missing',
    '  connector account.e moved to the new content: another spec',
    '',
  ]);
});
