/** Who gets in with a JWT of a trusted issuer, and who does not: against an issuer with real keys, over TLS. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { CompactSign, exportSPKI, importJWK, type JWTPayload } from 'jose';
import { issuerKey } from '../../test/harness/issuer.ts';
import { refusalOf, someCaller } from '../../test/harness/tools.ts';
import { isIn, openIssuers, startS, subject } from '../../test/harness/trusted-issuers.ts';
import type { IssuerSession } from './delegate-issuers.ts';
import type { AskedIssuer } from './issuer-checks.ts';
import { cooldownMs } from './issuer-keys.ts';

const namespace = '/kubernetes.io/namespace';

test('a JWT of each kind of key lets in, with the bounds of its entry, and says whose it is and until when', async () => {
  await using world = await openIssuers();
  const bounds = { delegateNames: ['edge-1'], tags: [' eu '], networks: ['192.0.2.0/24'] };
  await world.make({ scope: 'org/payments', ...bounds, claims: { [namespace]: ['vault'] } });
  for (const key of Object.values(world.issuer.own)) {
    const facts = await world.shown({}, key);
    assert.ok(isIn(facts), world.notes.join('\n'));
    const { id: _, credential: __, ...rest } = facts;
    assert.deepEqual(rest, {
      name: 'cluster',
      scope: 'org/payments',
      delegateNames: ['edge-1'],
      tags: ['eu'],
      isDue: false,
      until: '2024-05-06T08:08:09.000Z',
      subject,
    });
  }
  assert.deepEqual(world.issuer.asked, ['/.well-known/openid-configuration', '/keys'], 'the keys are kept');
});

test('whoever forges a JWT stays out, is told nothing, and the log says why', async () => {
  await using world = await openIssuers();
  await world.make();
  const { issuer, claims } = world;
  assert.ok(isIn(await world.shown()), 'the control');
  const part = (data: object | string) =>
    Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)).toString('base64url');
  const right = await issuer.sign(claims());
  const [head = '', body = '', signature = ''] = right.split('.');
  const hmac = (secret: string, header: object) => {
    const signed = `${part(header)}.${body}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  /** Signed by the issuer's own key, whatever the header says. */
  const raw = async (header: object) => {
    const signed = `${part({ kid: 'rsa-1', ...header })}.${body}`;
    const { privateKey } = issuer.own.rsa;
    const bytes = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, Buffer.from(signed));
    return `${signed}.${Buffer.from(bytes).toString('base64url')}`;
  };
  assert.ok(isIn(await world.show(await raw({ alg: 'RS256' }))), 'another control');
  const publicKey = await importJWK(issuer.own.rsa.publicKey, 'RS256');
  const pem = publicKey instanceof Uint8Array ? assert.fail() : await exportSPKI(publicKey);
  const other = await issuerKey('RS256', 'rsa-1');
  const { exp: _, ...endless } = claims();
  const attacks: [string, string | Promise<string>, RegExp][] = [
    ['no signature', `${part({ alg: 'none' })}.${body}.`, /alg/],
    ['no signature, with a kid', `${part({ alg: 'None', kid: 'rsa-1' })}.${body}.`, /alg/],
    ['its public key as a secret', hmac(pem, { alg: 'HS256', kid: 'rsa-1' }), /alg/],
    ['its JWK as a secret', hmac(JSON.stringify(issuer.keys[0]), { alg: 'HS256' }), /alg/],
    ['an algorithm not allowed', raw({ alg: 'RS512' }), /alg/],
    ['a key of somebody else', issuer.sign(claims(), { key: other }), /signature verification failed/],
    [
      'a key that it brings along',
      issuer.sign(claims(), { key: other, header: { jwk: other.publicKey, jku: 'https://evil.example/' } }),
      /signature verification failed/,
    ],
    [
      'an algorithm of another key',
      `${part({ alg: 'ES256', kid: 'rsa-1' })}.${body}.${signature}`,
      /no applic/,
    ],
    ['other claims below the signature', `${head}.${part(claims({ sub: 'x' }))}.${signature}`, /signature/],
    ['a header that must be understood', raw({ alg: 'RS256', crit: ['x'], x: 1 }), /Extension Header/],
    ['another audience', issuer.sign(claims({ aud: 'vault' })), /no issuer is trusted with/],
    ['an audience that only begins so', issuer.sign(claims({ aud: 'legate2' })), /no issuer is trusted with/],
    ['no audience', issuer.sign(claims({ aud: [] })), /no issuer is trusted with/],
    ['another issuer', issuer.sign(claims({ iss: 'https://evil.example' })), /no issuer is trusted with/],
    ['the issuer in other letters', issuer.sign(claims({ iss: `${issuer.url}/` })), /no issuer is trusted/],
    ['a subject that only begins so', issuer.sign(claims({ sub: `${subject}2` })), /sub." is another/],
    ['a subject in other letters', issuer.sign(claims({ sub: subject.toUpperCase() })), /sub." is another/],
    ['an unencoded payload', raw({ alg: 'RS256', crit: ['b64'], b64: false }), /unencoded/],
    ['not valid yet', issuer.sign(claims({ nbf: startS + 61 })), /nbf/],
    ['no end', issuer.sign(endless), /exp/],
    ['claims that are no object', `${head}.${part('[]')}.${signature}`, /no issuer is trusted/],
    ['a payload that is no JSON', `${head}.${part('{')}.${signature}`, /no issuer is trusted/],
  ];
  for (const [name, jwt, why] of attacks) {
    world.notes.length = 0;
    await world.clock.advance(cooldownMs);
    assert.equal(await world.show(await jwt), 'unknown', name);
    assert.match(world.notes.join('\n'), why, name);
    assert.ok(!world.notes.join('\n').includes(signature), name);
  }
});

