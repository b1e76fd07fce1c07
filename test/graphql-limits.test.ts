import assert from 'node:assert/strict';
import test from 'node:test';
import { getIntrospectionQuery } from 'graphql';
import { testGraphql } from './harness/graphql.ts';

const aliases = (count: number, field: string) =>
  Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(' ');
const empty = { listSecretManagers: async () => ({ nodes: [], total: 0 }) };

async function refusal(query: string): Promise<string | undefined> {
  let asked = 0;
  const count = async () => {
    asked += 1;
    return { nodes: [], total: 0 };
  };
  await using server = testGraphql({ listSecretManagers: count, listDelegates: count });
  const { errors, data } = await server.ask(query);
  if (errors.length > 0) assert.deepEqual([asked, data], [0, undefined]);
  return errors[0]?.message;
}

test('depth is limited, through fragments too', async () => {
  const inline = (levels: number) => `${'... on Query { '.repeat(levels)}__typename${' }'.repeat(levels)}`;
  assert.equal(await refusal(`{ ${inline(50)} }`), undefined);
  // The schema has no cycles; only a wrong field goes deeper than it. The limit counts before that is known.
  const deep = `${'{ a '.repeat(13)}${'}'.repeat(13)}`;
  await using server = testGraphql();
  const { errors } = await server.ask(deep);
  const messages = errors.map(({ message }) => message);
  assert.ok(messages.includes('The request is 13 fields deep; at most 12 are allowed.'), messages.join());
});

test('aliases are limited', async () => {
  assert.equal(await refusal(`{ ${aliases(50, 'secretManagers(limit: 1) { nodes { id } }')} }`), undefined);
  assert.equal(
    await refusal(`{ ${aliases(51, 'secretManagers(limit: 1) { nodes { id } }')} }`),
    'The request has 51 aliases; at most 50 are allowed.',
  );
});

test('fragments that multiply are counted as often as they are spread', async () => {
  const spread = (name: string) => `...${name} `.repeat(10);
  const fragments = [
    ...Array.from({ length: 40 }, (_, i) => `fragment f${i} on Query { ${spread(`f${i + 1}`)} }`),
    'fragment f40 on Query { __typename }',
  ];
  assert.match(
    (await refusal(`{ ...f0 } ${fragments.join(' ')}`)) ?? '',
    /^The request is too complex: its fields weigh millions, at most 1000 are allowed\. /,
  );
});

test('a fragment that contains itself is refused, and does not keep the server busy', async () => {
  assert.match(
    (await refusal('{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }')) ?? '',
    /itself/,
  );
});

test('fields that run scripts weigh more', async () => {
  const fetches = (count: number) =>
    `mutation { legate { ${aliases(count, 'fetch(secret: "account.x") { value }')} } }`;
  assert.match((await refusal(fetches(20))) ?? '', /^The request is too complex: its fields weigh 1021,/);
  await using server = testGraphql();
  const { errors } = await server.ask(fetches(19));
  assert.equal(errors.length, 19);
  assert.ok(errors.every(({ message }) => message.includes('An error has occurred')));
});

test('the words of a document are limited', async () => {
  assert.equal(
    await refusal(`{ ${'__typename '.repeat(5_000)} }`),
    'Syntax Error: Document contains more than 5000 tokens. Parsing aborted.',
  );
});

test('the usual introspection query stays within the limits', async () => {
  await using server = testGraphql(empty, { explorer: true });
  assert.deepEqual((await server.ask(getIntrospectionQuery())).errors, []);
});

test('of a large variable is told only that it is wrong, and what is nested without end is a syntax error', async () => {
  await using server = testGraphql();
  const query = 'mutation($v: CreateSecretInput!) { createSecret(input: $v) { clientMutationId } }';
  const v = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`unknown_${index}`, 'hunter2']));
  const many = await server.ask(query, { v });
  assert.deepEqual(
    many.errors.map(({ message }) => message),
    ['A variable got an invalid value; send less to be told which.'],
  );
  assert.ok(!JSON.stringify(many.errors).includes('hunter2'));
  const nested = await server.ask(`{ secretManagers(limit: ${'['.repeat(2_000)} ) { nodes { id } } }`);
  assert.match(nested.errors[0]?.message ?? '', /^Syntax Error/);
});
