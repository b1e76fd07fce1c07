import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noProxyParts, parseNoProxy } from './no-proxy.ts';

const rows: readonly [list: string, direct: readonly string[], through: readonly string[]][] = [
  ['', [], ['https://a.example', 'http://127.0.0.1']],
  ['*', ['https://a.example', 'wss://[::1]:8443', 'ws://10.1.2.3'], []],
  [
    'example.com',
    ['https://example.com', 'wss://a.b.example.com:8443', 'https://EXAMPLE.com./x'],
    ['https://notexample.com', 'https://example.com.other', 'https://com'],
  ],
  ['.example.com', ['https://a.example.com', 'https://example.com'], ['https://aexample.com']],
  ['*.example.com', ['https://a.example.com'], ['https://aexample.com']],
  ['Example.COM.', ['https://a.example.com'], []],
  [
    'example.com:8443',
    ['wss://example.com:8443', 'https://a.example.com:8443'],
    ['wss://example.com', 'https://example.com:443'],
  ],
  [
    'example.com:443',
    ['wss://example.com', 'https://example.com'],
    ['ws://example.com', 'http://example.com'],
  ],
  ['example.com:80', ['ws://example.com', 'http://example.com:80'], ['https://example.com']],
  ['*:8080', ['http://a:8080', 'http://10.0.0.1:8080'], ['http://a']],
  ['10.0.0.0/8', ['https://10.255.1.2:8443', 'ws://10.0.0.1'], ['https://11.0.0.1', 'https://10.example']],
  ['10.1.2.3', ['https://10.1.2.3'], ['https://10.1.2.4', 'https://110.1.2.3']],
  ['10.1.2.3:8443', ['https://10.1.2.3:8443'], ['https://10.1.2.3']],
  ['::1', ['https://[::1]', 'http://[0:0:0:0:0:0:0:1]:80'], ['https://[::2]', 'https://127.0.0.1']],
  ['[::1]:8443', ['https://[::1]:8443'], ['https://[::1]']],
  ['fd00::/8', ['https://[fd12:3456::1]'], ['https://[fe80::1]', 'https://fd00.example']],
  ['[fd00::]/8', ['https://[fd12:3456::1]'], ['https://[fe80::1]']],
  ['10.0.0.0/8', ['https://[::ffff:10.1.2.3]'], ['https://[::ffff:11.1.2.3]']],
  ['0.0.0.0/0', ['https://1.2.3.4'], ['https://a.example', 'https://[2001:db8::1]']],
  ['localhost', ['http://localhost:8080'], ['http://127.0.0.1:8080']],
  ['svc,.cluster.local', ['https://legate.svc', 'https://a.b.cluster.local'], ['https://svc.example']],
  ['a.example , b.example\tc.example', ['https://a.example', 'https://b.example', 'https://c.example'], []],
  ['bücher.example', ['https://xn--bcher-kva.example', 'https://shop.bücher.example'], []],
  ['under_score.example', ['https://under_score.example'], []],
];

for (const [list, direct, through] of rows) {
  test(`NO_PROXY="${list}"`, () => {
    const noProxy = parseNoProxy(noProxyParts(list), part => assert.fail(`"${part}" is refused`));
    for (const url of direct) assert.equal(noProxy.has(new URL(url)), true, `${url} is reached directly`);
    for (const url of through)
      assert.equal(noProxy.has(new URL(url)), false, `${url} is reached by the proxy`);
  });
}

test('what is none is told, and the others count all the same', () => {
  const bad: string[] = [];
  const parts = [
    '10.0.0.0/33',
    '10.*',
    'http://a',
    'a:99999',
    'fd00::/129',
    '10.0.0.0/8:80',
    '<local>',
    '.',
    'good',
  ];
  const noProxy = parseNoProxy(parts, part => bad.push(part));
  assert.deepEqual(bad, parts.slice(0, -1));
  assert.equal(noProxy.has(new URL('https://good')), true);
  for (const url of ['https://10.1.2.3', 'https://a', 'https://local'])
    assert.equal(noProxy.has(new URL(url)), false);
});