test('what is no JWT at all is nothing but unknown, on either store', async () => {
  await using world = await openIssuers('postgres');
  await world.make();
  const part = (data: unknown) => Buffer.from(JSON.stringify(data)).toString('base64url');
  const claims = world.claims();
  for (const payload of [
    { ...claims, iss: 'a\0b' },
    { ...claims, iss: `${claims.iss}\0` },
    { ...claims, iss: '\ud800' },
    { ...claims, iss: 'x'.repeat(100_000) },
    { ...claims, iss: [claims.iss] },
    { ...claims, aud: { legate: true } },
    { ...claims, aud: [['legate']] },
    { ...claims, aud: Array.from({ length: 1_000 }, () => 'legate') },
    null,
    [],
    'text',
  ])
    for (const header of [
      { alg: 'RS256', kid: 'rsa-1' },
      { alg: ['RS256'] },
      { kid: 1, alg: 'RS256' },
      null,
    ]) {
      await world.clock.advance(cooldownMs);
      assert.equal(await world.show(`${part(header)}.${part(payload)}.AAAA`), 'unknown');
    }
  for (const text of ['a.b.c', '...', '..', 'e30.e30.', `${part({})}.${part(claims)}.`])
    assert.equal(await world.show(text), 'unknown');
  assert.ok(isIn(await world.shown()), 'the control');
});

test('a JWT counts until a minute after its end, and from a minute before its beginning', async () => {
  await using world = await openIssuers();
  await world.make();
  assert.ok(isIn(await world.shown({ nbf: startS + 60 })));
  assert.ok(isIn(await world.shown({ exp: startS - 59 })));
  assert.equal(await world.shown({ exp: startS - 60 }), 'expired');
  assert.equal(await world.shown({ exp: startS - 60, sub: 'other' }), 'unknown', 'told to its holder only');
});

