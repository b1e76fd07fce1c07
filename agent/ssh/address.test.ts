import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf, checkHop, formatHost, isHost, parseHost } from './address.ts';
import { HostError } from './connection.ts';

const hosts = [
  'db',
  'db1.example',
  'a-b.c_d',
  '_srv.example',
  'db.',
  '10.0.0.1',
  '::1',
  'fe80::1%eth0',
  '::ffff:10.0.0.1',
  'xn--e1afmkfd.example',
  '1a.example',
  '10.example',
];
const others = [
  '',
  '-oProxyCommand=x',
  '-db',
  'db-',
  'a b',
  'a\nb',
  'a\0b',
  '`x`',
  '$(x)',
  'a;b',
  'a@b',
  'a/b',
  '[::1]',
  'a:22',
  '%h',
  '::1%`x`',
  'fe80::1%',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '10.0.0',
  '010.0.0.0x1',
  'a..b',
  '.',
  'é.example',
  'x'.repeat(254),
  '*',
];

test('names and addresses are told from everything else', () => {
  for (const host of hosts) assert.ok(isHost(host), host);
  for (const host of others) assert.ok(!isHost(host), JSON.stringify(host));
});

test('host, port and user are checked once more, with the field in the error', () => {
  checkHop({ host: 'db', port: 22, user: 'a.b@c+d-e' });
  const field = (changes: Partial<Parameters<typeof checkHop>[0]>) => {
    try {
      checkHop({ host: 'db', port: 22, user: 'deploy', ...changes });
    } catch (error) {
      assert.ok(error instanceof HostError);
      return error.message;
    }
    return 'no error';
  };
  for (const host of others) assert.match(field({ host }), /^the target's host must be/);
  for (const port of [0, -1, 65_536, 1.5, Number.NaN])
    assert.match(field({ port }), /^the target's port must be/);
  for (const user of [
    '',
    '-l',
    '-oProxyCommand=x',
    'a b',
    'a\n',
    '`x`',
    '$(id)',
    'a%h',
    "a'",
    'a\0',
    '@x',
    '+x',
  ])
    assert.match(field({ user }), /^the target's user must be/, user);
});

test('a host with a port is read as it is written', () => {
  for (const [text, host, port] of [
    ['db', 'db', 22],
    ['db:2222', 'db', 2222],
    ['::1', '::1', 22],
    ['[::1]:2222', '::1', 2222],
    ['10.0.0.1:2222', '10.0.0.1', 2222],
  ] as const) {
    assert.deepEqual(parseHost(text), { host, port });
    assert.equal(formatHost(host, port), text);
  }
  assert.deepEqual(parseHost('[::1]'), { host: '::1', port: 22 });
  for (const text of ['db:', 'db:0', 'db:65536', 'db:x', ':22', '-x', 'a b', '[db', 'u@db'])
    assert.equal(parseHost(text), undefined, text);
});

test('an address is not resolved, and a name that cannot be is told with the reason', async () => {
  const never = () => Promise.reject(new Error('asked'));
  assert.deepEqual(await addressesOf('::1', never), [{ address: '::1', family: 6 }]);
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error('x'), { code }));
  const told = (why: string) => (error: unknown) =>
    error instanceof HostError &&
    error.reason === 'host-unreachable' &&
    error.message === `the delegate could not resolve the name db (${why})`;
  await assert.rejects(addressesOf('db', failing('ENOTFOUND')), told('no such name'));
  await assert.rejects(addressesOf('db', failing('EAI_AGAIN')), told('EAI_AGAIN'));
  await assert.rejects(
    addressesOf('db', () => Promise.resolve([])),
    told('no address'),
  );
});
