import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGrammar } from './grammar.ts';

test('text that would keep the grammar busy for minutes is given up, and the next is read', async () => {
  const withTree = await loadGrammar();
  assert.equal(
    withTree('<+f('.repeat(20_000), () => 'read'),
    undefined,
  );
  assert.equal(
    withTree('echo a', root => root.hasError),
    false,
  );
});

test('the grammar is loaded once', () => {
  assert.equal(loadGrammar(), loadGrammar());
});
