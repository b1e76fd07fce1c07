import assert from 'node:assert/strict';
import test from 'node:test';
import { scriptedClient } from '../test/harness/scripted-client.ts';
import { accountSettingsCommand } from './account-settings.ts';

async function settings(answer: object, ...args: string[]) {
  const { client, asked, write, written } = scriptedClient({ ...answer });
  const errors: string[] = [];
  const output = {
    out: (bytes: Uint8Array | string) => write(String(bytes)),
    err: (line: string) => void errors.push(line),
    isTerminal: false,
  };
  const command = accountSettingsCommand({ client: () => client, output });
  for (const one of [command, ...command.commands]) one.exitOverride().configureOutput({ writeErr() {} });
  await command.parseAsync(args, { from: 'user' });
  return { asked, errors, written: written() };
}

test('a setting is switched, and what it is now is told', async () => {
  const answer = { name: 'test-on-save', value: 'off', meaning: 'run the script' };
  const { asked, errors, written } = await settings(answer, 'set', 'test-on-save', 'off');
  assert.deepEqual(asked, [['POST', '/settings/test-on-save', { value: 'off' }]]);
  assert.deepEqual(errors, ['test-on-save is off now.']);
  assert.equal(written, '');
});

test('a value is on or off; what is wrong asks nobody', async () => {
  await assert.rejects(settings({}, 'set', 'test-on-save', 'maybe'), /Allowed choices are on, off/);
});

test('the list is a table, or JSON', async () => {
  const items = [{ name: 'test-on-save', value: 'on', meaning: 'run the script' }];
  const { asked, written } = await settings({ items }, 'list');
  assert.deepEqual(asked, [['GET', '/settings']]);
  assert.match(written, /^NAME +VALUE +MEANING\ntest-on-save +on +run the script\n$/);
  assert.deepEqual(JSON.parse((await settings({ items }, 'list', '--json')).written), items);
});
