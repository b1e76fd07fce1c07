import assert from 'node:assert/strict';
import test from 'node:test';
import { missingSelectors, tagSet } from './selectors.ts';

const delegate = { name: 'Edge-1', hostName: 'host.example', tags: [' Vault-Net ', 'eu west', ''] };

test('selectors and tags are compared trimmed and without regard to case', () => {
  assert.deepEqual(missingSelectors(['vault-net', ' VAULT-NET', 'Eu West '], tagSet(delegate)), []);
});

test("a delegate's name and host name are tags by themselves", () => {
  assert.deepEqual(missingSelectors(['edge-1', 'HOST.example'], tagSet(delegate)), []);
});

test('a selector matches a whole tag, never a part of one or a pattern', () => {
  const near = ['vault', 'vault-net2', 'eu', 'host', 'vault*', '.*', '!nothing', 'vault-net|other'];
  assert.deepEqual(missingSelectors(near, tagSet(delegate)), near);
});

test('every selector has to be there; those that are not are named as they were written', () => {
  assert.deepEqual(missingSelectors(['Vault-Net', ' GPU ', 'eu west', 'Arm'], tagSet(delegate)), [
    ' GPU ',
    'Arm',
  ]);
});

test('no selectors fit any delegate, and an empty tag is none', () => {
  assert.deepEqual(missingSelectors([], tagSet({ name: '', hostName: '', tags: [] })), []);
  assert.deepEqual([...tagSet({ name: 'a', hostName: ' ', tags: ['', '  '] })], ['a']);
});
