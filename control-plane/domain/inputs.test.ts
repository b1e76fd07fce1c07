import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import type { InputList } from './expression.ts';
import {
  checkSecretInputs,
  type DeclaredInput,
  diffInputs,
  duplicates,
  fixedConflicts,
  type GivenInput,
  type InputType,
  neededInputs,
  type ResolvedInput,
  resolveInputs,
  resolveTestInputs,
} from './inputs.ts';
import type { InputValue } from './runtime-input.ts';

const list: InputList = 'environmentVariables';
const text = (text: string): InputValue => ({ kind: 'fixed', text });
const left = (defaultText?: string): InputValue => ({
  kind: 'runtime',
  source: '<+input>',
  defaultText,
  validator: undefined,
});
const open = (name: string, type: InputType = 'String'): DeclaredInput => ({
  list,
  name,
  type,
  value: left(),
});
const optional = (name: string, value: string): DeclaredInput => ({ ...open(name), value: left(value) });
const fixed = (name: string, value: string): DeclaredInput => ({ ...open(name), value: text(value) });
const given = (name: string, value: InputValue, useAsDefault: boolean): GivenInput => ({
  list,
  name,
  type: 'String',
  value,
  useAsDefault,
});
const byDefault = (name: string, value: string) => given(name, text(value), true);
/** At a connector: for the connection test only. At a secret: its value. */
const plain = (name: string, value: string) => given(name, text(value), false);
/** `<+input>`: left open. */
const asked = (name: string, useAsDefault = false) => given(name, left(), useAsDefault);
const inOtherList = <T extends object>(input: T) => ({ ...input, list: 'inputVariables' as const });

const shown = (inputs: readonly ResolvedInput[]) =>
  inputs.map(
    ({ list, name, text, source }) => `${list === 'inputVariables' ? 'i:' : ''}${name}=${text} ${source}`,
  );

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
  const resolved = resolveInputs([open('path')], [byDefault('path', 'low')], [plain('path', 'high')]);
  assert.deepEqual(shown(resolved), ['path=high secret']);
});

test("a connector's default serves where the secret says nothing", () => {
  const resolved = resolveInputs([optional('mount', 'low')], [byDefault('mount', 'kv')], []);
  assert.deepEqual(shown(resolved), ['mount=kv connector']);
});

test('an empty value is given: it wins over what comes after it', () => {
  assert.deepEqual(shown(resolveInputs([open('a')], [byDefault('a', 'x')], [plain('a', '')])), ['a= secret']);
  const inherited = resolveInputs([optional('a', 'x')], [byDefault('a', '')], []);
  assert.deepEqual(shown(inherited), ['a= connector']);
});

test("a template's fixed value can be set by nobody", () => {
  const declared = [fixed('url', 'https://store.example')];
  const resolved = resolveInputs(
    declared,
    [byDefault('url', 'https://evil')],
    [plain('url', 'https://evil')],
  );
  assert.deepEqual(shown(resolved), ['url=https://store.example template']);
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
    resolveTestInputs(declared, [plain('path', 'p'), byDefault('mount', 'm')]).map(({ text }) => text),
    ['m', 'p', 'u'],
  );
  assert.equal(
    refusal(() => resolveTestInputs(declared, [asked('path')])),
    'Invalid request: RunTime Inputs are not provided for the Connector, Missing environment variables are: mount, path',
  );
});

test("the result is in the template's order, then what others name, each once", () => {
  const declared = [open('c'), open('a'), open('b')];
  const secret = [plain('b', '2'), plain('other', 'x'), plain('a', '1'), plain('c', '3')];
  assert.deepEqual(
    resolveInputs(declared, [byDefault('more', ''), byDefault('other', '')], secret).map(({ name }) => name),
    ['c', 'a', 'b', 'more', 'other'],
  );
});

test('a secret has to give the runtime inputs for which its connector has no default', () => {
  const declared = [open('a'), open('b'), open('c'), open('d'), fixed('e', '')];
  const connector = [byDefault('a', ''), plain('b', 'test'), asked('c', true)];
  assert.deepEqual(
    neededInputs([...declared, optional('f', '')], connector).map(({ name }) => name),
    ['b', 'c', 'd'],
  );
});

test("a template's default serves last, and a connector that leaves the input open does not hide it", () => {
  assert.deepEqual(shown(resolveInputs([optional('a', 'x')], [asked('a', true), plain('a', 'test')], [])), [
    'a=x template default',
  ]);
  assert.deepEqual(shown(resolveTestInputs([optional('a', '')], [])), ['a= template default']);
});

test('a secret that leaves an input open has not given it', () => {
  assert.deepEqual(shown(resolveInputs([optional('a', 'x')], [], [asked('a')])), ['a=x template default']);
  assert.throws(() => resolveInputs([open('a')], [], [asked('a')]), /Missing environment variables are: a$/);
});

test('the two lists are apart: a name in one says nothing about the other', () => {
  const declared = [open('a'), inOtherList(open('a'))];
  const resolved = resolveInputs(
    declared,
    [inOtherList(byDefault('a', 'i'))],
    [plain('a', 'e'), inOtherList(plain('b', ''))],
  );
  assert.deepEqual(shown(resolved), ['a=e secret', 'i:a=i connector', 'i:b= secret']);
  assert.equal(
    refusal(() => resolveInputs(declared, [], [])),
    'Invalid request: RunTime Inputs are not provided for the Secret, Missing environment variables are: a, inputVariables.a',
  );
  checkSecretInputs(declared, [], [plain('a', ''), inOtherList(plain('a', ''))], false);
});

test('an input is secret when the template or whoever gives it says so', () => {
  const resolved = resolveInputs(
    [open('a', 'Secret'), open('b'), open('c')],
    [],
    [plain('a', ''), { ...plain('b', ''), type: 'Secret' }, plain('c', '')],
  );
  assert.deepEqual(
    resolved.map(({ secret }) => secret),
    [true, true, false],
  );
});

test('only another text than the fixed one is in conflict with it', () => {
  const connector = [plain('a', 'x'), byDefault('b', 'y'), asked('c'), plain('d', 'z')];
  assert.deepEqual(
    fixedConflicts([fixed('a', 'x'), fixed('b', 'x'), fixed('c', 'x'), open('d')], connector).map(
      ({ name }) => name,
    ),
    ['b'],
  );
});

test('two sets of inputs differ by name, type and value, not by order', () => {
  const before = [open('a'), open('b'), optional('c', '1'), fixed('d', '1')];
  const after = [fixed('d', '1'), open('b', 'Number'), optional('c', '2'), inOtherList(open('a'))];
  const names = (inputs: readonly DeclaredInput[]) => inputs.map(({ list, name }) => `${list}.${name}`);
  const { added, removed, changed } = diffInputs(before, after);
  assert.deepEqual(names(added), ['inputVariables.a']);
  assert.deepEqual(names(removed), ['environmentVariables.a']);
  assert.deepEqual(names(changed.map(each => each.before)), names([open('b'), open('c')]));
  assert.deepEqual(
    changed.map(each => each.after),
    [open('b', 'Number'), optional('c', '2')],
  );
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

test('a secret may set what only the connector knows', () => {
  checkSecretInputs([], [byDefault('a', '')], [plain('a', '')], false);
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
