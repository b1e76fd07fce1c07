import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import { admission, type HostPattern, parsePattern } from './allow.ts';
import { HostError } from './connection.ts';

const patterns = (texts: readonly string[]): HostPattern[] =>
  texts.map(text => {
    const pattern = parsePattern(text);
    assert.ok(pattern, `${text} is a pattern`);
    return pattern;
  });

interface Asked {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  readonly addresses?: readonly string[];
}

/** The addresses that may be connected to, or why there is none. */
function ask(lists: { allow?: string[]; deny?: string[] }, asked: Asked): string {
  const { host, user = 'deploy', port = 22, addresses = ['10.1.2.3'] } = asked;
  const { checkName, admit } = admission(patterns(lists.allow ?? []), patterns(lists.deny ?? []));
  const hop = { host, user, port };
  try {
    checkName(hop, true);
    const found = addresses.map(address => ({ address, family: isIP(address) === 6 ? 6 : 4 }) as const);
    return admit(hop, found)
      .map(({ address }) => address)
      .join(' ');
  } catch (error) {
    assert.ok(error instanceof HostError);
    assert.equal(error.reason, 'rejected-by-delegate');
    return error.message.replace(/^.*: /, '');
  }
}

const notListed = 'LEGATE_SSH_ALLOW does not list it';

test('without lists every host is a target', () => {
  assert.equal(ask({}, { host: 'db' }), '10.1.2.3');
});

describe('LEGATE_SSH_ALLOW', () => {
  const cases: [pattern: string, asked: Asked, allowed: boolean][] = [
    ['db.example', { host: 'db.example' }, true],
    ['db.example', { host: 'DB.example.' }, true],
    ['db.example', { host: 'web.example' }, false],
    ['db.example', { host: 'db-example' }, false],
    ['*.example', { host: 'a.b.example' }, true],
    ['db?', { host: 'db1' }, true],
    ['db:2222', { host: 'db', port: 2222 }, true],
    ['db:2222', { host: 'db' }, false],
    ['db:*', { host: 'db', port: 7 }, true],
    ['deploy@db', { host: 'db' }, true],
    ['deploy@db', { host: 'db', user: 'root' }, false],
    ['dep*@db', { host: 'db' }, true],
    ['a@realm@db', { host: 'db', user: 'a@realm' }, true],
    ['deploy@*', { host: 'x', user: 'Deploy' }, false],
    ['10.1.2.3', { host: 'db' }, true],
    ['10.1.0.0/16', { host: 'db' }, true],
    ['10.2.0.0/16', { host: 'db' }, false],
    ['10.1.2.3:22', { host: '10.1.2.3' }, true],
    ['10.1.2.3:23', { host: '10.1.2.3' }, false],
    ['fd00::/8', { host: 'db', addresses: ['fd00::1'] }, true],
    ['[fd00::/8]:22', { host: 'db', addresses: ['fd12::1'] }, true],
    ['[::1]:2222', { host: '::1', port: 2222, addresses: ['::1'] }, true],
    ['[::1]:2222', { host: '::1', addresses: ['::1'] }, false],
    // A name that looks like a listed address is not one.
    ['10.1.2.3', { host: '10.1.2.3.example', addresses: ['10.9.9.9'] }, false],
  ];
  for (const [pattern, asked, allowed] of cases) {
    test(`${pattern} ${allowed ? 'lists' : 'does not list'} ${JSON.stringify(asked)}`, () => {
      assert.equal(
        ask({ allow: [pattern] }, asked),
        allowed ? (asked.addresses ?? ['10.1.2.3']).join(' ') : notListed,
      );
    });
  }
});

test('of the addresses of a name only those that are listed are used', () => {
  const addresses = ['10.1.2.3', '10.2.2.3', '::1'];
  assert.equal(ask({ allow: ['10.2.0.0/16'] }, { host: 'db', addresses }), '10.2.2.3');
  assert.equal(ask({ deny: ['loopback', '10.1.0.0/16'] }, { host: 'db', addresses }), '10.2.2.3');
});

