import assert from 'node:assert/strict';
import test from 'node:test';
import { parseText } from './expression.ts';
import { pathProblems, scalarAt } from './spec-path.ts';

const spec = {
  shell: 'Bash',
  source: { type: 'Inline', on: true, port: 22, nothing: null },
  outputs: [
    { name: 'a.b', value: 'first' },
    { name: 'second', value: '<+spec.shell>' },
    { name: 'second', value: 'never' },
  ],
  broken: '<+pipeline.name>',
};

test('a text, number or boolean is found through objects by key, and through lists by name', () => {
  const found = ['shell', 'source.on', 'source.port', 'outputs.second'].map(path => scalarAt(spec, path));
  assert.deepEqual(found, ['Bash', 'true', '22', '<+spec.shell>']);
});

test('nothing else is a field', () => {
  for (const path of [
    'none',
    'source',
    'source.nothing',
    'outputs',
    'outputs.none',
    'outputs.0',
    'outputs.length',
    'shell.length',
    'constructor',
    '__proto__.x',
    'source.toString',
  ])
    assert.equal(scalarAt(spec, path), undefined, path);
  assert.equal(scalarAt(undefined, 'shell'), undefined);
});

test('the fields that an expression names have to be there, and to be readable', () => {
  const problems = (text: string) => {
    const parsed = parseText(text);
    assert.ok(parsed.ok);
    return pathProblems(parsed.expression, spec);
  };
  assert.deepEqual(problems('a <+spec.shell> <+spec.outputs.second> <+secrets.getValue("x")>'), []);
  assert.deepEqual(problems('<+secrets.getValue("a" + <+spec.none>)>'), [
    "<+spec.none> names no field of the template's spec that holds a text, number or boolean",
  ]);
  assert.match(
    problems('<+spec.broken>')[0] ?? '',
    /^<\+spec\.broken> is a field of the template's spec with an expression: <\+pipeline\.name> is not understood/,
  );
});
