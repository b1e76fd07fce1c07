import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import { formatReference, parseReference } from './reference.ts';

/** The message with which a reference is refused. */
function refusal(text: string): string {
  try {
    parseReference(text);
  } catch (error) {
    assert.ok(error instanceof RequestError);
    assert.equal(error.code, 'INVALID_IDENTIFIER_REF');
    return error.message;
  }
  return assert.fail(`"${text}" was taken`);
}

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

test('a reference without prefix means a project, and is never looked for in the account', () => {
  assert.equal(
    refusal('db_password'),
    'ProjectIdentifier cannot be empty for PROJECT scope (write "account.db_password" for the account\'s)',
  );
});

test('an organisation reference needs an organisation', () => {
  assert.equal(refusal('org.db_password'), 'OrgIdentifier cannot be empty for ORG scope');
});

test('any other prefix, and more than one dot, is refused with two blanks before "for"', () => {
  for (const text of ['project.x', 'Account.x', 'ACCOUNT.x', 'account.a.b', 'org.a.b', '.x', '..', 'a.'])
    assert.equal(refusal(text), invalid(text));
});
