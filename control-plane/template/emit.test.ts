import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdsReferences } from './emit.ts';
import type { Form } from './placement.ts';
import { readShell } from './read-shell.ts';

const holds = (text: string, ...forms: Form[]) =>
  holdsReferences(
    text,
    readShell(text),
    forms.map(form => ({ start: 0, end: 0, form, number: 1 })),
  );

test('references are counted only where the shell expands them whole', () => {
  assert.equal(holds('echo "${__legate_1}" "${u:-${__legate_2}}"', 'plain', 'plain'), true);
  assert.equal(holds('echo ${__legate_1:+"${__legate_1}"} # ', 'vanishing', 'dropped'), true);
  assert.equal(holds('cat <<E\n${__legate_1}\nE', 'plain'), true);
});

test('a program that lacks a reference, or has one in a wrong place, is noticed', () => {
  assert.equal(holds('echo "${__legate_1}"', 'plain', 'plain'), false);
  assert.equal(holds('echo "${__legate_1}" "${__legate_1}"', 'plain'), false);
  assert.equal(holds("echo '${__legate_1}'", 'plain'), false);
  assert.equal(holds('echo ${__legate_1}', 'plain'), false);
  assert.equal(holds('echo "\\${__legate_1}"', 'plain'), false);
  assert.equal(holds("cat <<'E'\n${__legate_1}\nE", 'plain'), false);
  assert.equal(holds('echo $((${__legate_1}))', 'plain'), false);
  assert.equal(holds('echo "${__legate_1}', 'plain'), false);
});
