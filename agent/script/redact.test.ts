import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redactor, undecidedEnd } from './redact.ts';

const mask = '**************';

/** What a text becomes when these secrets are known. */
const redact = (secrets: string[], text: string) => redactor(secrets)(text);

describe('a known secret is masked', () => {
  const secret = `pa$$ "wörd"/'x'+y`;
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  const forms: [what: string, form: string][] = [
    ['as itself', secret],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in JSON without what is beyond ASCII', `pa$$ \\"w\\u00f6rd\\"/'x'+y`],
    ['in a URL', encodeURIComponent(secret)],
    ['in a form', encodeURIComponent(secret).replaceAll('%20', '+')],
    [
      'in a URL, with the characters that JavaScript leaves alone',
      'pa%24%24%20%22w%C3%B6rd%22%2F%27x%27%2By',
    ],
    ['quoted for a shell', `pa$$ "wörd"/'\\''x'\\''+y`],
  ];
  for (const [what, form] of forms) {
    test(what, () => assert.equal(redact([secret], `before ${form} after`), `before ${mask} after`));
  }

  test('in base64', () => {
    // The last character may hold bits of what follows; it alone tells nothing.
    assert.match(redact([secret], `before ${base64}== after`), /^before \*{14}.?=* after$/);
  });

  for (const [before, after] of [
    ['', ''],
    ['u', 'x'],
    ['us', 'xy'],
    ['user:', ':more'],
  ]) {
    for (const encoding of ['base64', 'base64url'] as const)
      test(`in ${encoding} with "${before}" before and "${after}" after it`, () => {
        const text = Buffer.from(`${before}${secret}${after}`).toString(encoding);
        const redacted = redact([secret], `[${text}]`);
        assert.ok(redacted.includes(mask));
        // At most the two characters at each edge are left of it, which hold bits of the neighbours.
        const neighbours =
          Math.ceil(((before ?? '').length * 4) / 3) + Math.ceil(((after ?? '').length * 4) / 3);
        assert.ok(redacted.length - mask.length <= neighbours + 2 + 4 + 2, redacted);
      });
  }

  test('in base64 that was broken into lines and indented', () => {
    const long = 'a long secret, as long as a private key is: '.repeat(5);
    const lines =
      Buffer.from(long)
        .toString('base64')
        .match(/.{1,76}/g) ?? [];
    const redacted = redact([long], `data:\n  ${lines.join('\n  ')}\nend`);
    assert.match(redacted, /^data:\n {2}\*{14}.{0,3}=*\nend$/);
  });

  test('wherever it stands, each time', () => {
    assert.equal(redact(['abc'], 'abcXabcabc\nabc'), `${mask}X${mask}${mask}\n${mask}`);
  });

  test('when it has blanks at its ends that the text has not', () => {
    assert.equal(redact(['  abc \n'], 'is abc.'), `is ${mask}.`);
  });
});

describe('of several lines', () => {
  const pem = '-----BEGIN KEY-----\r\nMIIEvQ\r\n  IBADAN\n\nab\n}\n-----END KEY-----\n';

  test('each is masked by itself, with any line ends', () => {
    const redacted = redact([pem], 'x MIIEvQ y\nx IBADAN y\r\n-----END KEY-----');
    assert.equal(redacted, `x ${mask} y\nx ${mask} y\r\n${mask}`);
    assert.equal(redact(['one\rtwo'], 'x one y two'), `x ${mask} y ${mask}`);
  });

  test('those below three characters are left alone, those of three are not', () => {
    assert.equal(redact([pem], 'about } ab'), 'about } ab');
    assert.equal(redact(['abc', 'ab', 'a', '', '  '], 'a ab abc'), `a ab ${mask}`);
  });

  test('the whole is masked where it is encoded as one', () => {
    for (const form of [encodeURIComponent(pem.trim()), JSON.stringify(pem.trim()).slice(1, -1)])
      assert.equal(redact([pem], `[${form}]`), `[${mask}]`);
  });
});

describe('of several secrets', () => {
  test('the longer goes first, so that nothing of it is left around the shorter', () => {
    for (const secrets of [
      ['abc', 'xabcx'],
      ['xabcx', 'abc'],
    ])
      assert.equal(redact(secrets, 'an xabcx and abc'), `an ${mask} and ${mask}`);
  });

  test('two that overlap go as one, so that no end of either is left', () => {
    assert.equal(redact(['abcdef', 'defghi'], 'abcdefghi'), mask);
    assert.equal(redact(['defghi', 'abcdef', 'hijk'], 'xabcdefghijkx'), `x${mask}x`);
    assert.equal(redact(['aba'], 'ababa'), mask);
  });

  test('two that touch are two', () => {
    assert.equal(redact(['abc', 'def'], 'abcdef'), mask + mask);
  });
});

test('characters that mean something to a pattern are nothing special', () => {
  for (const secret of [
    'a.c',
    '.*.',
    '[a-z]+',
    '^abc$',
    'a|b|c',
    '\\d{3}',
    '(?:x)',
    '$&$1',
    'ab\\',
    '***',
    '</script>',
  ]) {
    assert.equal(redact([secret], `x${secret}y`), `x${mask}y`);
    assert.equal(redact([secret], 'abc xyz 123'), 'abc xyz 123');
  }
});

