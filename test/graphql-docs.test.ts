// The examples of docs/graphql.md run, and its numbers are those of the code.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { graphqlLimits } from '../control-plane/api/graphql/limits.ts';
import { connectorYaml, secretYaml, templateYaml } from './harness/documents.ts';
import { get } from './harness/graphql-client.ts';
import { wholeApi } from './harness/whole-api.ts';

const page = readFileSync(new URL('../docs/graphql.md', import.meta.url), 'utf8');

const examples = [...page.matchAll(/```graphql\n(.*?)```(?:\n```json\n(.*?)```)?/gs)].map(
  ([, query = '', variables = '{}']) => ({ query, variables }),
);

const firstGenTemplate = `template:
  name: for FirstGen
  identifier: for_first_gen
  versionLabel: "1"
  type: SecretManager
  spec:
    shell: Bash
    expressionSyntax: FirstGen
    onDelegate: true
    source: { type: Inline, spec: { script: 'secret="\${path}"' } }
    environmentVariables: [{ name: path, type: String, value: <+input> }]
`;

test('the examples run', async () => {
  await using api = await wholeApi();
  await api.tools.apply([templateYaml, connectorYaml, secretYaml, firstGenTemplate].join('---\n'));
  const { database } = api.store;
  const renamed = database.updateTable('templates').set({ uuid: 'TEMPLATE' });
  await renamed.where('identifier', '=', 'for_first_gen').execute();
  api.ids.push('MANAGER');
  const key = await api.key('root', [{ role: 'admin', scope: 'account' }]);
  const answers = new Map<string, string>();
  for (const { query, variables } of examples) {
    const body = { query, variables: JSON.parse(variables) };
    const { status, text } = await api.ask(key, { method: 'POST', url: '/graphql', body });
    assert.equal(status, 200, text);
    assert.ok(!text.includes('"errors"'), `${query}${text}`);
    answers.set(/\w+ (\w+)/.exec(query)?.[1] ?? '', text);
  }
  assert.deepEqual([...answers.keys()], ['Create', 'Secret', 'Read', 'Look', 'Explain', 'Fetch', 'Watch']);
  const dataOf = (name: string) => get(JSON.parse(answers.get(name) ?? '{}'), 'data');
  assert.deepEqual(dataOf('Create'), {
    createSecretManager: { secretManager: { id: 'MANAGER', name: 'Key value store' } },
  });
  assert.equal(get(dataOf('Secret'), 'createSecret.clientMutationId'), 'c1');
  assert.equal(get(dataOf('Read'), 'secretManagers.pageInfo.total'), 1);
  assert.equal(get(dataOf('Fetch'), 'legate.fetch.value'), 'value');
  assert.match(answers.get('Watch') ?? '', /LegateSucceeded/);
});

test('an error looks as it is shown', async () => {
  await using api = await wholeApi();
  const key = await api.key('root', [{ role: 'admin', scope: 'account' }]);
  const query =
    'mutation { deleteSecret(input: {secretId: "abc", secretType: ENCRYPTED_TEXT}) { clientMutationId } }';
  const { text } = await api.ask(key, { method: 'POST', url: '/graphql', body: { query } });
  const shown = /```json\n(\{"data":\{"deleteSecret".*?)```/s.exec(page)?.[1] ?? '';
  assert.deepEqual(JSON.parse(text), JSON.parse(shown));
});

test('the limits are those of the code', () => {
  const rows = Object.fromEntries(
    [...page.matchAll(/^\| ([^|]+?) \| (\d+)\b[^|]*\|$/gm)].map(([, what, number]) => [what, Number(number)]),
  );
  const { tokens, depth, aliases, weight } = graphqlLimits;
  assert.deepEqual(
    [
      rows['tokens of a document'],
      rows['fields inside fields'],
      rows.aliases,
      rows['weight: 1 for each field, 50 for each that runs a script'],
    ],
    [tokens, depth, aliases, weight],
  );
});
