import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { readClientSettings, readPlace, UsageError } from './settings.ts';

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    readClientSettings(env);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return assert.fail('they were taken');
}

test('the server is the one on this machine unless it says otherwise', () => {
  const { server, apiKey } = readClientSettings({ LEGATE_API_KEY: ' key\n' });
  assert.deepEqual([server.href, apiKey], ['http://127.0.0.1:8080/', 'key']);
  const env = { LEGATE_API_KEY: 'key', LEGATE_SERVER: ' https://legate.example/base ' };
  assert.equal(readClientSettings(env).server.href, 'https://legate.example/base');
});

test('the key is read from a file, its line end aside; the variable is stronger', () => {
  using folder = temporaryFolder();
  const file = folder.file('key');
  writeFileSync(file, 'from-file\n');
  assert.equal(readClientSettings({ LEGATE_API_KEY_FILE: file }).apiKey, 'from-file');
  assert.equal(readClientSettings({ LEGATE_API_KEY_FILE: file, LEGATE_API_KEY: 'direct' }).apiKey, 'direct');
});

test('an address that is none is refused', () => {
  for (const text of ['legate.example', 'localhost:8080', 'ftp://x', 'http://'])
    assert.equal(
      refusal({ LEGATE_API_KEY: 'key', LEGATE_SERVER: text }),
      `LEGATE_SERVER must be an http or https address, as in https://legate.example (got "${text}")`,
    );
});

test('an address that holds a password is refused, and not repeated', () => {
  const message = refusal({ LEGATE_API_KEY: 'key', LEGATE_SERVER: 'https://me:hunter2@legate.example' });
  assert.equal(message, 'LEGATE_SERVER must not hold a user name or password; the key is LEGATE_API_KEY');
});

test('without a key it says where there is one', () => {
  for (const env of [{}, { LEGATE_API_KEY: ' ' }, { LEGATE_API_KEY_FILE: '' }])
    assert.match(refusal(env), /^LEGATE_API_KEY or LEGATE_API_KEY_FILE is required; .* admin\.key/);
});

test('a key file that cannot be read, or is empty, is named', () => {
  using folder = temporaryFolder();
  const file = folder.file('key');
  assert.equal(refusal({ LEGATE_API_KEY_FILE: file }), `LEGATE_API_KEY_FILE: cannot read ${file} (ENOENT)`);
  writeFileSync(file, '\n');
  assert.match(refusal({ LEGATE_API_KEY_FILE: file }), /is required/);
});

test('a key that no header could carry is refused, and not repeated', () => {
  for (const apiKey of ['hunter2\nx-other: y', 'hunter2é', 'hunter 2', 'x'.repeat(513)]) {
    const message = refusal({ LEGATE_API_KEY: apiKey });
    assert.equal(message, 'the API key must be one line of printable text');
  }
});

test('the place is what the options say, else the environment; an option for another organisation stands alone', () => {
  const env = { LEGATE_ORG: 'payments', LEGATE_PROJECT: 'demo' };
  const [orgIdentifier, projectIdentifier] = ['payments', 'demo'];
  assert.deepEqual(readPlace({}, {}), {});
  assert.deepEqual(readPlace({}, env), { orgIdentifier, projectIdentifier });
  assert.deepEqual(readPlace({ org: 'retail' }, env), { orgIdentifier: 'retail' });
  assert.deepEqual(readPlace({ project: 'shop' }, env), { orgIdentifier, projectIdentifier: 'shop' });
  assert.deepEqual(readPlace({ org: '', project: '' }, env), {});
  assert.deepEqual(readPlace({ org: ' payments ' }, {}), { orgIdentifier });
});

test('a project without an organisation is refused', () => {
  for (const [options, env] of [
    [{ project: 'demo' }, {}],
    [{}, { LEGATE_PROJECT: 'demo' }],
    [{ org: '', project: 'demo' }, {}],
  ] as const)
    assert.throws(() => readPlace(options, env), UsageError);
});
