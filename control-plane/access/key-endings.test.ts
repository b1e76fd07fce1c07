import assert from 'node:assert/strict';
import test from 'node:test';
import type { Caller } from '../domain/permissions.ts';
import { KeyEndings } from './key-endings.ts';

function startedCaller(endings: KeyEndings, keyId: string): Caller {
  const caller = { keyId, name: keyId, grants: [], source: '' };
  endings.started(caller, endings.mark());
  return caller;
}

test('what a key has running is ended with it, and nothing of another key', () => {
  const endings = new KeyEndings();
  const ended: string[] = [];
  for (const [keyId, request] of [
    ['a', 'a1'],
    ['a', 'a2'],
    ['b', 'b1'],
  ] as const)
    endings.watch(startedCaller(endings, keyId), () => ended.push(request));
  endings.end('a');
  endings.end('a');
  assert.deepEqual(ended, ['a1', 'a2']);
});

test('a request that is over is not ended any more', () => {
  const endings = new KeyEndings();
  const stop = endings.watch(startedCaller(endings, 'a'), () => assert.fail('it is over'));
  stop();
  stop();
  endings.end('a');
});

test('a key that ends between being looked up and being watched ends the request at once', () => {
  const endings = new KeyEndings();
  const caller = startedCaller(endings, 'a');
  const other = startedCaller(endings, 'b');
  endings.end('a');
  let ended = 0;
  endings.watch(caller, () => {
    ended += 1;
  });
  assert.equal(ended, 1);
  endings.watch(other, () => assert.fail('its key has not ended'));
});

test('a request with a credential that was made after the end goes on', () => {
  const endings = new KeyEndings();
  endings.end('a');
  endings.watch(startedCaller(endings, 'a'), () => assert.fail('it came after'))();
});
