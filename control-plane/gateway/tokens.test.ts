/** What a token allows a delegate, and what is said about it while the delegate is connected. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { fatalClose } from '../../protocol/index.ts';
import { eventually, listeningGateway, someToken } from '../../test/harness/gateway.ts';
import type { TokenFacts, TokenRefusal } from './token-session.ts';

const hash = (token: string) => createHash('sha256').update(token).digest('hex');
const digest = (token: string) => `sha256:${hash(token)}`;

/** A gateway that knows these tokens; what is proposed becomes one more. */
async function withTokens(known: Record<string, TokenFacts | TokenRefusal>) {
  const tokens = new Map(Object.entries(known));
  const proposed = new Map<string, TokenFacts>();
  const gateway = await listeningGateway(
    async token => tokens.get(token) ?? proposed.get(hash(token)) ?? 'unknown',
    async (current, other) => {
      if (other === hash('bad')) return false;
      proposed.set(other, { ...current, credential: other });
      return true;
    },
  );
  return Object.assign(gateway, { tokens });
}

test('a token that has ended, was revoked, or does not count here is refused with a code of its own', async () => {
  await using gateway = await withTokens({ e: 'expired', r: 'revoked', a: 'address' });
  for (const [token, code, reason] of [
    ['e', 4411, 'the token has ended'],
    ['r', 4412, 'the token was revoked'],
    ['a', 4414, 'the token does not count at this address'],
    ['u', 4401, 'unknown token'],
  ] as const)
    assert.deepEqual(await (await gateway.join({}, token)).closed, { code, reason });
  assert.deepEqual(gateway.links, []);
});

test('a JWT that can not be checked now is no reason for a delegate to give up', async () => {
  await using gateway = await withTokens({ 'a.b.c': 'unavailable' });
  const reason = 'the token can not be checked now';
  assert.deepEqual(await (await gateway.join({}, 'a.b.c')).closed, { code: 1011, reason });
  assert.equal(fatalClose(1011), undefined);
});

test('a JWT of two kilobytes lets in, and a later one takes its place over the open connection', async () => {
  const jwt = (name: string) => `${name}.${'x'.repeat(2_000)}.y`;
  const of = (name: string, until: string) => someToken(name, { id: 'issuer', until, subject: 'pod' });
  await using gateway = await withTokens({
    [jwt('one')]: of('one', '2024-01-01T00:00:00.000Z'),
    [jwt('two')]: of('two', '2024-01-02T00:00:00.000Z'),
  });
  const peer = await gateway.join({}, jwt('one'));
  assert.equal((await peer.next()).type, 'welcome');
  assert.match(gateway.notes.join('\n'), /"subject":"pod"/);
  const until = () => gateway.gateway.sessions().map(session => session.until);
  assert.deepEqual(until(), ['2024-01-01T00:00:00.000Z']);
  peer.send({ type: 'jwt-presented', token: jwt('two') });
  assert.deepEqual(await peer.next(), { type: 'token-accepted', digest: digest(jwt('two')) });
  assert.deepEqual(until(), ['2024-01-02T00:00:00.000Z']);
  peer.send({ type: 'jwt-presented', token: jwt('three') });
  const refused = { type: 'token-refused', digest: digest(jwt('three')), reason: 'unknown token' };
  assert.deepEqual(await peer.next(), refused);
  assert.deepEqual(until(), ['2024-01-02T00:00:00.000Z']);
  const long = await gateway.join({}, `a.${'x'.repeat(8_192)}.b`);
  assert.equal((await long.closed).code, 4401);
});

test('who joins is told before it is let in, and not where it only asks', async () => {
  const joined: string[] = [];
  await using gateway = await listeningGateway(undefined, undefined, async (facts, hello) => {
    joined.push(`${facts.name} ${hello.name}`);
    if (hello.name === 'edge-2') throw new Error('the audit trail is full');
  });
  assert.equal((await (await gateway.join({ check: true })).next()).type, 'welcome');
  assert.deepEqual(joined, []);
  assert.equal((await (await gateway.join()).next()).type, 'welcome');
  const refused = await gateway.join({ name: 'edge-2', instance: 'instance-2' });
  assert.equal((await refused.closed).code, 1011);
  assert.deepEqual(joined, ['any edge-1', 'any edge-2']);
  assert.equal(gateway.links.length, 1);
});

test('a token that is revoked while the hello is on its way does not get its delegate in', async () => {
  await using gateway = await withTokens({ t: someToken('t') });
  const peer = await gateway.connect({ token: 't' });
  await peer.heard();
  gateway.tokens.set('t', 'revoked');
  peer.send({ type: 'heartbeat' });
  assert.equal((await peer.closed).code, 4400);
  const other = await gateway.join({}, 't');
  assert.equal((await other.closed).code, 4412);
});

