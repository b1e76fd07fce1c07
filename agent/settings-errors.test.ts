/** A wrong setting is one line that names the setting, the rule and the fix, and never the token. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { type FlagValues, readSettings, SettingsError } from './settings.ts';
import { patternRule } from './ssh/allow.ts';

const token = 'tok-en.of~this+test';
const least = { LEGATE_URL: 'https://legate.example', LEGATE_TOKEN: token };

function errorOf(env: NodeJS.ProcessEnv, flags: FlagValues = {}): string {
  try {
    readSettings(flags, { ...env });
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    assert.ok(!/[\r\n]/.test(error.message), 'it is one line');
    assert.ok(!error.message.includes(token), 'it does not show the token');
    return error.message;
  }
  return 'no error';
}

const address = 'must be an address with http, https, ws or wss, as in https://legate.example';
const nameRule = 'must be 1 to 128 letters, digits, ".", "_" or "-", and begin with a letter or digit';
const listenRule = 'must be [host]:port or "off", as in ":3460" or "127.0.0.1:3460"';
const levels = 'fatal, error, warn, info, debug, trace, silent';
const noToken =
  'LEGATE_TOKEN or LEGATE_TOKEN_FILE is required: make a token with "legate delegate token create NAME"';
const tokenRule =
  'does not hold a token: it must be one line of printable text, at most 512 characters or a JWT';

const wrong: [env: Record<string, string | undefined>, message: string][] = [
  [
    { LEGATE_URL: undefined },
    'LEGATE_URL is required: the address of the control plane, as in https://legate.example',
  ],
  [{ LEGATE_URL: 'ftp://legate.example' }, `LEGATE_URL ${address}`],
  [{ LEGATE_URL: 'https://' }, `LEGATE_URL ${address}`],
  [{ LEGATE_URL: undefined, MANAGER_HOST_AND_PORT: 'a b' }, `MANAGER_HOST_AND_PORT ${address}`],
  [{ LEGATE_URL: `https://x:${token}@host` }, 'LEGATE_URL must not hold a user name or a password'],
  [{ LEGATE_NAME: 'a b' }, `LEGATE_NAME ${nameRule} (got "a b")`],
  [{ LEGATE_NAME: 'a\nb' }, `LEGATE_NAME ${nameRule} (got "a b")`],
  [{ LEGATE_NAME: '-a' }, `LEGATE_NAME ${nameRule} (got "-a")`],
  [{ DELEGATE_NAME: 'ä' }, `DELEGATE_NAME ${nameRule} (got "ä")`],
  [{ LEGATE_NAME: 'x'.repeat(129) }, `LEGATE_NAME ${nameRule} (got "${'x'.repeat(129)}")`],
  [{ LEGATE_TAGS: 'x,'.repeat(201) }, 'LEGATE_TAGS must hold at most 200 tags (got 201)'],
  [
    { DELEGATE_TAGS: `a,${'x'.repeat(257)}` },
    `DELEGATE_TAGS: a tag may have at most 256 characters ("${'x'.repeat(20)}…")`,
  ],
  [{ LEGATE_HEALTH_LISTEN: '3460' }, `LEGATE_HEALTH_LISTEN ${listenRule} (got "3460")`],
  [{ LEGATE_HEALTH_LISTEN: ':65536' }, `LEGATE_HEALTH_LISTEN ${listenRule} (got ":65536")`],
  [{ LEGATE_HEALTH_LISTEN: ':x' }, `LEGATE_HEALTH_LISTEN ${listenRule} (got ":x")`],
  ...['0', '-1', '1.5', '10001', 'x', '1e3', '9999999999'].map((text): [Record<string, string>, string] => [
    { LEGATE_MAX_TASKS: text },
    `LEGATE_MAX_TASKS must be a whole number from 1 to 10000 (got "${text}")`,
  ]),
  [
    { DELEGATE_TASK_LIMIT: 'many' },
    'DELEGATE_TASK_LIMIT must be a whole number from 1 to 10000 (got "many")',
  ],
  [{ LEGATE_LOG_LEVEL: 'loud' }, `LEGATE_LOG_LEVEL must be one of ${levels} (got "loud")`],
  [{ LEGATE_TASK_MEMORY: '15' }, 'LEGATE_TASK_MEMORY must be a whole number from 16 to 1048576 (got "15")'],
  [
    { LEGATE_DRAIN_TIMEOUT: '86401' },
    'LEGATE_DRAIN_TIMEOUT must be a whole number from 0 to 86400 (got "86401")',
  ],
  [{ LEGATE_WORK_DIR: 'work' }, 'LEGATE_WORK_DIR must be an absolute path (got "work")'],
  [{ LEGATE_SCRIPT_ENV: 'A,B-C' }, 'LEGATE_SCRIPT_ENV: "B-C" is not a variable name'],
  [{ LEGATE_SCRIPT_ENV: 'A=1' }, 'LEGATE_SCRIPT_ENV: "A=1" is not a variable name'],
  ...['LEGATE_TOKEN', 'DELEGATE_TOKEN', 'TOKEN'].map((name): [Record<string, string>, string] => [
    { LEGATE_SCRIPT_ENV: `A,${name}` },
    `LEGATE_SCRIPT_ENV: "${name}" holds the delegate's own token; remove it`,
  ]),
  [{ LEGATE_KNOWN_HOSTS: 'known' }, 'LEGATE_KNOWN_HOSTS must be an absolute path (got "known")'],
  [{ LEGATE_SSH_TRUST: 'all' }, 'LEGATE_SSH_TRUST must be one of strict, first-use (got "all")'],
  [
    { LEGATE_SSH_TRUST: 'first-use' },
    'LEGATE_SSH_TRUST: first-use needs LEGATE_KNOWN_HOSTS, where the keys are kept',
  ],
  [{ LEGATE_SSH_DENY: 'metadata, a b' }, `LEGATE_SSH_DENY: "a b" must be ${patternRule}`],
  [{ LEGATE_SSH_ALLOW: '10.0.0.0/33' }, `LEGATE_SSH_ALLOW: "10.0.0.0/33" must be ${patternRule}`],
  [
    { LEGATE_SSH_MAX_SESSIONS: '0' },
    'LEGATE_SSH_MAX_SESSIONS must be a whole number from 1 to 1000 (got "0")',
  ],
  [{ LEGATE_TOKEN: undefined }, noToken],
  [{ LEGATE_TOKEN: ' ' }, noToken],
  [{ LEGATE_TOKEN: `${token} x` }, `LEGATE_TOKEN ${tokenRule}`],
  [{ LEGATE_TOKEN: `${token}\nx` }, `LEGATE_TOKEN ${tokenRule}`],
  [{ LEGATE_TOKEN: `${token}é` }, `LEGATE_TOKEN ${tokenRule}`],
  [{ LEGATE_TOKEN: undefined, DELEGATE_TOKEN: token.repeat(40) }, `DELEGATE_TOKEN ${tokenRule}`],
  [{ LEGATE_CONFIG: '/nonexistent' }, 'LEGATE_CONFIG: cannot read the settings file /nonexistent (ENOENT)'],
  [
    { LEGATE_TOKEN: undefined, LEGATE_TOKEN_FILE: '/nonexistent' },
    'LEGATE_TOKEN_FILE: cannot read the token file /nonexistent (ENOENT)',
  ],
];

describe('the message for', () => {
  for (const [env, message] of wrong)
    test(JSON.stringify(env).slice(0, 100), () => assert.equal(errorOf({ ...least, ...env }), message));

  test('a flag names the flag', () => {
    assert.equal(errorOf(least, { name: 'a b' }), `--name ${nameRule} (got "a b")`);
    assert.equal(errorOf(least, { url: '' }), `--url ${address}`);
    assert.equal(errorOf(least, { workDir: 'x' }), '--work-dir must be an absolute path (got "x")');
    const missing = '--config: cannot read the settings file /nonexistent (ENOENT)';
    assert.equal(errorOf(least, { config: '/nonexistent' }), missing);
  });

  test('a line of a settings file says where it stands', () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('settings'), `NAME=a b\nTOKEN='${token} x'\n`);
    const config = folder.file('settings');
    assert.equal(errorOf(least, { config }), `NAME in the settings file ${nameRule} (got "a b")`);
    const { LEGATE_URL } = least;
    assert.equal(
      errorOf({ LEGATE_URL, LEGATE_NAME: 'x' }, { config }),
      `TOKEN in the settings file ${tokenRule}`,
    );
  });
});

describe('a token file', () => {
  test('may end in a line end, and is stronger or weaker by where it is named', () => {
    using folder = temporaryFolder();
    const [tokenFile, config] = [folder.file('token'), folder.file('settings')];
    writeFileSync(tokenFile, 'of-the-file\n');
    const read = (env: NodeJS.ProcessEnv, flags: FlagValues = {}) =>
      readSettings(flags, { LEGATE_URL: least.LEGATE_URL, ...env }).secrets.token;
    assert.equal(read({ LEGATE_TOKEN_FILE: tokenFile }), 'of-the-file');
    assert.equal(read({ DELEGATE_TOKEN_FILE: tokenFile }), 'of-the-file');
    assert.equal(read({}, { tokenFile }), 'of-the-file');
    assert.equal(read({ LEGATE_TOKEN: token, LEGATE_TOKEN_FILE: tokenFile }), token);
    assert.equal(read({ LEGATE_TOKEN: token }, { tokenFile }), 'of-the-file');
    writeFileSync(config, 'TOKEN=of-the-settings\n');
    assert.equal(read({ LEGATE_TOKEN_FILE: tokenFile }, { config }), 'of-the-file');
    assert.equal(read({}, { config }), 'of-the-settings');
    writeFileSync(config, `LEGATE_TOKEN_FILE=${tokenFile}\n`);
    assert.equal(read({ LEGATE_TOKEN: token }, { config }), token);
    assert.equal(read({}, { config }), 'of-the-file');
  });

  test('that holds no token is named, without what it holds', () => {
    using folder = temporaryFolder();
    const path = folder.file('token');
    mkdirSync(folder.file('folder'));
    for (const content of ['', '\n', `${token}\n${token}\n`, `token: ${token}`]) {
      writeFileSync(path, content);
      assert.equal(
        errorOf({ ...least, LEGATE_TOKEN: '', LEGATE_TOKEN_FILE: path }),
        `LEGATE_TOKEN_FILE ${tokenRule}`,
      );
    }
    const folderError = errorOf(least, { tokenFile: folder.file('folder') });
    assert.equal(folderError, `--token-file: cannot read the token file ${folder.file('folder')} (EISDIR)`);
  });
});

test('the variables that hold the token are gone from the environment when it has been read', () => {
  const env: NodeJS.ProcessEnv = {
    ...least,
    DELEGATE_TOKEN: 'x',
    TOKEN: 'y',
    LEGATE_TOKEN_FILE: '/z',
    OTHER: 'o',
  };
  const { secrets } = readSettings({}, env);
  assert.equal(secrets.token, token);
  assert.deepEqual(env, { LEGATE_URL: least.LEGATE_URL, LEGATE_TOKEN_FILE: '/z', OTHER: 'o' });
});

test('settings hold nothing of the token, so that they can be logged', () => {
  const { settings } = readSettings({}, { ...least, LEGATE_NAME: 'n' });
  assert.ok(!JSON.stringify({ ...settings, url: settings.url.href }).includes(token));
});
