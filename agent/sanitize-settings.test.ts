import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { sanitizePatterns } from './sanitize-settings.ts';
import { SettingsError } from './setting-values.ts';

const at = (text: string) => ({ text, from: '--sanitize-patterns', strength: 3 });

test('the file in the home folder counts where none is named, and is not needed', () => {
  using folder = temporaryFolder();
  assert.deepEqual(sanitizePatterns(undefined, folder.file(''))('abc'), []);
  assert.deepEqual(sanitizePatterns(undefined, undefined)('abc'), []);
  writeFileSync(folder.file('sanitize-patterns.txt'), 'b\n');
  assert.deepEqual(sanitizePatterns(undefined, folder.file(''))('abc'), [[1, 2]]);
  writeFileSync(folder.file('named'), 'c\n');
  assert.deepEqual(sanitizePatterns(at(folder.file('named')), folder.file(''))('abc'), [[2, 3]]);
});

test('a file that is named and missing, or holds no pattern, keeps the agent from starting', () => {
  using folder = temporaryFolder();
  const refused = (act: () => unknown, message: RegExp) =>
    assert.throws(act, error => {
      assert.ok(error instanceof SettingsError);
      assert.match(error.message, message);
      return true;
    });
  const missing = folder.file('missing');
  refused(
    () => sanitizePatterns(at(missing), undefined),
    /^--sanitize-patterns: cannot read the file of patterns \S+ \(ENOENT\)$/,
  );
  const usual = folder.file('sanitize-patterns.txt');
  writeFileSync(usual, 'a\n(hunter2\n');
  refused(
    () => sanitizePatterns(undefined, folder.file('')),
    /^LEGATE_SANITIZE_PATTERNS \(by default\): \S+: line 2 is not a regular expression$/,
  );
  if (process.getuid?.() === 0) return;
  chmodSync(usual, 0);
  refused(() => sanitizePatterns(undefined, folder.file('')), /\(EACCES\)$/);
});