test('a tag that the token does not allow is refused with 4413, in whatever case it is written', async () => {
  await using gateway = await withTokens({ t: someToken('t', { tags: ['EU', 'two words'] }) });
  for (const tags of [['prod'], ['eu', 'PROD'], ['two'], ['eu,prod']])
    assert.deepEqual(await (await gateway.join({ tags }, 't')).closed, {
      code: 4413,
      reason: 'the token is for delegates of other tags',
    });
  assert.match(gateway.notes.join('\n'), /"claimed":\["prod"\]/);
  for (const tags of [[], ['eu'], [' Eu ', 'TWO words']])
    assert.equal(
      (await (await gateway.join({ tags, instance: `instance-${tags.length}` }, 't')).next()).type,
      'welcome',
    );
});

test('with tags that are allowed, a name or host name is a tag only where the token names it', async () => {
  const tags = ['eu'];
  await using gateway = await withTokens({
    t: someToken('t', { tags }),
    n: someToken('n', { tags, delegateNames: ['prod'] }),
  });
  await (await gateway.join({ name: 'prod', hostName: 'prod-host', instance: 'instance-1' }, 't')).next();
  assert.deepEqual([...(gateway.links[0]?.tagSet ?? [])], ['eu']);
  await (await gateway.join({ name: 'prod', hostName: 'EU', instance: 'instance-2' }, 'n')).next();
  assert.deepEqual([...(gateway.links[1]?.tagSet ?? [])].sort(), ['eu', 'prod']);
});

test('replicas share name and scope; a delegate of another scope with that name is told off, and so is the log', async () => {
  await using gateway = await withTokens({
    a: someToken('a', { scope: 'org/one' }),
    b: someToken('b', { scope: 'org/one' }),
    c: someToken('c', { scope: 'org/two' }),
  });
  const first = await gateway.join({ instance: 'instance-1' }, 'a');
  await first.next();
  await (await gateway.join({ instance: 'instance-2' }, 'b')).next();
  assert.deepEqual(await (await gateway.join({ instance: 'instance-3' }, 'c')).closed, {
    code: 4410,
    reason: 'a delegate of another scope is connected with this name',
  });
  const note = gateway.notes.at(-1) ?? '';
  assert.match(
    note,
    /^delegate refused .*"delegate":"edge-1".*"scope":"org\/two","connectedScope":"org\/one"/,
  );
  assert.equal(gateway.links.length, 2);
  for (const { socket } of [first]) socket.terminate();
  await eventually(() => gateway.links.length === 1);
});

test('what happens to delegates is told, with the token that they showed', async () => {
  await using gateway = await withTokens({ t: someToken('t', { scope: 'org/one' }), r: 'revoked' });
  const told = () =>
    gateway.events.map(({ kind, token, delegate, instance, reason }) =>
      [kind, token?.name, delegate, instance, reason].filter(Boolean).join(' '),
    );
  assert.equal((await (await gateway.join({}, 'r')).closed).code, 4412);
  assert.equal((await (await gateway.join({ name: 'no name' }, 't')).closed).code, 4403);
  const peer = await gateway.join({}, 't');
  await peer.next();
  const [link] = gateway.links;
  link?.start({
    type: 'task',
    task: 't',
    attempt: 1,
    remainingMs: 1_000,
    program: { shell: 'bash', text: 'x', digest: `sha256:${'0'.repeat(64)}` },
    inputs: [],
    recipient: { kty: 'OKP', crv: 'X25519', x: 'B'.repeat(43) },
  });
  const identity = { task: 't', attempt: 1 };
  peer.send({ type: 'accepted', ...identity }, { type: 'heartbeat', running: [identity], draining: true });
  peer.send({ type: 'heartbeat', running: [identity], draining: true });
  peer.send({ type: 'failed', ...identity, reason: 'internal', durationMs: 1 }, { type: 'drained' });
  await peer.heard();
  peer.socket.close(1000);
  await peer.closed;
  await eventually(() => told().length === 6);
  assert.deepEqual(told(), [
    'refused tokenRevoked',
    'refused t nameRefused',
    'joined t edge-1 instance-1',
    'draining t edge-1 instance-1',
    'drained t edge-1 instance-1',
    'lost t edge-1 instance-1 normal',
  ]);
});

test('an instance that comes back supersedes itself; another process with its id is told of, on both sides', async () => {
  await using gateway = await withTokens({ t: someToken('t') });
  const first = await gateway.join({}, 't');
  await first.next();
  const again = await gateway.join({}, 't');
  await again.next();
  const reason = 'the same instance has connected again';
  assert.deepEqual(await first.closed, { code: 4409, reason });
  const publicKey = { kty: 'OKP', crv: 'X25519', x: 'C'.repeat(43) };
  const other = await gateway.join({ publicKey, hostName: 'copy' }, 't');
  await other.next();
  assert.deepEqual(await again.closed, {
    code: 4409,
    reason: 'another process has connected with the same name and instance',
  });
  assert.equal(gateway.links.length, 1);
  const clashes = gateway.notes.filter(note => note.startsWith('two delegate processes'));
  assert.equal(clashes.length, 1);
  assert.match(
    clashes[0] ?? '',
    /"delegate":"edge-1","instance":"instance-1","hostName":"copy","otherHost":"host"/,
  );
});

