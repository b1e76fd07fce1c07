import assert from 'node:assert/strict';
import test from 'node:test';
import { connectorYaml, secretYaml, templateYaml } from '../../test/harness/documents.ts';
import { readYaml } from './yaml.ts';

/** The one document of a text. */
function read(text: string): unknown {
  const result = readYaml(text);
  assert.ok(result.ok, JSON.stringify(result));
  assert.equal(result.documents.length, 1);
  return result.documents[0]?.data;
}

function problemsOf(text: string): string[] {
  const result = readYaml(text);
  assert.ok(!result.ok, 'nothing was refused');
  return result.problems;
}

test('numbers are the text that was written, in whatever form', () => {
  const text = 'a: 1.0\nb: 0x1F\nc: 1e3\nd: .inf\ne: 007\nf: 12345678901234567890\ng: -0\n';
  const expected = { a: '1.0', b: '0x1F', c: '1e3', d: '.inf', e: '007', f: '12345678901234567890', g: '-0' };
  assert.deepEqual(read(text), expected);
  assert.deepEqual(read('1.0: a'), { '1.0': 'a' });
});

test('booleans are those of YAML 1.2: yes, on and off are texts', () => {
  const expected = { a: true, b: false, c: 'yes', d: 'on', e: 'off', f: 'n', g: 'true' };
  assert.deepEqual(read('a: true\nb: false\nc: yes\nd: on\ne: off\nf: n\ng: "true"\n'), expected);
});

test('True and FALSE stay as written, as they may stand for a text', () => {
  assert.deepEqual(read('a: True\nb: FALSE'), { a: 'True', b: 'FALSE' });
});

test('null in its three forms is null; dates are texts', () => {
  assert.deepEqual(read('a: null\nb: ~\nc:\nd: 2020-01-01'), { a: null, b: null, c: null, d: '2020-01-01' });
});

test('several documents are told apart, each with the line on which it begins', () => {
  const result = readYaml('# head\na: 1\n---\n# about b\n\nb: 2\n...\n---\nc: 3\n');
  assert.ok(result.ok);
  assert.deepEqual(result.documents, [
    { data: { a: '1' }, line: 2 },
    { data: { b: '2' }, line: 6 },
    { data: { c: '3' }, line: 9 },
  ]);
});

test('a document of comments only is none; an explicit null is one', () => {
  for (const text of ['', '\n\n', '# only\n', '---\n# a\n---\n# b\n', '%YAML 1.2\n---\n']) {
    assert.deepEqual(readYaml(text), { ok: true, documents: [] }, JSON.stringify(text));
  }
  assert.deepEqual(readYaml('# a\n---\nb: 1\n---\n# trailing'), {
    ok: true,
    documents: [{ data: { b: '1' }, line: 3 }],
  });
  assert.equal(read('--- null'), null);
});

test('a block text keeps every character', () => {
  assert.deepEqual(read("a: |-\n  secret='x'\n\n  y: $z\t\n"), { a: "secret='x'\n\ny: $z\t" });
});

test('line ends of Windows and a byte order mark make no difference', () => {
  assert.deepEqual(read('\uFEFFa: |\r\n  x\r\n  y\r\nb: 1\r\n'), { a: 'x\ny\n', b: '1' });
});

test('an alias is refused where it stands; an anchor that nothing uses does no harm', () => {
  const refusal = 'aliases (*name) are not supported; write the value out';
  assert.deepEqual(problemsOf('a: &x [1]\nb: *x\n'), [`line 2, column 4: ${refusal}`]);
  assert.deepEqual(problemsOf('a: &x {k: 1}\nb:\n  <<: *x\n'), [`line 3, column 7: ${refusal}`]);
  assert.deepEqual(read('a: &x 1'), { a: '1' });
});

test('aliases that would grow without bound are refused before they grow', () => {
  const lines = ['a0: &a0 [x, x]'];
  for (let n = 1; n < 40; n++) lines.push(`a${n}: &a${n} [*a${n - 1}, *a${n - 1}]`);
  assert.match(problemsOf(lines.join('\n'))[0] ?? '', /^line 2, column 10: aliases/);
});

test('a key that stands twice is refused, also when once as a number and once as a text', () => {
  assert.deepEqual(problemsOf('a:\n  b: 1\n  c: 2\n  b: 3\n'), [
    'line 4, column 3: not valid YAML (duplicate key)',
  ]);
  assert.deepEqual(problemsOf('1: a\n"1": b\n'), ['line 2, column 1: not valid YAML (duplicate key)']);
});

test('a mistake is told by line and column, and nothing of the text is quoted', () => {
  const text = 'a: ok\nscript: "hunter2\n  hunter3\nb: [hunter4\n';
  const problems = problemsOf(text);
  assert.match(problems[0] ?? '', /^line \d+, column \d+: not valid YAML \([a-z ]+\)$/);
  assert.doesNotMatch(problems.join('\n'), /hunter/);
  assert.deepEqual(problemsOf('a: 1\n\tb: 2\n').slice(0, 1), [
    'line 2, column 1: not valid YAML (tab as indent)',
  ]);
});

test('a mistake in one document refuses the whole text', () => {
  assert.equal(problemsOf('a: 1\n---\n& \n').length, 1);
  assert.deepEqual(problemsOf('a: 1\n---\n]\n'), ['line 3, column 1: not valid YAML (unexpected token)']);
});

test('no more problems are told than help', () => {
  assert.equal(problemsOf('---\na: 1\na: 2\n'.repeat(1_000)).length, 20);
});

test('hostile texts are refused or read in a time that grows with their length only', () => {
  const deep = problemsOf('['.repeat(20_000));
  assert.match(deep[0] ?? '', /not valid YAML \(resource exhaustion\)$/);
  const wide = Array.from({ length: 30_000 }, (_, n) => `k${n}: v`).join('\n');
  const started = performance.now();
  assert.ok(readYaml(wide).ok);
  // Comparing each key with all before it takes half a minute here; a loaded machine needs a second or two.
  assert.ok(performance.now() - started < 12_000, 'it took far too long');
});

test('a name that means something to JavaScript is a key like any other', () => {
  const data = read('__proto__: {polluted: x}\nconstructor: y');
  assert.ok(typeof data === 'object' && data !== null);
  assert.deepEqual(Object.keys(data), ['__proto__', 'constructor']);
  assert.equal(Object.hasOwn({}, 'polluted'), false);
  assert.equal(Reflect.get({}, 'polluted'), undefined);
});

test('the documents that users have are read', () => {
  const result = readYaml([templateYaml, connectorYaml, secretYaml].join('---\n'));
  assert.ok(result.ok);
  assert.equal(result.documents.length, 3);
});
