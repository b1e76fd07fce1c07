import assert from 'node:assert/strict';
import test from 'node:test';
import { versionNote } from './versions.ts';

test('a version that differs is told, and which of the two is the older one', () => {
  assert.equal(versionNote('0.9.10', '0.10.0'), 'update available: 0.10.0');
  assert.equal(versionNote('v1.2.3', '1.2.4-beta'), 'update available: 1.2.4-beta');
  assert.equal(versionNote('2.0.0', '1.99.0'), 'newer than the control plane (1.99.0)');
});

test('of the same version, and of what is none, there is nothing to tell', () => {
  for (const [agent, server] of [
    ['1.2.3', '1.2.3'],
    ['1.2.3+build', '1.2.3'],
    ['mine', '1.2.3'],
    ['', '1.2.3'],
    ['1.2', '1.2.3'],
  ] as const)
    assert.equal(versionNote(agent, server), undefined, agent);
});
