import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import {
  checkSecretInputs,
  type DeclaredInput,
  duplicates,
  type GivenInput,
  neededInputs,
  resolveInputs,
  resolveTestInputs,
} from './inputs.ts';

const open = (name: string): DeclaredInput => ({ name, fixed: undefined });
const fixed = (name: string, value: string): DeclaredInput => ({ name, fixed: value });
const byDefault = (name: string, value: string): GivenInput => ({ name, value, useAsDefault: true });
/** At a connector: for the connection test only. At a secret: its value. */
const plain = (name: string, value: string): GivenInput => ({ name, value, useAsDefault: false });
/** `<+input>`: left open. */
const asked = (name: string, useAsDefault = false): GivenInput => ({ name, value: undefined, useAsDefault });

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof RequestError);
    return error.message;
  }
  return assert.fail('nothing was refused');
}

test("a secret's value wins over the connector's default", () => {
  assert.deepEqual(resolveInputs([open('path')], [byDefault('path', 'low')], [plain('path', 'high')]), [
    { name: 'path', value: 'high', source: 'secret' },
  ]);
});

test("a connector's default serves where the secret says nothing", () => {
  assert.deepEqual(resolveInputs([open('mount')], [byDefault('mount', 'kv')], []), [
    { name: 'mount', value: 'kv', source: 'connector' },
  ]);
});

test('an empty value is given: it wins over what comes after it', () => {
  assert.deepEqual(resolveInputs([open('a')], [byDefault('a', 'x')], [plain('a', '')]), [
    { name: 'a', value: '', source: 'secret' },
  ]);
  assert.deepEqual(resolveInputs([open('a')], [byDefault('a', '')], []), [
    { name: 'a', value: '', source: 'connector' },
  ]);
});

test("a template's fixed value can be set by nobody", () => {
  const declared = [fixed('url', 'https://store.example')];
  const resolved = resolveInputs(
    declared,
    [byDefault('url', 'https://evil')],
    [plain('url', 'https://evil')],
  );
  assert.deepEqual(resolved, [{ name: 'url', value: 'https://store.example', source: 'template' }]);
  assert.deepEqual(resolveTestInputs(declared, [plain('url', 'https://evil')]), resolved);
});

test('a value that a connector has for its test only never reaches a read', () => {
  assert.equal(
    refusal(() => resolveInputs([open('path')], [plain('path', 'test')], [])),
    'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: path',
  );
});

test('a connection test takes all that the connector says, and nothing else', () => {
  const declared = [open('mount'), open('path'), fixed('url', 'u')];
  assert.deepEqual(
    resolveTestInputs(declared, [plain('path', 'p'), byDefault('mount', 'm')]).map(({ value }) => value),
    ['m', 'p', 'u'],
  );
  assert.equal(
    refusal(() => resolveTestInputs(declared, [asked('path')])),
    'Invalid request: RunTime Inputs are not provided for the Connector, Missing environment variables are: mount, path',
  );
});

test("the result is in the template's order, each declared name once, undeclared ones left out", () => {
  const declared = [open('c'), open('a'), open('b')];
  const secret = [plain('b', '2'), plain('other', 'x'), plain('a', '1'), plain('c', '3')];
  assert.deepEqual(
    resolveInputs(declared, [], secret).map(({ name }) => name),
    ['c', 'a', 'b'],
  );
});

test('a secret has to give the runtime inputs for which its connector has no default', () => {
  const declared = [open('a'), open('b'), open('c'), open('d'), fixed('e', '')];
  const connector = [byDefault('a', ''), plain('b', 'test'), asked('c', true)];
  assert.deepEqual(neededInputs(declared, connector), ['b', 'c', 'd']);
});

/** Checks a secret against a template with `a` and `b` open, `c` fixed, and `d` the connector's default. */
const check = (secret: GivenInput[], valueIsEmpty = false) =>
  checkSecretInputs(
    [open('a'), open('b'), fixed('c', 'x'), open('d')],
    [byDefault('d', '')],
    secret,
    valueIsEmpty,
  );

test('a secret that gives just what is needed is fine, with or without the defaults', () => {
  check([plain('a', ''), plain('b', '')]);
  check([plain('d', ''), plain('b', ''), plain('a', '')]);
});

test('an empty value is fine when the connector has a default for everything', () => {
  checkSecretInputs([open('a'), fixed('b', '')], [byDefault('a', '')], [], true);
  checkSecretInputs([], [], [], true);
});

test('an empty value is refused when inputs are needed, which are named', () => {
  assert.equal(
    refusal(() => check([], true)),
    'Invalid request: There are missing environment variables: a, b',
  );
});

test('a needed input that is missing is named', () => {
  assert.equal(
    refusal(() => check([plain('b', '')])),
    'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: a',
  );
});

test('a name that stands twice is refused, with a blank before the colon', () => {
  assert.equal(
    refusal(() => check([plain('b', '1'), plain('a', ''), plain('b', '2'), plain('b', '3'), plain('a', '')])),
    'Invalid request: There are duplicate environment variables in the secret : b, a',
  );
});

test('names that the connector does not have, and fixed ones, are refused', () => {
  assert.equal(
    refusal(() => check([plain('a', ''), plain('b', ''), plain('zz', ''), plain('c', 'x')])),
    'Invalid request: Unnecessary environment variables provided in the secret: [zz, c]',
  );
  assert.equal(
    refusal(() => checkSecretInputs([], [], [plain('a', '')], false)),
    'Invalid request: Unnecessary environment variables provided in the secret: [a]',
  );
});

test('of several faults the first in the order of the original is told: empty, twice, missing, unnecessary', () => {
  const faults = [plain('zz', ''), plain('a', ''), plain('a', '')];
  assert.match(
    refusal(() => check(faults, true)),
    /There are missing/,
  );
  assert.match(
    refusal(() => check(faults)),
    /There are duplicate/,
  );
  assert.match(
    refusal(() => check(faults.slice(1, 2).concat(faults.slice(0, 1)))),
    /RunTime Inputs are not provided/,
  );
});

test('duplicates are each named once, in the order of their second mention', () => {
  assert.deepEqual(duplicates(['x', 'y', 'y', 'x', 'y', 'z']), ['y', 'x']);
});
