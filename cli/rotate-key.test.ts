import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { encryptionKeyCommand } from './rotate-key.ts';

async function rotate(answer: object, ...flags: string[]) {
  const { client, asked, write, written } = scriptedClient({ ...answer });
  const errors: string[] = [];
  const output = {
    out: (bytes: Uint8Array | string) => write(String(bytes)),
    err: (line: string) => void errors.push(line),
    isTerminal: false,
  };
  const command = encryptionKeyCommand({ client: () => client, output });
  await command.parseAsync(['rotate', ...flags], { from: 'user' });
  return { asked, errors, lines: written().trimEnd().split('\n') };
}

test('a rotation says what values are under, what left the ring, and what to do', async () => {
  const report = { primary: 'new', resumed: false, rewrapped: 3, dropped: ['old'], removable: [], left: {} };
  const { asked, errors, lines } = await rotate(report);
  assert.deepEqual(asked, [['POST', '/encryption-keys/rotate', { newKey: true }]]);
  assert.deepEqual(lines, [
    'values are under new now, 3 rewrapped',
    'old left the key ring',
    'keep a copy of the new key ring away from the store',
  ]);
  assert.deepEqual(errors, []);
});

test('values that stay behind are told by key, and a ring that people keep is theirs to change', async () => {
  const report = {
    primary: 'new',
    resumed: true,
    rewrapped: 0,
    dropped: [],
    removable: ['old'],
    left: { gone: 2 },
  };
  const { asked, errors, lines } = await rotate(report, '--no-new-key');
  assert.deepEqual(asked, [['POST', '/encryption-keys/rotate', { newKey: false }]]);
  assert.match(lines.join('\n'), /it went on with a rotation that had not ended/);
  assert.match(lines.join('\n'), /old can be removed from the key ring/);
  assert.match(errors.join('\n'), /^2 values stay under gone/);
});
