import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkWithBash } from './bash-syntax.ts';

test('a valid script is valid, and an open here-document is told', async () => {
  assert.deepEqual(await checkWithBash('echo a\n'), { kind: 'valid', leavesHereDocumentOpen: false });
  assert.deepEqual(await checkWithBash('cat <<X\n'), { kind: 'valid', leavesHereDocumentOpen: true });
});

test('a wrong script comes with the line and the words of bash', async () => {
  assert.deepEqual(await checkWithBash('echo\nif x; fi\n'), {
    kind: 'invalid',
    line: 2,
    message: "near unexpected token `fi'",
  });
});

test('asking runs nothing, and the environment has no say', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'legate-syntax-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const made = join(directory, 'made');
  const startup = join(directory, 'startup');
  writeFileSync(startup, `touch ${made}\ncat <<X\n`);
  process.env.BASH_ENV = startup;
  t.after(() => delete process.env.BASH_ENV);
  assert.deepEqual(await checkWithBash(`touch ${made}; x=$(touch ${made})\n`), {
    kind: 'valid',
    leavesHereDocumentOpen: false,
  });
  assert.equal(existsSync(made), false);
});
