import assert from 'node:assert/strict';
import test from 'node:test';
import { readYaml } from '../control-plane/documents/yaml.ts';
import { findDocuments, toYaml } from './yaml.ts';

/** What the control plane makes of it. */
function read(yaml: string): unknown {
  const result = readYaml(yaml);
  assert.ok(result.ok, yaml);
  assert.equal(result.documents.length, 1, yaml);
  return result.documents[0]?.data;
}

test('texts are read as exactly the same again, whatever characters they hold', () => {
  const pieces = [
    'a',
    ' ',
    '\n',
    '\t',
    '\r',
    ':',
    '#',
    '-',
    '|',
    '>',
    '"',
    "'",
    '\\',
    '0',
    '%',
    '\u2028',
    'é',
    '😀',
  ];
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const texts = Array.from({ length: 3_000 }, () =>
    Array.from({ length: random(14) }, () => pieces[random(pieces.length)]).join(''),
  );
  texts.push(
    '',
    'true',
    'True',
    'null',
    '~',
    '1.0',
    '0x1f',
    '1e3',
    '-',
    '---',
    '...',
    '{}',
    '=',
    '\u0000',
    '\u0085',
  );
  for (const text of texts) {
    const document = { script: text, list: [text], deep: { [`k${text}`]: text } };
    assert.deepEqual(read(toYaml('template', document)), { template: document }, JSON.stringify(text));
  }
});

test('what is no text stays what it is', () => {
  const document = { a: null, b: true, c: false, d: [], e: {}, f: [[null, { g: true }]] };
  assert.deepEqual(read(toYaml('secret', document)), { secret: document });
});

test('a script is a block, blanks at the ends of lines and line ends at its end included', () => {
  assert.equal(
    toYaml('template', { script: 'a  \n\tb\n\nc' }),
    'template:\n  script: |-\n    a  \n    \tb\n\n    c\n',
  );
  assert.equal(toYaml('template', { script: 'a\nb\n' }), 'template:\n  script: |\n    a\n    b\n');
  assert.equal(toYaml('template', { script: 'a\nb\n\n' }), 'template:\n  script: |+\n    a\n    b\n\n');
});

test('numbers that everybody else has as numbers are plain, version labels and values are not', () => {
  const connector = { spec: { timeout: '20', template: { versionLabel: '1.0' }, value: '5' } };
  const yaml = toYaml('connector', connector);
  assert.match(yaml, /timeout: 20\n/);
  assert.match(yaml, /versionLabel: "1\.0"\n/);
  assert.match(yaml, /value: "5"\n/);
  assert.match(toYaml('secret', { spec: { port: '2222' } }), /port: 2222\n/);
  assert.deepEqual(read(yaml), { connector });
});

test('what old parsers would take for a boolean is quoted', () => {
  assert.equal(toYaml('secret', { name: 'yes' }), 'secret:\n  name: "yes"\n');
});

test('documents are found with their lines; comments are none, scalars are the text that was written', () => {
  const found = findDocuments('# only a comment\n---\n# more\na: 1.0\nb: True\nc: null\n---\n- x\n---\n');
  assert.ok(found.ok);
  assert.deepEqual(
    found.documents.map(({ data, line }) => [data, line]),
    [
      [{ a: '1.0', b: 'True', c: '' }, 4],
      [['x'], 8],
    ],
  );
});

test('what is not YAML is told by line and column, and not quoted', () => {
  const found = findDocuments('a: 1\nb: [hunter2\n');
  assert.ok(!found.ok);
  assert.match(found.problems.join(), /^line 3, column 1: not valid YAML \(/);
  assert.doesNotMatch(found.problems.join(), /hunter2/);
});

test('a document that would grow without bound is not looked into', () => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (const [name, of] of ['ba', 'cb', 'dc', 'ed'].map(pair => pair.split('')))
    lines.push(`${name}: &${name} [${Array(10).fill(`*${of}`).join(', ')}]`);
  const found = findDocuments(lines.join('\n'));
  assert.ok(found.ok);
  assert.deepEqual(
    found.documents.map(({ data }) => data),
    [undefined],
  );
});
