/** `docs/audit.md` and `docs/permissions.md` say what the code does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { type Action, actions, allowedActions, roles } from '../domain/permissions.ts';
import { auditFields } from './record.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** The rows of the table with this first column, as their cells. */
function rowsOf(text: string, column: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex(line => line.startsWith(`| ${column} |`));
  assert.notEqual(start, -1);
  const rows = lines.slice(start);
  const end = rows.findIndex(line => !line.startsWith('|'));
  return rows
    .slice(0, end)
    .filter(line => !line.startsWith('| ---'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(text => text.trim().replaceAll('`', '')),
    );
}

test('every field of a record is explained, and no other', () => {
  const [, ...rows] = rowsOf(read('audit.md'), 'field');
  assert.deepEqual(
    rows.map(([name]) => name),
    auditFields,
  );
  for (const [name, meaning] of rows) assert.ok(meaning, name);
});

test('the table of roles and actions is the one that decides', () => {
  const [heading = [], ...rows] = rowsOf(read('permissions.md'), 'role');
  assert.deepEqual(heading.slice(1), actions);
  const shown = rows.map(([role, ...cells]) => [role, actions.filter((_, index) => cells[index] === 'yes')]);
  assert.deepEqual(
    shown,
    roles.map(role => [role, actions.filter(action => allowedActions[role].includes(action))]),
  );
});

test('every action is explained, and what a route needs is an action', () => {
  const text = read('permissions.md');
  const [, ...explained] = rowsOf(text, 'action');
  assert.deepEqual(
    explained.map(([name]) => name),
    actions,
  );
  const known = new Set<string | undefined>(actions satisfies readonly Action[]);
  const [, ...routes] = rowsOf(text, 'route, below `/api/v1`');
  for (const [route, action] of routes) assert.ok(known.has(action), route);
});