describe('LEGATE_SSH_DENY', () => {
  const denied: [list: string, asked: Asked][] = [
    ['metadata', { host: 'db', addresses: ['169.254.169.254'] }],
    ['metadata', { host: '169.254.169.254', addresses: ['169.254.169.254'] }],
    ['metadata', { host: 'db', addresses: ['fd00:ec2::254'] }],
    ['metadata', { host: 'db', addresses: ['::ffff:169.254.169.254'] }],
    ['metadata', { host: 'db', addresses: ['::ffff:a9fe:a9fe'] }],
    ['loopback', { host: 'localhost', addresses: ['127.0.0.1'] }],
    ['loopback', { host: 'localhost', addresses: ['127.8.8.8', '::1'] }],
    ['loopback', { host: 'x', addresses: ['0.0.0.0'] }],
    ['loopback', { host: 'x', addresses: ['::ffff:127.0.0.1'] }],
    ['link-local', { host: 'x', addresses: ['fe80::1%eth0'] }],
    ['10.0.0.0/8', { host: 'db' }],
    ['db', { host: 'DB' }],
    ['root@*', { host: 'db', user: 'root' }],
  ];
  for (const [list, asked] of denied) {
    test(`${list} keeps from ${JSON.stringify(asked)}, whatever is allowed`, () => {
      assert.match(ask({ allow: ['*'], deny: [list] }, asked), /^LEGATE_SSH_DENY lists "/);
    });
  }

  test('leaves the others alone', () => {
    const deny = ['metadata', 'loopback', 'link-local', 'root@*', 'web:22'];
    assert.equal(ask({ deny }, { host: 'db' }), '10.1.2.3');
    assert.equal(ask({ deny }, { host: 'web', port: 2222 }), '10.1.2.3');
  });
});

test('what is no pattern is told from one', () => {
  for (const text of [
    '',
    '@',
    'a b',
    'db:0',
    'db:65536',
    'db:x',
    '10.0.0.0/33',
    '10.0.0.0/',
    'fd00::/129',
    '$(x)',
    'a@',
    '-o`x`',
    'a/b',
    '[fd00::]/8',
  ])
    assert.equal(parsePattern(text), undefined, text);
});

describe('a host behind another one, whose addresses nobody here sees', () => {
  const cases: [lists: { allow?: string[]; deny?: string[] }, host: string, allowed: boolean][] = [
    [{ deny: ['metadata'] }, '169.254.169.254', false],
    [{ deny: ['loopback'] }, '127.0.0.1', false],
    [{ deny: ['loopback'] }, '::1', false],
    [{ deny: ['loopback'] }, '::127.0.0.1', false],
    [{ deny: ['metadata'] }, '64:ff9b::169.254.169.254', false],
    [{ deny: ['metadata'] }, '64:ff9b::a9fe:a9fe', false],
    [{ deny: ['10.0.0.0/8'] }, '64:ff9b::b01:203', true],
    [{ allow: ['10.0.0.0/8'] }, '64:ff9b::10.1.2.3', false],
    [{ deny: ['10.0.0.0/8'] }, '10.1.2.3', false],
    [{ deny: ['10.0.0.0/8'] }, '192.168.0.1', true],
    [{ allow: ['10.0.0.0/8'] }, '10.1.2.3', true],
    [{ allow: ['10.0.0.0/8'] }, '192.168.0.1', false],
    // It might be in that network, but that is for somebody else to find out.
    [{ allow: ['10.0.0.0/8'] }, 'db.example', false],
    [{ allow: ['db.example'] }, 'db.example', true],
  ];
  for (const [lists, host, allowed] of cases)
    test(`${JSON.stringify(lists)} ${allowed ? 'lets' : 'does not let'} ${host} be one`, () => {
      const { checkName } = admission(patterns(lists.allow ?? []), patterns(lists.deny ?? []));
      const check = () => checkName({ host, user: 'deploy', port: 22 }, false);
      if (allowed) check();
      else assert.throws(check, { reason: 'rejected-by-delegate' });
    });
});
