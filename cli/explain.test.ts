import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { explain } from './explain.ts';

const plan = {
  secret: 'org/x/s',
  connector: 'org/x/c',
  template: 'account.t',
  versionLabel: '1.0',
  drifted: true,
  owner: 'org/x',
  programDigest: 'sha256:00',
  inputs: [
    { label: 'path', value: 'a "b"', source: 'secret' },
    { label: 'token', source: 'connector' },
    { label: 'engine', value: '', source: 'template default' },
  ],
  selectors: ['eu', 'vault'],
  workingDirectory: '/srv',
  timeoutMs: 20_000,
  delegates: [
    { delegate: 'near', instance: 'i-1', detail: '' },
    { delegate: 'far', why: 'SELECTOR_MISMATCH', detail: 'it lacks the tag "vault"\u001b[2J' },
  ],
};

test('a plan is shown with where each input came from, secret ones masked, and each delegate', async () => {
  const { client, asked, write, written } = scriptedClient(plan);
  await explain(client, 'org.s', { orgIdentifier: 'x' }, false, write);
  assert.deepEqual(asked, [['GET', '/secrets/org.s/explain?orgIdentifier=x']]);
  assert.deepEqual(written().split('\n'), [
    'secret      org/x/s',
    'connector   org/x/c',
    'template    account.t@1.0, in the content that the connector was last checked against',
    'program     sha256:00',
    'runs on     a delegate of org/x with the tags eu, vault',
    'in          /srv',
    'time limit  20 s',
    '',
    'INPUT   VALUE      FROM',
    'path    "a \\"b\\""  secret',
    "token   ********   connector's default",
    'engine  ""         template\'s default',
    '',
    'DELEGATE  INSTANCE  FITS     WHY NOT',
    'near      i-1       matches',
    'far                 no       it lacks the tag "vault"\ufffd[2J',
    '',
  ]);
});

test('where nothing fits the nearest miss is told, and an empty roster by what to do', async () => {
  const miss = scriptedClient({
    ...plan,
    delegates: [{ delegate: 'far', why: 'X', detail: 'x' }],
    nearestMiss: 'far lacks "eu"',
  });
  await explain(miss.client, 'account.s', {}, false, miss.write);
  assert.match(miss.written(), /\nNearest miss: far lacks "eu"\n$/);
  const none = scriptedClient({ ...plan, inputs: [], selectors: [], delegates: [] });
  await explain(none.client, 'account.s', {}, false, none.write);
  assert.match(none.written(), /with any tags\n/);
  assert.match(none.written(), /The template has no inputs\.\n\nNo delegate has ever connected/);
});

test('as JSON it is what the API has', async () => {
  const { client, write, written } = scriptedClient(plan);
  await explain(client, 'account.s', {}, true, write);
  assert.deepEqual(JSON.parse(written()), plan);
});
