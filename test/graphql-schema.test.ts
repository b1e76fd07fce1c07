import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import {
  type IntrospectionField,
  type IntrospectionInputValue,
  type IntrospectionType,
  type IntrospectionTypeRef,
  introspectionFromSchema,
} from 'graphql';
import { buildGraphqlSchema } from '../control-plane/api/graphql/schema.ts';

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

const { __schema: schema } = introspectionFromSchema(buildGraphqlSchema(), { inputValueDeprecation: true });

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
  test(`${root} has exactly the contract's operations, with their arguments, besides our own`, () => {
    const fields = fieldsOf(typeOf(root)).filter(({ name }) => !isOurs(name));
    const found = fields.map(field => {
      assert.ok('args' in field);
      return [field.name, { args: texts(field.args), type: text(field.type) }];
    });
    assert.deepEqual(Object.fromEntries(found), operations);
  });
}

test("every type has exactly the contract's fields", () => {
  const names = Object.keys(contract.types);
  assert.ok(names.length > 80);
  const found = names.map(name => [name, texts(fieldsOf(typeOf(name)))]);
  assert.deepEqual(Object.fromEntries(found), contract.types);
});

test("every enum has exactly the contract's values", () => {
  const values = (name: string) => {
    const type = typeOf(name);
    return type.kind === 'ENUM' ? type.enumValues.map(value => value.name) : [];
  };
  const sorted = (name: string, list: readonly string[] = []) => [name, [...list].sort()];
  const names = Object.keys(contract.enums);
  assert.ok(names.length > 15);
  assert.deepEqual(
    Object.fromEntries(names.map(name => sorted(name, values(name)))),
    Object.fromEntries(names.map(name => sorted(name, contract.enums[name]))),
  );
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

test('what the contract does not name has a name that says that it is ours', () => {
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
