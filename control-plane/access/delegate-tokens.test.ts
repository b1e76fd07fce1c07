import assert from 'node:assert/strict';
import test from 'node:test';
import { testDatabase } from '../../test/harness/database.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { refusalOf, someCaller } from '../../test/harness/tools.ts';
import { hashOf } from './credentials.ts';
import { type DelegateTokenFacts, DelegateTokens } from './delegate-tokens.ts';
import type { Replacement, TokenSession } from './token-sessions.ts';

const edge = { name: 'edge', delegateNames: ['edge-1'], tags: ['eu'], scope: 'org/payments' } as const;
const hourMs = 3_600_000;

/** Tokens over a real store, with a time of day that the test sets. */
async function open() {
  const store = await testDatabase();
  const clock = new FakeClock();
  const sessions: TokenSession[] = [];
  const replaced: string[] = [];
  let time = Date.parse('2024-05-06T07:08:09.000Z');
  const tokens = new DelegateTokens({
    database: store.database,
    clock,
    now: () => new Date(time).toISOString(),
    sessions: () => sessions,
    audited: async ({ name }, _, work) => {
      replaced.push(name);
      await work();
    },
    failed: error => {
      throw error;
    },
  });
  return {
    store,
    clock,
    tokens,
    sessions,
    replaced,
    admin: someCaller(),
    pass(ms: number) {
      time += ms;
    },
    show: (token: string, address = '192.0.2.1') => tokens.authenticate(token, address),
    async facts(token: string): Promise<DelegateTokenFacts> {
      const facts = await tokens.authenticate(token, '192.0.2.1');
      if (typeof facts === 'string') return assert.fail(facts);
      return facts;
    },
    async [Symbol.asyncDispose]() {
      await tokens.close();
      clock.assertNoTimers();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** A connection that notes what is done to it. */
function session(facts: DelegateTokenFacts, about: Partial<TokenSession> = {}) {
  const done: string[] = [];
  const note = (what: string) => () => void done.push(what);
  const replace = async (): Promise<Replacement> => {
    done.push('replace');
    return { outcome: 'replaced' };
  };
  const { id: token, credential } = facts;
  const who = { delegate: 'edge-1', instance: 'i', token, credential, cannotReplace: undefined };
  const cut = (why: string) => void done.push(`cut: ${why}`);
  return Object.assign(done, { ...who, cut, drain: note('drain'), replace, ...about });
}

test('a token allows what it was made for, and nothing of it but a hash is kept', async () => {
  await using world = await open();
  const token = await world.tokens.make(world.admin, edge);
  assert.match(token, /^lgd_[A-Za-z0-9_-]{43}$/);
  const { id: _, ...facts } = await world.facts(token);
  assert.deepEqual(facts, { ...edge, credential: hashOf(token), isDue: false });
  assert.equal(await world.show(`${token}x`), 'unknown');
  for (const table of ['delegate_tokens', 'delegate_token_credentials'] as const) {
    const rows = await world.store.database.selectFrom(table).selectAll().execute();
    assert.doesNotMatch(JSON.stringify(rows), new RegExp(token.slice(4)));
  }
});

test('a name that is taken is refused, also when two ask at once', async () => {
  await using world = await open();
  const made = await Promise.allSettled([1, 2].map(() => world.tokens.make(world.admin, edge)));
  assert.deepEqual(made.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await assert.rejects(world.tokens.make(world.admin, { ...edge, scope: 'account' }), {
    message: 'Invalid request: a delegate token named "edge" exists already; choose another name',
  });
});

test('it counts until its end, from its networks only, and never after it was revoked', async () => {
  await using world = await open();
  const asked = { ...edge, expiresInMs: hourMs, networks: ['10.0.0.0/8'] };
  const token = await world.tokens.make(world.admin, asked);
  assert.equal(await world.show(token, '11.0.0.1'), 'address');
  assert.equal(typeof (await world.show(token, '::ffff:10.9.9.9')), 'object');
  world.pass(hourMs - 1);
  assert.equal(typeof (await world.show(token, '10.0.0.1')), 'object');
  world.pass(1);
  assert.equal(await world.show(token, '10.0.0.1'), 'expired');
  const other = await world.tokens.make(world.admin, { ...edge, name: 'other' });
  await world.tokens.revoke(world.admin, 'other');
  assert.equal(await world.show(other), 'revoked');
});

test('after a rotation both count until the overlap after the first use of the new one is over', async () => {
  await using world = await open();
  const one = await world.tokens.make(world.admin, edge);
  const { token: two } = await world.tokens.rotate(world.admin, 'edge', hourMs);
  world.pass(100 * hourMs);
  assert.equal(typeof (await world.show(one)), 'object', 'nobody has used the new one');
  assert.deepEqual(world.replaced, []);
  const { credential } = await world.facts(two);
  assert.equal(credential, hashOf(two));
  assert.deepEqual(world.replaced, ['edge']);
  world.pass(hourMs - 1);
  assert.equal(typeof (await world.show(one)), 'object');
  world.pass(1);
  assert.equal(await world.show(one), 'expired');
  assert.equal(typeof (await world.show(two)), 'object');
});

test('the second generation is rotated like the first, and is kept as a hash too', async () => {
  await using world = await open();
  const made = [await world.tokens.make(world.admin, { ...edge, expiresInMs: 10 * hourMs })];
  for (let generation = 0; generation < 3; generation += 1) {
    const { token } = await world.tokens.rotate(world.admin, 'edge', 0);
    await world.facts(token);
    made.push(token);
    for (const older of made.slice(0, -1)) assert.equal(await world.show(older), 'expired');
    world.pass(9 * hourMs);
    await world.facts(token);
  }
  const rows = await world.store.database.selectFrom('delegate_token_credentials').selectAll().execute();
  for (const token of made) assert.doesNotMatch(JSON.stringify(rows), new RegExp(token.slice(4)));
  world.pass(hourMs);
  assert.equal(await world.show(made.at(-1) ?? ''), 'expired', 'each lasts as long as the first');
});

test('a rotation whose token was lost is done again: what nobody used counts no more', async () => {
  await using world = await open();
  const one = await world.tokens.make(world.admin, edge);
  const { token: lost } = await world.tokens.rotate(world.admin, 'edge', hourMs);
  const { token: two } = await world.tokens.rotate(world.admin, 'edge', hourMs);
  assert.equal(await world.show(lost), 'unknown');
  await world.facts(one);
  await world.facts(two);
});

test('a token that a delegate has made counts beside the one before, and ends that one alone', async () => {
  await using world = await open();
  const one = await world.tokens.make(world.admin, edge);
  const { token: other } = await world.tokens.rotate(world.admin, 'edge', hourMs);
  const facts = await world.facts(one);
  const own = `lgd_${'x'.repeat(43)}`;
  assert.equal(await world.tokens.propose(facts, hashOf(own)), true);
  assert.equal(await world.tokens.propose(facts, hashOf(own)), true, 'again');
  assert.equal((await world.facts(own)).credential, hashOf(own));
  world.pass(25 * hourMs);
  assert.equal(await world.show(one), 'expired');
  await world.facts(own);
  await world.facts(other);
});

test('a proposal is refused for a hash of another token, one that has ended, and after a revocation', async () => {
  await using world = await open();
  const one = await world.facts(await world.tokens.make(world.admin, edge));
  const foreign = await world.tokens.make(world.admin, { ...edge, name: 'foreign' });
  assert.equal(await world.tokens.propose(one, hashOf(foreign)), false);
  const short = await world.tokens.make(world.admin, { ...edge, name: 'short', expiresInMs: hourMs });
  const facts = await world.facts(short);
  world.pass(hourMs);
  assert.equal(await world.tokens.propose(facts, hashOf(short)), false);
  await world.tokens.revoke(world.admin, 'edge');
  assert.equal(await world.tokens.propose(one, hashOf('lgd_new')), false);
});

test('a revocation cuts the connections of the token at once, and no others', async () => {
  await using world = await open();
  const one = session(await world.facts(await world.tokens.make(world.admin, edge)));
  const other = session(await world.facts(await world.tokens.make(world.admin, { ...edge, name: 'other' })));
  world.sessions.push(one, other);
  await world.tokens.revoke(world.admin, 'edge');
  assert.deepEqual([[...one], [...other]], [['cut: revoked'], []]);
});

test('a revocation with a drain lets finish what runs, and cuts when the time for that is over', async () => {
  await using world = await open();
  const one = session(await world.facts(await world.tokens.make(world.admin, edge)));
  world.sessions.push(one);
  await world.tokens.revoke(world.admin, 'edge', hourMs);
  assert.deepEqual([...one], ['drain']);
  world.pass(hourMs);
  await world.tokens.look();
  assert.deepEqual([...one], ['drain', 'cut: revoked']);
});

test('what another server has done to a token is noticed within half a minute', async () => {
  await using world = await open();
  const one = session(await world.facts(await world.tokens.make(world.admin, edge)));
  const short = await world.tokens.make(world.admin, { ...edge, name: 'short', expiresInMs: hourMs });
  const two = session(await world.facts(short));
  world.tokens.start();
  await world.tokens.revoke(world.admin, 'edge');
  world.sessions.push(one, two);
  world.pass(hourMs);
  await world.clock.advance(30_000);
  await world.tokens.close();
  assert.deepEqual([[...one], [...two]], [['cut: revoked'], ['cut: expired']]);
});

test('a token that renews is asked to when a third of its life is left, not before and not without', async () => {
  await using world = await open();
  const asked = { ...edge, expiresInMs: 3 * hourMs };
  const one = await world.tokens.make(world.admin, { ...asked, renews: true });
  const two = await world.tokens.make(world.admin, { ...asked, name: 'other' });
  const renewing = session(await world.facts(one));
  const unable = session(await world.facts(one), { cannotReplace: 'no file' });
  world.sessions.push(renewing, unable, session(await world.facts(two)));
  world.pass(2 * hourMs);
  await world.tokens.look();
  assert.equal((await world.facts(one)).isDue, false);
  world.pass(1);
  await world.tokens.look();
  assert.deepEqual(
    world.sessions.map(done => [...Object.values({ ...done })].filter(what => what === 'replace')),
    [['replace'], [], []],
  );
  assert.equal((await world.facts(one)).isDue, true);
  assert.equal((await world.facts(two)).isDue, false);
});

test('a rotation in place asks who is connected, tells what came of it, and asks others when they come', async () => {
  await using world = await open();
  const token = await world.tokens.make(world.admin, edge);
  const facts = await world.facts(token);
  const never = () => new Promise<never>(() => {});
  world.sessions.push(
    session(facts),
    session(facts, { instance: 'fixed', cannotReplace: 'no file' }),
    session(facts, { instance: 'silent', replace: never }),
  );
  world.pass(1);
  const rotating = world.tokens.rotateInPlace(world.admin, 'edge', hourMs);
  while (world.clock.pending().length === 0) await new Promise(resolve => setImmediate(resolve));
  await world.clock.advance(20_000);
  assert.deepEqual((await rotating).delegates, [
    { delegate: 'edge-1', instance: 'i', outcome: 'replaced' },
    { delegate: 'edge-1', instance: 'fixed', outcome: 'declined', reason: 'no file' },
    { delegate: 'edge-1', instance: 'silent', outcome: 'no answer' },
  ]);
  assert.equal((await world.facts(token)).isDue, true);
  assert.equal(await world.tokens.propose(facts, hashOf('lgd_new')), true);
  assert.equal((await world.facts('lgd_new')).isDue, false);
});

test('the list shows state, end, last use, and who still uses the one before', async () => {
  await using world = await open();
  const one = await world.tokens.make(world.admin, { ...edge, expiresInMs: 10 * hourMs });
  world.sessions.push(session(await world.facts(one)));
  world.pass(hourMs);
  const { token: two } = await world.tokens.rotate(world.admin, 'edge', hourMs);
  world.sessions.push(session(await world.facts(two), { delegate: 'edge-2' }));
  const [listed] = await world.tokens.list(world.admin);
  assert.equal(listed?.state, 'active');
  assert.equal(listed?.expiresAt, '2024-05-06T18:08:09.000Z');
  assert.equal(listed?.previousUntil, '2024-05-06T09:08:09.000Z');
  assert.equal(listed?.lastUsedAt, '2024-05-06T08:08:09.000Z');
  assert.deepEqual(listed?.delegates, ['edge-1', 'edge-2']);
  assert.deepEqual(listed?.delegatesOnPrevious, ['edge-1']);
  world.pass(11 * hourMs);
  assert.equal((await world.tokens.list(world.admin))[0]?.state, 'expired');
  await world.tokens.revoke(world.admin, 'edge');
  assert.equal((await world.tokens.list(world.admin))[0]?.state, 'revoked');
});

test('who administers another scope sees nothing, and gets what is said of a token that is not there', async () => {
  await using world = await open();
  await world.tokens.make(world.admin, edge);
  const stranger = someCaller({ role: 'admin', scope: 'org/other' });
  assert.deepEqual(await world.tokens.list(stranger), []);
  const acts = [
    (name: string) => world.tokens.rotate(stranger, name, 0),
    (name: string) => world.tokens.rotateInPlace(stranger, name, 0),
    (name: string) => world.tokens.revoke(stranger, name),
  ];
  for (const act of acts) {
    const [there, absent] = [await refusalOf(act('edge')), await refusalOf(act('none'))];
    assert.equal(there.code, 'RESOURCE_NOT_FOUND');
    assert.equal(there.message.replace('edge', 'none'), absent.message);
  }
  assert.equal((await refusalOf(world.tokens.make(stranger, edge))).code, 'ACCESS_DENIED');
});

test('a revoked token is not rotated, and a token that renews needs an end', async () => {
  await using world = await open();
  await world.tokens.make(world.admin, edge);
  await world.tokens.revoke(world.admin, 'edge');
  assert.match(
    (await refusalOf(world.tokens.rotate(world.admin, 'edge', 0))).message,
    /is revoked, for good/,
  );
  const inPlace = refusalOf(world.tokens.rotateInPlace(world.admin, 'edge', 0));
  assert.match((await inPlace).message, /is revoked, for good/);
  const renewing = world.tokens.make(world.admin, { ...edge, name: 'x', renews: true });
  assert.match((await refusalOf(renewing)).message, /renews needs expiresInMs/);
});
