import assert from 'node:assert/strict';
import test from 'node:test';
import { checkGrants, commonScope, formatGrant } from './grants.ts';

test('references in a grant are kept in their absolute form, read against its scope', () => {
  assert.deepEqual(
    checkGrants([
      { role: 'admin' },
      { role: 'fetcher', scope: 'org/payments/demo', secret: 'db', connector: 'org.vault' },
      { role: 'fetcher', scope: 'org/payments', secret: 'org/payments/demo/db' },
      { role: 'fetcher', scope: 'org/payments', connector: 'account.vault' },
    ]),
    [
      { role: 'admin', scope: 'account' },
      {
        role: 'fetcher',
        scope: 'org/payments/demo',
        secret: 'org/payments/demo/db',
        connector: 'org/payments/vault',
      },
      { role: 'fetcher', scope: 'org/payments', secret: 'org/payments/demo/db' },
      { role: 'fetcher', scope: 'org/payments', connector: 'account.vault' },
    ],
  );
});

test('every wrong grant is told, by its place and rule', () => {
  const asked = [
    { role: 'root' },
    { role: 'viewer', scope: 'account' },
    { role: 'editor', secret: 'account.x' },
    { role: 'fetcher', scope: 'team/x' },
    { role: 'fetcher', scope: 'org/payments', secret: 'account.x' },
    { role: 'fetcher', scope: 'org/payments', connector: 'org/other/x' },
    { role: 'fetcher', scope: 'org/payments', secret: 'x' },
  ];
  assert.throws(() => checkGrants(asked), {
    code: 'INVALID_REQUEST',
    message:
      'Invalid request: grants[0]: role must be one of viewer, editor, admin, fetcher (got "root")\n' +
      'grants[2]: only the role fetcher can be narrowed to a connector or a secret (this one is editor)\n' +
      'grants[3]: a scope is account, org/ORG or org/ORG/PROJECT (got "team/x")\n' +
      'grants[4]: a fetcher in org/payments never comes to the secret account.x; choose a scope that holds it\n' +
      'grants[5]: a fetcher in org/payments never comes to the connector org/other/x; choose a scope that holds it\n' +
      'grants[6]: ProjectIdentifier cannot be empty for PROJECT scope',
  });
});

test('a key without grants is refused', () => {
  assert.throws(() => checkGrants([]), /grants must hold at least one/);
});

test('a grant is written as it is asked for', () => {
  const [plain, narrowed] = checkGrants([
    { role: 'viewer' },
    { role: 'fetcher', scope: 'org/payments', connector: 'account.vault', secret: 'org.db' },
  ]);
  assert.ok(plain && narrowed);
  assert.equal(formatGrant(plain), 'viewer@account');
  assert.equal(formatGrant(narrowed), 'fetcher@org/payments:connector=account.vault:secret=org/payments/db');
});

test('what a key is about is the narrowest scope that holds all of its grants', () => {
  const common = (...scopes: string[]) =>
    commonScope(checkGrants(scopes.map(scope => ({ role: 'viewer', scope }))));
  assert.equal(common('org/a/x'), 'org/a/x');
  assert.equal(common('org/a/x', 'org/a/y'), 'org/a');
  assert.equal(common('org/a', 'org/a/y'), 'org/a');
  assert.equal(common('org/a/x', 'org/b/x'), 'account');
  assert.equal(commonScope([]), 'account');
});
