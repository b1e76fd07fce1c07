// The operator's page says what every failure means: none of the guarded lists may have one that it does not name.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { closeCode, failureReasons, fatalClose } from '../protocol/index.ts';

const page = readFileSync(new URL('../docs/operating-a-delegate.md', import.meta.url), 'utf8');

/** The rows of the first table below a heading. */
function rowsBelow(heading: string): string[][] {
  const start = page.indexOf(`\n${heading}\n`);
  assert.notEqual(start, -1, `there is no heading "${heading}"`);
  const lines = /^\|.*(\n\|.*)*/m.exec(page.slice(start))?.[0].split('\n') ?? [];
  return lines.slice(2).map(line =>
    line
      .slice(1, -1)
      .split(' | ')
      .map(cell => cell.trim().replaceAll('`', '')),
  );
}

test('every failure reason has its row, in the order of the list, with what to do', () => {
  const rows = rowsBelow('### A fetch that failed');
  assert.deepEqual(
    rows.map(([reason]) => reason),
    failureReasons,
  );
  for (const [reason, means, act] of rows) assert.ok(means && act, reason);
});

test('every close code that is not fatal has its row, and the fatal ones are there by their exit codes', () => {
  const codes = Object.values(closeCode);
  const isOrdinary = (code: number) => code === closeCode.normal;
  const others = codes.filter(code => !fatalClose(code) && !isOrdinary(code));
  // 1006 is what a library says of a connection that ended without a word.
  const expected = [...others, 1006].toSorted((a, b) => a - b).map(String);
  assert.deepEqual(
    rowsBelow('### A connection that was closed').map(([code]) => code),
    expected,
  );
  const exitCodes = rowsBelow('## Stopping').map(([code]) => Number(code));
  for (const code of codes) {
    const fatal = fatalClose(code);
    if (fatal) assert.ok(exitCodes.includes(fatal.exitCode), `exit code ${fatal.exitCode}`);
  }
});