test('conditions hold for nested claims, lists, numbers and truth values, exactly', async () => {
  await using world = await openIssuers();
  const claims = {
    [namespace]: ['vault', 'stores'],
    '/kubernetes.io/serviceaccount/name': ['legate'],
    azp: ['legate-agent'],
    groups: ['stores'],
    email_verified: ['true'],
    project: ['42'],
  };
  await world.make({ claims });
  const right = { azp: 'legate-agent', groups: ['all', 'stores'], email_verified: true, project: 42 };
  const inNamespace = (name: unknown) => ({
    'kubernetes.io': { namespace: name, serviceaccount: { name: 'legate' } },
  });
  assert.ok(isIn(await world.shown(right)), world.notes.join('\n'));
  assert.ok(isIn(await world.shown({ ...right, ...inNamespace('stores') })));
  const wrong: [JWTPayload, string][] = [
    [inNamespace('other'), namespace],
    [inNamespace('vault2'), namespace],
    [inNamespace({ vault: true }), namespace],
    [{ 'kubernetes.io': 'vault', 'kubernetes.io.namespace': 'vault' }, namespace],
    [{ 'kubernetes.io': { namespace: 'vault' } }, '/kubernetes.io/serviceaccount/name'],
    [{ azp: 'other' }, 'azp'],
    [{ azp: undefined }, 'azp'],
    [{ groups: ['all'] }, 'groups'],
    [{ groups: [['stores']] }, 'groups'],
    [{ groups: { 0: 'stores' } }, 'groups'],
    [{ email_verified: false }, 'email_verified'],
    [{ project: '42x' }, 'project'],
  ];
  for (const [claim, name] of wrong) {
    world.notes.length = 0;
    assert.equal(await world.shown({ ...right, ...claim }), 'unknown', JSON.stringify(claim));
    assert.ok(world.notes.join('\n').includes(`the claim \\"${name}\\" is another`), world.notes.join('\n'));
  }
});

test('of a claim that is there twice the last counts, for every decision', async () => {
  await using world = await openIssuers();
  await world.make();
  const { rsa } = world.issuer.own;
  const { sub: _, ...rest } = world.claims();
  const twice = (first: string, last: string) =>
    `${JSON.stringify(rest).slice(0, -1)},"sub":"${first}","sub":"${last}"}`;
  const sign = (text: string) =>
    new CompactSign(Buffer.from(text))
      .setProtectedHeader({ alg: 'RS256', kid: 'rsa-1' })
      .sign(rsa.privateKey);
  assert.equal(await world.show(await sign(twice(subject, 'other'))), 'unknown');
  const facts = await world.show(await sign(twice('other', subject)));
  assert.ok(isIn(facts));
  assert.equal(facts.subject, subject);
});

test('it does not count at another address, which is told to its holder only', async () => {
  await using world = await openIssuers();
  await world.make({ networks: ['10.0.0.0/8'] });
  const jwt = await world.issuer.sign(world.claims());
  assert.equal(await world.show(jwt, '192.0.2.1'), 'address');
  assert.ok(isIn(await world.show(jwt, '::ffff:10.1.2.3')));
  const other = await world.issuer.sign(world.claims({ sub: 'other' }));
  assert.equal(await world.show(other, '192.0.2.1'), 'unknown');
});

test('of several entries the first that was made counts', async () => {
  await using world = await openIssuers();
  await world.make({ name: 'b', scope: 'org/b' });
  await world.pass(1);
  await world.make({ name: 'a', scope: 'org/a', claims: { [namespace]: ['vault'] } });
  const facts = await world.shown();
  assert.ok(isIn(facts));
  assert.equal(facts.scope, 'org/b');
  const other = await world.shown({ sub: 'system:serviceaccount:vault:other' });
  assert.ok(isIn(other));
  assert.equal(other.scope, 'org/a');
});

test('what is deleted lets nobody in, and cuts off who is connected; so does the end of a JWT', async () => {
  await using world = await openIssuers();
  await world.make({ delegateNames: ['edge'] });
  await world.make({ name: 'other', audience: 'other' });
  const facts = await world.shown();
  assert.ok(isIn(facts));
  const cuts: string[] = [];
  const session = (until: string, token = facts.id): IssuerSession => ({
    ...{ delegate: 'edge', token, until },
    cut: why => cuts.push(`${until} ${why}`),
  });
  world.sessions.push(session('2024-05-06T07:07:09.000Z'), session('2024-05-06T07:07:09.001Z'));
  await world.issuers.look();
  assert.deepEqual(cuts, ['2024-05-06T07:07:09.000Z expired']);
  const [listed] = await world.issuers.list(world.admin);
  assert.deepEqual(listed?.delegates, ['edge']);
  world.issuers.start();
  await world.pass(30_000);
  while (cuts.length < 3) await new Promise(resolve => setImmediate(resolve));
  world.sessions.splice(0, 2, session('later'));
  assert.equal(await world.issuers.delete(world.admin, 'cluster'), 'account');
  assert.equal(cuts.at(-1), 'later revoked');
  assert.equal(await world.shown(), 'unknown');
  const names = (await world.issuers.list(world.admin)).map(({ name }) => name);
  assert.deepEqual(names, ['other']);
  assert.equal((await refusalOf(world.issuers.delete(world.admin, 'cluster'))).code, 'RESOURCE_NOT_FOUND');
  assert.match((await refusalOf(world.make())).message, /named "cluster" exists, or did/);
});

