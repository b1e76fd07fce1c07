/** Where the keys of trusted issuers come from, and for how long they count: against an issuer over TLS. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { issuerKey, startIssuer } from '../../test/harness/issuer.ts';
import { isIn, openIssuers, startS } from '../../test/harness/trusted-issuers.ts';
import { cooldownMs, freshMs, staleMs } from './issuer-keys.ts';

test('a new key is fetched when a JWT names it, but whoever makes up names costs the issuer little', async () => {
  await using world = await openIssuers();
  await world.make();
  assert.ok(isIn(await world.shown()));
  const next = await issuerKey('ES256', 'ec-2');
  world.issuer.keys.push(next.publicKey);
  assert.equal(await world.shown({}, next), 'unavailable', 'too early to ask again: not known to be wrong');
  await world.pass(cooldownMs);
  world.issuer.asked.length = 0;
  assert.ok(isIn(await world.shown({}, next)));
  assert.equal(world.issuer.asked.length, 2);
  await world.pass(cooldownMs);
  world.issuer.asked.length = 0;
  const madeUp = await issuerKey('ES256', 'made-up');
  assert.equal(await world.shown({}, madeUp), 'unknown', 'asked, and there is none');
  const many = await Promise.all(Array.from({ length: 50 }, () => world.shown({}, madeUp)));
  assert.deepEqual([...new Set(many)], ['unavailable']);
  assert.equal(world.issuer.asked.length, 2);
});

test('a key that was withdrawn ends within ten minutes, while the issuer answers', async () => {
  await using world = await openIssuers();
  await world.make();
  assert.ok(isIn(await world.shown()));
  world.issuer.keys = [world.issuer.own.ec.publicKey];
  await world.pass(freshMs);
  assert.ok(isIn(await world.shown()));
  await world.pass(1);
  assert.equal(await world.shown(), 'unavailable', 'the answer is a second old');
  await world.pass(cooldownMs);
  assert.equal(await world.shown(), 'unknown');
});

test('while the issuer is down its keys count for four hours, and then nobody is let in, nor sent away for good', async () => {
  await using world = await openIssuers();
  await world.make();
  const long = { exp: startS + 86_400 };
  assert.ok(isIn(await world.shown(long)));
  await world.issuer.stop();
  await world.pass(staleMs);
  assert.ok(isIn(await world.shown(long)));
  assert.match(world.notes.join('\n'), /the keys of a trusted issuer can't be fetched .*ECONNREFUSED/);
  await world.pass(1);
  assert.equal(await world.shown(long), 'unavailable');
  await world.issuer.start();
  await world.pass(cooldownMs);
  assert.ok(isIn(await world.shown(long)));
});

test('an issuer that was never reached makes nobody wait but its own, and no longer than five seconds each', async () => {
  await using world = await openIssuers();
  await using silent = await startIssuer();
  silent.answer = () => {};
  await world.make();
  await world.make({ name: 'silent', issuer: silent.url, ca: silent.ca, jwksUrl: silent.jwksUrl });
  const waiting = world.issuers.authenticate(await silent.sign(world.claims({ iss: silent.url })), '');
  while (silent.asked.length === 0) await new Promise(resolve => setImmediate(resolve));
  assert.ok(isIn(await world.shown()));
  await world.pass(5_000);
  assert.equal(await waiting, 'unavailable');
  assert.match(world.notes.join('\n'), /no whole answer within 5000 ms/);
});

test('what is no answer of this issuer is not believed', async () => {
  const answers: [string, (world: Awaited<ReturnType<typeof openIssuers>>) => void, RegExp][] = [
    [
      'a discovery document of another issuer',
      ({ issuer }) => {
        issuer.discovery = () => ({ issuer: 'https://other.example', jwks_uri: issuer.jwksUrl });
      },
      /that of another issuer/,
    ],
    [
      'keys without TLS',
      ({ issuer }) => {
        issuer.discovery = () => ({ issuer: issuer.url, jwks_uri: 'http://127.0.0.1:1/keys' });
      },
      /no jwks_uri with https/,
    ],
    [
      'a redirect',
      ({ issuer }) => {
        issuer.answer = (_, response) => response.writeHead(302, { location: issuer.jwksUrl }).end();
      },
      /the answer is 302/,
    ],
    [
      'a document without end',
      ({ issuer }) => {
        issuer.answer = (_, response) => {
          const more = () => void (response.destroyed || response.write('x'.repeat(65_536), more));
          response.writeHead(200);
          more();
        };
      },
      /more than 262144 bytes/,
    ],
    [
      'no JSON',
      ({ issuer }) => {
        issuer.answer = (_, response) => response.end('<html>');
      },
      /not JSON/,
    ],
    [
      'no keys',
      ({ issuer }) => {
        issuer.keys = [];
      },
      /no public key/,
    ],
    [
      'secret keys only',
      ({ issuer }) => {
        issuer.keys = [{ kty: 'oct', k: 'c2VjcmV0', kid: 'rsa-1' }];
      },
      /no public key/,
    ],
    ['another authority', world => void world, /self-signed certificate/],
  ];
  for (const [name, change, why] of answers) {
    await using world = await openIssuers();
    await world.make(name === 'another authority' ? { ca: undefined } : {});
    change(world);
    assert.equal(await world.shown(), 'unavailable', name);
    assert.match(world.notes.join('\n'), why, name);
  }
});

test('an issuer without a URL, and one that cannot be reached, are trusted by their keys', async () => {
  await using world = await openIssuers();
  const jwks = JSON.stringify({ keys: world.issuer.keys });
  const iss = 'kubernetes/serviceaccount';
  await world.make({ issuer: iss, jwks, ca: undefined });
  assert.ok(isIn(await world.shown({ iss })));
  assert.equal(await world.shown({ iss }, await issuerKey('RS256', 'rsa-2')), 'unknown');
  await world.make({ name: 'url', issuer: `${iss}2`, jwksUrl: world.issuer.jwksUrl });
  assert.ok(isIn(await world.shown({ iss: `${iss}2` })));
  assert.deepEqual(world.issuer.asked, ['/keys']);
});

test('a key that is none, or too short, verifies nothing', async () => {
  await using world = await openIssuers();
  await world.make();
  const { publicKey } = world.issuer.own.rsa;
  for (const n of ['AQAB', '', 'x'.repeat(171)]) {
    world.issuer.keys = [{ ...publicKey, n }];
    world.notes.length = 0;
    await world.clock.advance(freshMs + 1);
    assert.equal(await world.shown(), 'unknown', n);
    assert.match(world.notes.join('\n'), /key can't be used/);
  }
});
