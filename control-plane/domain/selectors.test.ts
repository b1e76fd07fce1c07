import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import {
  describeMissing,
  fulfils,
  missingSelectors,
  readSelectors,
  resolveSelectors,
  selectorProblem,
  tagSet,
} from './selectors.ts';

const delegate = { name: 'Edge-1', hostName: 'host.example', tags: [' Vault-Net ', 'eu west', ''] };

/** Of a plain list, what the delegate lacks. */
function missing(selectors: readonly string[], of = delegate): string[] {
  const read = readSelectors(selectors, undefined);
  const left = missingSelectors(read, tagSet(of));
  assert.equal(fulfils(read, tagSet(of)), left.length === 0);
  return left;
}

test('selectors and tags are compared trimmed and without regard to case', () => {
  assert.deepEqual(missing(['vault-net', ' VAULT-NET', 'Eu West ']), []);
});

test("a delegate's name and host name are tags by themselves", () => {
  assert.deepEqual(missing(['edge-1', 'HOST.example']), []);
});

test('a selector matches a whole tag, never a part of one or a pattern', () => {
  const near = ['vault', 'vault-net2', 'eu', 'host', 'vault*', '.*', '!nothing', 'vault-net|other'];
  assert.deepEqual(missing(near), near);
});

test('in a plain list, what would be an operator is a part of the tag', () => {
  const odd = { ...delegate, tags: ['!canary', 'a|b', '(x & y)', '"q'] };
  assert.deepEqual(missing(['!canary', 'A|B', '(x & y)', '"q'], odd), []);
  assert.deepEqual(missing(['!canary', 'a|b']), ['!canary', 'a|b']);
});

test('every selector has to be there; those that are not are named as they were written', () => {
  assert.deepEqual(missing(['Vault-Net', ' GPU ', 'eu west', 'Arm']), [' GPU ', 'Arm']);
});

test('no selectors fit any delegate, and an empty tag is none', () => {
  assert.deepEqual(missing([], { name: '', hostName: '', tags: [] }), []);
  assert.deepEqual([...tagSet({ name: 'a', hostName: ' ', tags: ['', '  '] })], ['a']);
  assert.deepEqual(missing([' '], { name: '', hostName: '', tags: ['', ' '] }), [' ']);
});

test('of several expressions each has to be fulfilled, and of each the parts that are not are told', () => {
  const selectors = readSelectors(['vault-net & (us | "EU  east") & gpu', '!edge-1', 'edge-1'], 'expression');
  assert.equal(fulfils(selectors, tagSet(delegate)), false);
  assert.deepEqual(missingSelectors(selectors, tagSet(delegate)), ['us | "EU  east"', 'gpu', '!edge-1']);
  assert.equal(
    describeMissing(selectors, tagSet(delegate)),
    'its tags lack "us | "EU  east"", "gpu", and its tags hold "edge-1", which must not be there',
  );
  const fine = readSelectors(['vault-net & (us | "EU West") & !gpu'], 'expression');
  assert.deepEqual(
    [fulfils(fine, tagSet(delegate)), describeMissing(fine, tagSet(delegate))],
    [true, undefined],
  );
});

test("in an expression a value is one tag: whoever writes it can't widen what is asked for", async () => {
  const values: Record<string, string> = {
    '<+a.b("c | d")>': 'x | vault-net',
    'net-<+a.<+b>>': 'net-" & !y',
    'eu west <+z>': 'eu west',
  };
  const valueOfTag = async (text: string) => values[text] ?? text;
  const text = 'gpu & <+a.b("c | d")> & !net-<+a.<+b>> | "eu west <+z>"';
  assert.equal(selectorProblem(text), undefined);
  const resolved = await resolveSelectors([text], 'expression', valueOfTag);
  assert.deepEqual(resolved, ['(gpu & "x | vault-net" & !"net-\\" & !y") | "eu west"']);
  assert.equal(fulfils(readSelectors(resolved, 'expression'), tagSet(delegate)), true);
  assert.equal(
    fulfils(readSelectors(resolved, 'expression'), tagSet({ ...delegate, tags: ['gpu', 'vault-net'] })),
    false,
  );
  assert.deepEqual(await resolveSelectors([' <+x> ', '!a | b'], undefined, async one => `v${one}`), [
    'v <+x> ',
    'v!a | b',
  ]);
  await assert.rejects(
    resolveSelectors(['<+x>'], 'expression', async () => 'y'.repeat(2_000)),
    RequestError,
  );
});

test('a problem of an expression is told in words', () => {
  assert.equal(
    selectorProblem('aws eu'),
    'delegate selector "aws eu", character 5: "&" or "|" must stand here, not "eu"; a tag with blanks is written in quotes',
  );
  assert.match(selectorProblem('aws & <+x') ?? '', /character 7: the "<\+" is not closed/);
});
