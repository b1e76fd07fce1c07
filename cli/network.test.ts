import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { followEnvironment } from './network.ts';
import { UsageError } from './settings.ts';

const refused = (env: Record<string, string>, message: RegExp) =>
  assert.throws(
    () => followEnvironment(env),
    error => error instanceof UsageError && message.test(error.message) && !error.message.includes('secret'),
    String(message),
  );

test('a file of CAs that cannot be used is a wrong setting', () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('empty'), 'no certificate');
  refused({ LEGATE_CA_FILE: folder.file('nowhere') }, /^LEGATE_CA_FILE: cannot read .*nowhere \(ENOENT\)$/);
  refused(
    { LEGATE_CA_FILE: folder.file('empty') },
    /^LEGATE_CA_FILE: .*empty does not hold certificates \(PEM\)$/,
  );
});

test('so is an address that is none of a proxy, and it is not repeated', () => {
  refused({ HTTPS_PROXY: 'socks5://u:secret@proxy:1' }, /^HTTPS_PROXY must be the address of an HTTP proxy/);
  refused({ https_proxy: 'u:secret@' }, /^HTTPS_PROXY must be the address of an HTTP proxy/);
});

test('without settings nothing changes', () => {
  followEnvironment({ HTTPS_PROXY: ' ', LEGATE_CA_FILE: '' });
});
