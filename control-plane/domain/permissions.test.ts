import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type Action,
  actions,
  administersAll,
  allowedActions,
  allows,
  type Grant,
  type Role,
  roles,
  type Target,
} from './permissions.ts';
import type { Scope } from './scope.ts';

const scopes: readonly Scope[] = [
  'account',
  'org/payments',
  'org/payments/demo',
  'org/payments/demo2',
  'org/pay',
  'org/other',
  'org/other/demo',
];
const narrowings = [{}, { connector: 'c' }, { secret: 's' }, { connector: 'c', secret: 's' }];
const grants: readonly Grant[] = roles.flatMap(role =>
  scopes.flatMap(scope => narrowings.map(narrowing => ({ role, scope, ...narrowing }))),
);
const targets: readonly Target[] = scopes.flatMap(scope =>
  [
    {},
    ...['c', 'C', 'cc'].map(connector => ({ connector })),
    ...['s', 'S', 's2'].map(secret => ({ secret })),
    { connector: 'c', secret: 's' },
    { connector: 'c', secret: 'x' },
    { connector: 'x', secret: 's' },
  ].map(about => ({ scope, ...about })),
);

/** The rules once more, in other words: whole path segments, and every narrowing met. */
function expected({ role, scope, connector, secret }: Grant, action: Action, target: Target): boolean {
  const does: Record<Role, string> = {
    viewer: 'view',
    editor: 'view edit use',
    admin: 'view edit use fetch administer',
    fetcher: 'use fetch',
  };
  const below = scope === 'account' || `${target.scope}/`.startsWith(`${scope}/`);
  const narrowed =
    (connector !== undefined && connector !== target.connector) ||
    (secret !== undefined && secret !== target.secret);
  return does[role].split(' ').includes(action) && below && !narrowed;
}

test('one grant allows what its role does, in its scope and below, within its narrowing, and nothing else', () => {
  for (const grant of grants)
    for (const action of actions)
      for (const target of targets)
        assert.equal(
          allows([grant], action, target),
          expected(grant, action, target),
          JSON.stringify({ grant, action, target }),
        );
});

test('several grants allow what one of them allows: they never add up to more', () => {
  const some = grants.filter((_, index) => index % 7 === 0);
  for (const [index, first] of some.entries())
    for (const second of some.slice(index + 1))
      for (const action of actions)
        for (const target of targets.slice(0, 20))
          assert.equal(
            allows([first, second], action, target),
            expected(first, action, target) || expected(second, action, target),
          );
});

test('no grant allows nothing', () => {
  for (const action of actions) for (const target of targets) assert.equal(allows([], action, target), false);
});

test('only administrators and fetchers get values, and only administrators administer', () => {
  const may = (action: Action) => roles.filter(role => allowedActions[role].includes(action));
  assert.deepEqual(may('fetch'), ['admin', 'fetcher']);
  assert.deepEqual(may('administer'), ['admin']);
  assert.deepEqual(may('edit'), ['editor', 'admin']);
});

test('a key is administered by whoever administers every scope in which it may do something', () => {
  const own: Grant[] = [
    { role: 'admin', scope: 'org/payments' },
    { role: 'viewer', scope: 'account' },
  ];
  const other = (...scopes: Scope[]) => scopes.map((scope): Grant => ({ role: 'viewer', scope }));
  assert.equal(administersAll(own, other('org/payments', 'org/payments/demo')), true);
  assert.equal(administersAll(own, other('org/payments', 'org/other')), false);
  assert.equal(administersAll(own, other('account')), false);
  assert.equal(administersAll([{ role: 'admin', scope: 'account' }], other(...scopes)), true);
});

test("a key without rights is the account's administrators', not everybody's", () => {
  assert.equal(administersAll([{ role: 'admin', scope: 'org/payments' }], []), false);
  assert.equal(administersAll([{ role: 'admin', scope: 'account' }], []), true);
});
