import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import {
  formatReference,
  parseFieldReference,
  parseReference,
  type Reference,
  relativeReference,
  resolveReference,
  sameReference,
} from './reference.ts';
import type { Scope } from './scope.ts';

/** The message with which something is refused. */
function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof RequestError);
    assert.equal(error.code, 'INVALID_IDENTIFIER_REF');
    return error.message;
  }
  return assert.fail('it was taken');
}
const refusal = (text: string, base?: Scope) => refusalOf(() => parseReference(text, base));

const invalid = (text: string) =>
  `Invalid Identifier Reference ${text}. Valid references must be one of the following formats [ id, org.id, account.id ]  for scope [ project, organisation, account ] respectively`;

test('an account reference is read, blanks around it aside, and written back', () => {
  const reference = parseReference('  account.db_password\n');
  assert.deepEqual(reference, { scope: 'account', identifier: 'db_password' });
  assert.equal(formatReference(reference), 'account.db_password');
});

test('an identifier may hold letters, digits, _ and $, up to 128 of them', () => {
  for (const identifier of ['_', 'A9_$', `a${'b'.repeat(127)}`])
    assert.equal(parseReference(`account.${identifier}`).identifier, identifier);
  for (const identifier of ['', '9a', '$a', 'a-b', 'a b', 'é', `a${'b'.repeat(128)}`, 'a\nb'])
    assert.equal(refusal(`account.${identifier}`), invalid(`account.${identifier}`));
});

test('an empty reference is refused in the words of the original', () => {
  assert.equal(refusal(''), 'Empty identifier values are not supported');
  assert.equal(refusal(' \t\n'), 'Empty identifier values are not supported');
});

test('a reference without prefix means the project, and is never looked for above it', () => {
  const id = { identifier: 'db' };
  assert.deepEqual(parseReference('db', 'org/pay/demo'), { scope: 'org/pay/demo', ...id });
  for (const base of ['account', 'org/pay'] as const)
    assert.equal(refusal('db', base), 'ProjectIdentifier cannot be empty for PROJECT scope');
});

test('org. means the organisation of whoever refers, account. the account from everywhere', () => {
  for (const base of ['org/pay', 'org/pay/demo'] as const)
    assert.deepEqual(parseReference('org.db', base), { scope: 'org/pay', identifier: 'db' });
  assert.equal(refusal('org.db'), 'OrgIdentifier cannot be empty for ORG scope');
  for (const base of ['account', 'org/pay', 'org/pay/demo'] as const)
    assert.deepEqual(parseReference('account.db', base), { scope: 'account', identifier: 'db' });
});

test('any other prefix, and more than one dot, is refused with two blanks before "for"', () => {
  for (const text of ['project.x', 'Account.x', 'ACCOUNT.x', 'account.a.b', 'org.a.b', '.x', '..', 'a.'])
    assert.equal(refusal(text), invalid(text));
});

const everywhere: [reference: Reference, absolute: string, relative: string][] = [
  [{ scope: 'account', identifier: 'db' }, 'account.db', 'account.db'],
  [{ scope: 'org/pay', identifier: 'db' }, 'org/pay/db', 'org.db'],
  [{ scope: 'org/pay/demo', identifier: 'db' }, 'org/pay/demo/db', 'db'],
];

test('the absolute form of every scope is read back, whatever the base', () => {
  for (const [reference, absolute] of everywhere) {
    assert.equal(formatReference(reference), absolute);
    for (const base of ['account', 'org/other/x'] as const)
      assert.deepEqual(resolveReference(` ${absolute} `, base), reference);
  }
});

test('the form of a document is read back in its scope', () => {
  for (const [reference, , relative] of everywhere) {
    assert.equal(relativeReference(reference, 'org/pay/demo'), relative);
    assert.deepEqual(resolveReference(relative, 'org/pay/demo'), reference);
  }
});

test('an absolute form has to name a scope and an identifier', () => {
  for (const text of ['org/pay/', 'org//db', 'org/pay/demo/x/db', 'x/db', '/db', 'org/../db'])
    assert.throws(() => resolveReference(text), RequestError, text);
});

test('a field names itself, and the level that cannot be reached from where it stands', () => {
  const field = (text: string, base: Scope) =>
    refusalOf(() => parseFieldReference(text, base, 'templateRef'));
  assert.equal(field(' ', 'account'), 'Empty identifier ref cannot be used for templateRef');
  for (const text of ['project.x', 'account.a.b', 'a-b', 'account.', '.x'])
    assert.equal(field(text, 'org/pay/demo'), 'Invalid Identifier Reference used for templateRef');
  assert.equal(
    field(' x ', 'org/pay'),
    'The project level templateRef cannot be used at org level. Ref: [x]',
  );
  assert.equal(
    field('org.x', 'account'),
    'The org level templateRef cannot be used at account level. Ref: [org.x]',
  );
  assert.deepEqual(parseFieldReference('org.x', 'org/pay/demo', 'templateRef'), {
    scope: 'org/pay',
    identifier: 'x',
  });
});

test('two references are the same when scope and identifier are', () => {
  const account: Reference = { scope: 'account', identifier: 'db' };
  const org: Reference = { scope: 'org/pay', identifier: 'db' };
  assert.ok(sameReference(account, { ...account }));
  assert.ok(!sameReference(account, org));
  assert.ok(!sameReference(account, { ...account, identifier: 'DB' }));
});