test('a new token is proposed, known, presented and accepted, in that order', async () => {
  await using gateway = await withTokens({ t: someToken('t') });
  const peer = await gateway.join({ tokenFile: true }, 't');
  await peer.next();
  const [session] = gateway.gateway.sessions();
  const replaced = session?.replace();
  assert.deepEqual(await peer.next(), { type: 'rotate-token' });
  peer.send({ type: 'token-proposed', digest: digest('new') });
  assert.deepEqual(await peer.next(), { type: 'token-known', digest: digest('new') });
  assert.equal(session?.credential, 'hash-of-t', 'until it is shown the one before is the one');
  peer.send({ type: 'token-presented', token: 'new' });
  assert.deepEqual(await peer.next(), { type: 'token-accepted', digest: digest('new') });
  assert.deepEqual(await replaced, { outcome: 'replaced' });
  assert.equal(session?.credential, hash('new'));
  assert.doesNotMatch(gateway.notes.join('\n'), new RegExp(hash('new')));
});

test('who was not asked, or proposes again, keeps the token it has', async () => {
  await using gateway = await withTokens({ t: someToken('t') });
  const peer = await gateway.join({ tokenFile: true }, 't');
  await peer.next();
  const reason = 'nobody has asked for a new token';
  const refused = { type: 'token-refused', digest: digest('new'), reason };
  peer.send({ type: 'token-proposed', digest: digest('new') });
  assert.deepEqual(await peer.next(), refused);
  void gateway.gateway.sessions()[0]?.replace();
  await peer.next();
  peer.send({ type: 'token-proposed', digest: digest('bad') });
  assert.equal((await peer.next()).type, 'token-refused');
  peer.send({ type: 'token-proposed', digest: digest('new') });
  assert.deepEqual(await peer.next(), refused);
});

test('a delegate that cannot replace its token is not asked, or says why', async () => {
  await using gateway = await withTokens({ t: someToken('t', { isDue: true }) });
  const unable = await gateway.join({ instance: 'instance-1' }, 't');
  await unable.next();
  await unable.heard();
  assert.deepEqual(unable.frames, []);
  const able = await gateway.join({ instance: 'instance-2', tokenFile: true }, 't');
  await able.next();
  assert.deepEqual(await able.next(), { type: 'rotate-token' }, 'it is due');
  const [, session] = gateway.gateway.sessions();
  const asked = session?.replace();
  able.send({ type: 'token-declined', reason: 'a full disk' });
  assert.deepEqual(await asked, { outcome: 'declined', reason: 'a full disk' });
  assert.equal(session?.cannotReplace, 'a full disk');
});

test('a changed token is accepted where it has the same rights, and else counts from the next connection', async () => {
  await using gateway = await withTokens({
    t: someToken('t'),
    same: someToken('same'),
    other: someToken('other', { scope: 'org/one' }),
    gone: 'revoked',
  });
  const peer = await gateway.join({}, 't');
  await peer.next();
  for (const [token, reason] of [
    ['other', 'the token has other rights: connect anew with it'],
    ['gone', 'the token was revoked'],
    ['never', 'unknown token'],
  ] as const) {
    peer.send({ type: 'token-presented', token });
    assert.deepEqual(await peer.next(), { type: 'token-refused', digest: digest(token), reason });
  }
  peer.send({ type: 'token-presented', token: 'same' });
  assert.deepEqual(await peer.next(), { type: 'token-accepted', digest: digest('same') });
  assert.equal(gateway.gateway.sessions()[0]?.token, 'id-of-same');
});

test('a session is cut with its code, and one that drains when nothing runs any more', async () => {
  await using gateway = await withTokens({ t: someToken('t') });
  const one = await gateway.join({ instance: 'instance-1' }, 't');
  await one.next();
  const two = await gateway.join({ instance: 'instance-2' }, 't');
  await two.next();
  const [first, second] = gateway.gateway.sessions();
  first?.cut('expired');
  assert.deepEqual(await one.closed, { code: 4411, reason: 'the token has ended' });
  second?.drain();
  second?.drain();
  assert.deepEqual(await two.next(), { type: 'drain' });
  assert.equal(gateway.links.length, 1);
  two.send({ type: 'heartbeat', running: [], draining: true });
  assert.equal((await two.closed).code, 4412);
  assert.deepEqual([two.frames, gateway.gateway.sessions()], [[], []]);
});

test('a flood of tokens ends the connection', async () => {
  await using gateway = await withTokens({ t: someToken('t') });
  const peer = await gateway.join({}, 't');
  await peer.next();
  for (let n = 0; n < 1_000; n += 1) peer.send({ type: 'token-presented', token: `guess-${n}` });
  assert.equal((await peer.closed).code, 4400);
});
