import assert from 'node:assert/strict';
import test from 'node:test';
import { checkNetworks, isAmong } from './networks.ts';

test('an address is among networks of its own kind, and single addresses', () => {
  const networks = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', 'fd00::1'];
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '2001:db8:1::2', 'fd00::1'])
    assert.ok(isAmong(networks, address), address);
  for (const address of ['11.0.0.0', '192.0.2.8', '2001:db9::1', 'fd00::2', '', undefined, 'host', '::1'])
    assert.ok(!isAmong(networks, address), String(address));
  assert.ok(isAmong(['0.0.0.0/0'], '203.0.113.9'));
  assert.ok(isAmong(['fe80::/10'], 'fe80::1%eth0'));
});

test('what is no address and no network is refused by name', () => {
  checkNetworks(['10.0.0.0/8', '::/0', '127.0.0.1']);
  for (const text of [
    '',
    'host',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0/8',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    'fe80::1%0',
  ])
    assert.throws(() => checkNetworks([text]), /networks must hold addresses or networks/, text);
});
