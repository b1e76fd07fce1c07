/** Holds the tables of PROTOCOL.md to the code: whoever changes one is told to change the other. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test, { suite } from 'node:test';
import type { TSchema } from 'typebox';
import { closeCode, fatalClose } from './close-codes.ts';
import { factsOf, failureReasons } from './failure.ts';
import { limits } from './limits.ts';
import {
  delegateNamePattern,
  delegatePath,
  inputVariable,
  PublicKey,
  schemas,
  subprotocol,
} from './messages.ts';
import { pollContentType, pollPath, pollSchemas, pollSteps } from './polling.ts';

const document = readFileSync(new URL('PROTOCOL.md', import.meta.url), 'utf8');

/** The part of the document below a heading, up to the next one of the same or a higher level. */
function section(heading: string, within = document): string {
  const start = within.indexOf(`${heading}\n`);
  assert.notEqual(start, -1, `there is no heading "${heading}"`);
  const level = heading.indexOf(' ');
  const rest = within.slice(start + heading.length);
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end === -1 ? rest : rest.slice(0, end);
}

/** The cells of the rows of the first table in a text, without their backquotes; no rows where there is none. */
function table(text: string): string[][] {
  const lines = /^\|.*(\n\|.*)*/m.exec(text)?.[0].split('\n') ?? [];
  return lines.slice(2).map(line =>
    line
      .slice(1, -1)
      .split(' |')
      .map(cell => cell.trim().replaceAll('`', '')),
  );
}

/** A row of a message's table but for its meaning. */
type Row = [field: string, type: string, required: string];

function* rowsOf(schema: TSchema, path: string, isRequired: boolean): Generator<Row> {
  if (path !== '') yield [path, typeOf(schema), isRequired ? 'yes' : 'no'];
  if (isPublicKey(schema) && path !== '') return;
  for (const [name, field] of fieldsOf(schema)) {
    if (path === '' && name === 'type') continue;
    yield* rowsOf(field, path === '' ? name : `${path}.${name}`, requiredOf(schema).has(name));
  }
  if (!('items' in schema)) return;
  const items = schemaOf(schema.items);
  yield* rowsOf(items, `${path}[]`, true);
  // Each of several shapes is named by its `kind`.
  for (const shape of shapesOf(items))
    for (const [name, field] of fieldsOf(shape))
      yield* rowsOf(field, `${path}[${kindOf(shape)}].${name}`, requiredOf(shape).has(name));
}

/** What the Type column says of a schema. */
function typeOf(schema: TSchema): string {
  const rule = (keyword: string) => ruleOf(schema, keyword);
  if (isPublicKey(schema)) return 'public key';
  const shapes = shapesOf(schema);
  if (shapes.length > 0) return `object, one of ${shapes.map(kindOf).join(', ')}`;
  if ('const' in schema) return String(schema.const);
  if ('enum' in schema && Array.isArray(schema.enum))
    return isSame(schema.enum, failureReasons) ? 'failure reason' : `one of ${schema.enum.join(', ')}`;
  const longest = `${rule('maxLength')} characters`;
  switch (rule('type')) {
    case 'integer':
      return `integer, ${rule('minimum')} to ${rule('maximum')}`;
    case 'array':
      return `list of at most ${rule('maxItems')}`;
    case 'string':
      if (rule('pattern') === sealedPattern) return `sealed piece, at most ${longest}`;
      if (rule('pattern') !== '') return `text like ${rule('pattern')}`;
      return rule('minLength') === '0'
        ? `text, at most ${longest}`
        : `text, ${rule('minLength')} to ${longest}`;
    default:
      return rule('type');
  }
}

const sealedPattern = '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]*){4}$';
const facts = (schema: TSchema): Record<string, unknown> => ({ ...schema });
/** The rules of a schema that are a number or a text, as they are written; empty where there is none. */
const ruleOf = (schema: TSchema, keyword: string): string => {
  const rule = facts(schema)[keyword];
  return typeof rule === 'string' || typeof rule === 'number' ? String(rule) : '';
};
const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const isPublicKey = (schema: TSchema) => isSame(schema, PublicKey);
const schemaOf = (thing: unknown): TSchema => Object(thing);
const shapesOf = (schema: TSchema) =>
  'anyOf' in schema && Array.isArray(schema.anyOf) ? schema.anyOf.map(schemaOf) : [];
const kindOf = (shape: TSchema) =>
  ruleOf(fieldsOf(shape).find(([name]) => name === 'kind')?.[1] ?? {}, 'const');

function fieldsOf(schema: TSchema): [name: string, field: TSchema][] {
  const { properties } = facts(schema);
  return Object.entries(Object(properties)).map(([name, field]) => [name, schemaOf(field)]);
}

function requiredOf(schema: TSchema): Set<unknown> {
  const { required } = facts(schema);
  return new Set(Array.isArray(required) ? required : []);
}

