import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import {
  getIntrospectionQuery,
  type IntrospectionField,
  type IntrospectionInputValue,
  type IntrospectionQuery,
  type IntrospectionType,
  type IntrospectionTypeRef,
} from 'graphql';
import { testGraphql } from './harness/graphql.ts';

interface Operation {
  readonly args: Record<string, string>;
  readonly type: string;
}

/** The interface as the contract lists it, typed in from there and not from the schema. */
interface Contract {
  readonly queries: Record<string, Operation>;
  readonly mutations: Record<string, Operation>;
  readonly types: Record<string, Record<string, string>>;
  readonly interfaces: Record<string, string[]>;
  readonly unions: Record<string, string[]>;
  readonly enums: Record<string, string[]>;
  readonly scalars: string[];
  readonly deprecated: string[];
}

const contract: Contract = JSON.parse(
  readFileSync(new URL('fixtures/first-gen-schema.json', import.meta.url), 'utf8'),
);

await using server = testGraphql({}, { explorer: true });
const { data } = await server.ask(getIntrospectionQuery({ inputValueDeprecation: true }));
const { __schema: schema }: IntrospectionQuery = JSON.parse(JSON.stringify(data));

const typeOf = (name: string): IntrospectionType => {
  const found = schema.types.find(type => type.name === name);
  assert.ok(found, `there is no type ${name}`);
  return found;
};

function text(type: IntrospectionTypeRef): string {
  if (type.kind === 'NON_NULL') return `${text(type.ofType)}!`;
  return type.kind === 'LIST' ? `[${text(type.ofType)}]` : type.name;
}

const texts = (items: readonly (IntrospectionField | IntrospectionInputValue)[]) =>
  Object.fromEntries(items.map(({ name, type }) => [name, text(type)]));

function fieldsOf(type: IntrospectionType): readonly (IntrospectionField | IntrospectionInputValue)[] {
  // The answer has both keys for every kind of type, one of them null or both.
  const lists = [
    ...('fields' in type ? [type.fields] : []),
    ...('inputFields' in type ? [type.inputFields] : []),
  ];
  return lists.find(list => Array.isArray(list)) ?? [];
}

const isOurs = (name: string) => /^(legate|Legate|__)/.test(name);

for (const [root, operations] of Object.entries({ Query: contract.queries, Mutation: contract.mutations })) {
  suite(`${root} has exactly the operations of the contract, besides our own`, () => {
    const fields = fieldsOf(typeOf(root)).filter(({ name }) => !isOurs(name));
    test('their names', () => {
      assert.deepEqual(fields.map(({ name }) => name).sort(), Object.keys(operations).sort());
    });
    for (const [name, { args, type }] of Object.entries(operations)) {
      test(name, () => {
        const field = fields.find(candidate => candidate.name === name);
        assert.ok(field && 'args' in field);
        assert.deepEqual(texts(field.args), args);
        assert.equal(text(field.type), type);
      });
    }
  });
}

suite('every type has exactly the fields of the contract', () => {
  for (const [name, fields] of Object.entries(contract.types)) {
    test(name, () => {
      const type = typeOf(name);
      assert.deepEqual(texts(fieldsOf(type)), fields);
    });
  }
});

suite('every enum has exactly the values of the contract', () => {
  for (const [name, values] of Object.entries(contract.enums)) {
    test(name, () => {
      const type = typeOf(name);
      assert.ok(type.kind === 'ENUM');
      assert.deepEqual(type.enumValues.map(value => value.name).sort(), [...values].sort());
    });
  }
});

test('unions and interfaces have the members of the contract', () => {
  for (const [kind, members] of [
    ['UNION', contract.unions],
    ['INTERFACE', contract.interfaces],
  ] as const) {
    for (const [name, names] of Object.entries(members)) {
      const type = typeOf(name);
      assert.ok(type.kind === kind && 'possibleTypes' in type);
      assert.deepEqual(type.possibleTypes.map(member => member.name).sort(), [...names].sort());
    }
  }
});

test('the scalars are there, and what is deprecated says so', () => {
  for (const name of contract.scalars) assert.equal(typeOf(name).kind, 'SCALAR');
  const deprecated = schema.types.flatMap(type =>
    fieldsOf(type).flatMap(field => (field.isDeprecated ? [`${type.name}.${field.name}`] : [])),
  );
  assert.deepEqual(deprecated.sort(), [...contract.deprecated].sort());
});

test('there is no type besides the contract’s that is not clearly ours', () => {
  const known = new Set([
    ...Object.keys(contract.types),
    ...Object.keys(contract.enums),
    ...Object.keys(contract.unions),
    ...Object.keys(contract.interfaces),
    ...contract.scalars,
    ...['Query', 'Mutation', 'Subscription', 'String', 'Boolean', 'Int', 'Float', 'ID'],
  ]);
  const others = schema.types.map(({ name }) => name).filter(name => !known.has(name) && !isOurs(name));
  assert.deepEqual(others, []);
  const subscriptions = fieldsOf(typeOf('Subscription')).map(({ name }) => name);
  assert.ok(subscriptions.every(isOurs));
});
