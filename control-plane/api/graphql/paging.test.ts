import assert from 'node:assert/strict';
import test from 'node:test';
import { connection, readPage, readTextPage } from './paging.ts';

/** The message as a caller reads it. */
const refused = (message: string) => ({ name: 'RequestError', message });

test('absent is 100 from 0, more than 100 is 100, 0 is 0', () => {
  assert.deepEqual(readPage(undefined, null), { limit: 100, offset: 0 });
  assert.deepEqual(readPage(101, 7), { limit: 100, offset: 7 });
  assert.deepEqual(readPage(0, 0), { limit: 0, offset: 0 });
  assert.deepEqual(readPage(99, 0), { limit: 99, offset: 0 });
});

test('negative numbers are refused', () => {
  const not = (what: string) => refused(`Invalid request: ${what} argument accepts only non negative values`);
  assert.throws(() => readPage(-1, 0), not('Limit'));
  assert.throws(() => readPage(1, -1), not('Offset'));
  assert.throws(() => readTextPage('-1', null), not('Limit'));
});

test('numbers may be texts; what is none is refused without being repeated', () => {
  assert.deepEqual(readTextPage(' 5 ', ''), { limit: 5, offset: 0 });
  assert.throws(() => readTextPage('five', '1'), refused('Invalid request: limit must be a whole number'));
  assert.throws(() => readTextPage('5', '1.5'), refused('Invalid request: offset must be a whole number'));
});

test('a page says what is left', () => {
  const page = (offset: number, nodes: number[]) => connection({ nodes, total: 3 }, { limit: 2, offset });
  assert.deepEqual(page(0, [1, 2]).pageInfo, { limit: 2, offset: 0, total: 3, hasMore: true });
  assert.equal(page(2, [3]).pageInfo.hasMore, false);
  assert.equal(page(5, []).pageInfo.hasMore, false);
});