suite('the tables of messages are those of the schemas', () => {
  for (const [heading, messages] of [
    ['### To the delegate', schemas.toDelegate],
    ['### To the control plane', schemas.toControlPlane],
  ] as const) {
    const part = section(heading);

    test(`${heading.slice(4)}: every message, and no other`, () => {
      const described = [...part.matchAll(/^#### `(.+)`$/gm)].map(match => match[1]);
      assert.deepEqual(described, Object.keys(messages));
    });

    for (const [type, schema] of Object.entries(messages)) {
      test(type, () => {
        const rows = table(section(`#### \`${type}\``, part));
        assert.deepEqual(
          rows.map(row => row.slice(0, 3)),
          [...rowsOf(schema, '', true)],
        );
        for (const row of rows) assert.ok(row[3], `${row[0]} has no meaning`);
      });

      test(`${type} is recognised by its name`, () => {
        assert.equal(typeOf(schema.properties.type), type);
      });
    }
  }

  test('public key', () => {
    const rows = table(section('### Public key'));
    assert.deepEqual(
      rows.map(row => row.slice(0, 3)),
      [...rowsOf(PublicKey, '', true)],
    );
  });
});

suite('the tables of long polls are those of the schemas', () => {
  const part = section('## Long polling');
  for (const [kind, steps] of Object.entries(pollSchemas))
    for (const [step, schema] of Object.entries(steps))
      test(`${kind} ${step}`, () => {
        const rows = table(section(`#### ${kind} \`${step}\``, part));
        assert.deepEqual(
          rows.map(row => row.slice(0, 3)),
          [...rowsOf(schema, '', true)],
        );
        for (const row of rows) assert.ok(row[3], `${row[0]} has no meaning`);
      });

  test('every step, and no other', () => {
    const described = [...part.matchAll(/^#### (.+) `(.+)`$/gm)].map(([, kind, step]) => [kind, step]);
    const all = Object.entries(pollSchemas).flatMap(([kind, steps]) =>
      Object.keys(steps).map(step => [kind, step]),
    );
    assert.deepEqual(described, all);
    assert.deepEqual(
      table(part).map(([path]) => path),
      pollSteps.map(step => `/${step}`),
    );
  });

  test('paths, types and numbers are those of the code', () => {
    assert.ok(part.includes(`\`${pollPath}\``));
    assert.ok(part.includes(`\`${pollContentType}\``));
  });
});

test('the table of close codes is that of the code', () => {
  const rows = table(section('## Closing'));
  assert.deepEqual(
    rows.map(([code, name, , isFatal, exitCode]) => [code, name, isFatal, exitCode]),
    Object.entries(closeCode).map(([name, code]) => {
      const fatal = fatalClose(code);
      return [String(code), name, fatal ? 'yes' : 'no', String(fatal?.exitCode ?? '')];
    }),
  );
  for (const [code, , sender, , , meaning] of rows) {
    assert.match(sender ?? '', /^(delegate|control plane|either)$/, code);
    assert.ok(meaning, code);
  }
});

test('every fatal close code has an exit code of its own, and none that programs end with for other reasons', () => {
  const exitCodes = Object.values(closeCode).flatMap(code => fatalClose(code)?.exitCode ?? []);
  assert.equal(new Set(exitCodes).size, exitCodes.length);
  for (const exitCode of exitCodes) assert.ok(exitCode > 2 && exitCode < 126, `exit code ${exitCode}`);
});

test('a code that is not ours is not fatal', () => {
  for (const code of [1002, 1005, 1006, 1007, 4000, 4499]) assert.equal(fatalClose(code), undefined);
});

test('the table of failure reasons is that of the code', () => {
  assert.deepEqual(
    table(section('## Failure reasons')),
    failureReasons.map(reason => {
      const { setBy, retryElsewhere, code, explanation } = factsOf(reason);
      return [reason, setBy, retryElsewhere ? 'yes' : 'no', code, explanation];
    }),
  );
});

test('the table of sizes is that of the code', () => {
  const rows = table(section('## Sizes'));
  assert.deepEqual(
    rows.map(row => row.slice(0, 2)),
    Object.entries(limits).map(([name, limit]) => [name, String(limit)]),
  );
  for (const [name, , unit, meaning] of rows) assert.ok(unit && meaning, name);
});

test('numbers and names in the prose are those of the code', () => {
  const transport = section('## Transport');
  assert.ok(transport.includes(`\`${delegatePath}\``));
  assert.ok(transport.includes(`offers \`${subprotocol}\``));
  assert.ok(section('#### `hello`').includes(`\`${delegateNamePattern}\``));
  assert.ok(section('## Messages').includes(`\`${sealedPattern}\``));
  assert.ok(section('#### `value`').includes(`More than ${limits.chunks} of one attempt`));
  assert.ok(section('#### `value`').includes(`At most ${limits.chunk} bytes`));
  assert.ok(section('## Running a program').includes(`\`${inputVariable(0)}\``));
});

test('the last version in the history is the one that is spoken', () => {
  assert.equal(table(section('## Versions')).at(-1)?.[0], subprotocol);
  assert.ok(document.startsWith(`# The Legate protocol, \`${subprotocol}\`\n`));
});

test('links lead somewhere', () => {
  const targets = [...document.matchAll(/\]\(([^)]+)\)/g)].map(match => match[1] ?? '');
  const headings = [...document.matchAll(/^#+ (.*)$/gm)].map(match => anchorOf(match[1] ?? ''));
  assert.ok(targets.length > 0);
  for (const target of targets) {
    if (target.startsWith('#')) assert.ok(headings.includes(target.slice(1)), target);
    else assert.ok(existsSync(new URL(target, import.meta.url)), target);
  }
});

/** A heading's anchor as forges make them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 _-]/g, '')
    .replaceAll(' ', '-');
}