test('an audience belongs to who used it first: nobody takes over the delegates of another scope', async () => {
  await using world = await openIssuers();
  await world.make({ scope: 'org/a' });
  const other = someCaller({ role: 'admin', scope: 'org/b' });
  const asked = { name: 'b', scope: 'org/b', issuer: world.issuer.url, audience: 'legate' } as const;
  const claims = { sub: [subject] };
  assert.match(
    (await refusalOf(world.issuers.make(other, { ...asked, claims }))).message,
    /audience: this one is, or was, used with this issuer in a scope that you do not administer/,
  );
  await world.issuers.delete(world.admin, 'cluster');
  assert.equal((await refusalOf(world.issuers.make(other, { ...asked, claims }))).code, 'INVALID_REQUEST');
  await world.issuers.make(other, { ...asked, audience: 'b', claims });
  await world.issuers.make(world.admin, { ...asked, name: 'c', claims });
});

test('of two administrators who claim an audience at once one gets it', async () => {
  await using world = await openIssuers('postgres');
  const made = await Promise.allSettled(
    ['a', 'b'].map(org => {
      const scope = `org/${org}` as const;
      const asked = { name: org, scope, issuer: world.issuer.url, audience: 'legate' };
      const claims = { sub: [subject] };
      return world.issuers.make(someCaller({ role: 'admin', scope }), { ...asked, claims });
    }),
  );
  assert.deepEqual(made.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('an entry that would let everybody in, or cannot work, is refused by the name of the field', async () => {
  await using world = await openIssuers();
  const jwks = JSON.stringify({ keys: world.issuer.keys });
  const secret = JSON.stringify({ keys: [{ kty: 'oct', k: 'x' }, ...world.issuer.keys] });
  const cases: [Partial<AskedIssuer>, RegExp][] = [
    [{ claims: {} }, /claims must have a condition, as on "sub".*--any-holder/],
    [{ claims: { aud: ['legate'] } }, /claims: "aud" says nothing about who holds/],
    [{ claims: { '/iss': ['x'] } }, /claims: "\/iss" says nothing/],
    [{ claims: { '/a~b': ['x'] } }, /"\/a~b" is no JSON pointer/],
    [{ networks: ['10.0.0.0/33'] }, /networks must hold addresses/],
    [{ issuer: 'http://127.0.0.1' }, /issuer must be a URL with https/],
    [{ issuer: 'https://a:b@127.0.0.1' }, /issuer must be a URL with https/],
    [{ issuer: 'https://127.0.0.1?x' }, /issuer must be a URL with https/],
    [{ jwksUrl: 'http://127.0.0.1/keys' }, /jwksUrl must be a URL with https/],
    [{ jwksUrl: 'https://a:b@127.0.0.1/keys' }, /jwksUrl must be a URL with https/],
    [{ jwks, ca: undefined, jwksUrl: 'https://127.0.0.1/keys' }, /leave out jwksUrl and ca/],
    [{ jwks: '{', ca: undefined }, /jwks must be JSON/],
    [{ jwks: '{"keys":[]}', ca: undefined }, /jwks must be a JWK Set/],
    [{ jwks: secret, ca: undefined }, /jwks holds a secret key/],
    [{ ca: 'x' }, /ca must hold certificates/],
    [
      { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
      /ca holds a certificate that cannot be read/,
    ],
  ];
  for (const [more, problem] of cases) assert.match((await refusalOf(world.make(more))).message, problem);
  await world.make({ claims: {}, anyHolder: true });
  assert.ok(isIn(await world.shown({ sub: 'anybody' })));
});