describe('what is a credential by its shape is masked though nobody knows it', () => {
  const part = (data: object) => Buffer.from(JSON.stringify(data)).toString('base64url');
  const jwt = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'x' })}.c2lnbmF0dXJl`;
  const masked: [what: string, text: string, redacted: string][] = [
    ['a JWT', `token ${jwt} ok`, `token ${mask} ok`],
    ['a JWT in a header', `Authorization: Bearer ${jwt}`, `Authorization: Bearer ${mask}`],
    ['a JWT without a signature', `${jwt.slice(0, jwt.lastIndexOf('.'))}. x`, `${mask} x`],
    ['a JWT behind a host name', `vault.example.${jwt}`, `vault.example.${mask}`],
    ['an encrypted JWT', `x=${part({ alg: 'dir', enc: 'A256GCM' })}..iv.data.tag;`, `x=${mask};`],
    ['a GitHub token', 'ghp_abcDEF123 gho_x ghs_Y9', `${mask} ${mask} ${mask}`],
    ['a GitHub token in a URL', 'https://x:ghp_abc@host', `https://x:${mask}@host`],
  ];
  for (const [what, text, redacted] of masked) test(what, () => assert.equal(redact([], text), redacted));

  const plain = [
    'www.example.com 1.2.3 a.b.c',
    'org.apache.commons.lang.StringUtils.isEmpty',
    `${part({ alg: 'HS256' })}.only-two`,
    `${part({ no: 'algorithm' })}.${part({})}.x`,
    'ghp_ gh_abc gha_abc',
    '...... .',
  ];
  for (const text of plain) test(`but not ${text}`, () => assert.equal(redact([], text), text));
});

test('text without a secret stays as it is', () => {
  const text = 'curl: (22) The requested URL returned error: 403 ünïcödé 😀 \0\r\n';
  assert.equal(redact([], text), text);
  assert.equal(redact(['hunter2', 'lang\nzeilig'], text), text);
  assert.equal(redact(['hunter2'], ''), '');
});

test('a secret that is no well-formed text is masked as itself', () => {
  assert.equal(redact(['abc\ud800def'], 'x abc\ud800def y'), `x ${mask} y`);
});

describe('the largest secrets and texts are no trouble', () => {
  const long = 'abcdefghij0123456789+/'.repeat(50_000).slice(0, 1_048_576);
  const cases: [what: string, secret: string, text: string][] = [
    ['one line of 1 MiB', long, `error: ${long.slice(0, 60_000)}`],
    ['16,000 lines', long.replaceAll(/.{64}/g, '$&\n'), `error: ${'x'.repeat(60_000)}`],
    ['a word of 64 KiB', 'hunter2', 'a'.repeat(65_536)],
    ['64 KiB of dots', 'hunter2', 'a.'.repeat(32_768)],
    ['64 KiB of what could begin it', 'aaaaaaaab', 'a'.repeat(65_536)],
  ];
  for (const [what, secret, text] of cases) {
    test(what, () => {
      const begun = performance.now();
      redact([secret], text);
      // Takes 0.02 to 0.5 s; patterns took 20 s, or failed with an error that quoted the secret.
      assert.ok(performance.now() - begun < 5_000);
    });
  }
});

describe('of a text whose beginning has been sent', () => {
  const rest = (secrets: string[], before: string, after: string) =>
    redactor(secrets)(before + after, before.length);

  test('the rest alone is given back', () => {
    assert.equal(rest(['hunter2'], 'a hunter2 b\n', 'c hunter2 d'), `c ${mask} d`);
    assert.equal(rest(['hunter2'], 'a', ''), '');
  });

  test('a secret that began there is masked to its end', () => {
    assert.equal(rest(['hunter2'], 'a hunt', 'er2 b'), `${mask} b`);
  });
});

describe('the end of a text is undecided', () => {
  const secret = 'a secret of some length';
  const base64 = Buffer.from(secret).toString('base64');
  const cases: [what: string, text: string, end: number][] = [
    ['where a secret in base64 may go on', `x\n${base64.slice(0, 12)}\n`, 2],
    ['from its first line on', `x\n${base64.slice(0, 12)}\n  ${base64.slice(12, 20)}\n`, 2],
    ['not where it is complete', `x\n${base64}\n`, 35],
    ['not for what may be there by chance', `x\n${base64.slice(0, 3)}\n`, 6],
    ['not where it went on otherwise', `x\n${base64.slice(0, 12)}\nother\n`, 21],
    ['not at the end of nothing', '', 0],
  ];
  for (const [what, text, end] of cases) test(what, () => assert.equal(undecidedEnd([secret])(text), end));

  test('from where a secret began that is complete, if its end may begin another', () => {
    const twice = Buffer.from('abcabcabcabcabcabc').toString('base64');
    assert.equal(undecidedEnd(['abcabcabcabcabcabc'])(`x ${twice}\n`), 2);
  });
});
