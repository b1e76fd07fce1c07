import assert from 'node:assert/strict';
import test from 'node:test';
import { sql } from 'kysely';
import { someTime, type TestDatabase, testDatabase } from '../../test/harness/database.ts';
import { RequestError } from '../domain/errors.ts';
import type { Caller } from '../domain/permissions.ts';
import { findApiKeyByName } from '../store/api-keys.ts';
import { ApiKeys } from './api-keys.ts';
import { makeFirstApiKey } from './first-api-key.ts';
import type { AskedGrant } from './grants.ts';

const unauthorized = (error: unknown) =>
  error instanceof RequestError &&
  error.code === 'USER_NOT_AUTHORIZED' &&
  error.message === 'User not authorized';
const hourMs = 3_600_000;

interface Desk extends AsyncDisposable {
  readonly store: TestDatabase;
  readonly keys: ApiKeys;
  readonly admin: Caller;
  readonly adminKey: string;
  /** Milliseconds that have passed. */
  pass(ms: number): void;
  readonly failures: unknown[];
}

/** Keys over a real store with the first key in it. */
async function desk(): Promise<Desk> {
  const store = await testDatabase();
  let time = Date.parse(someTime);
  const failures: unknown[] = [];
  const keys = new ApiKeys({
    database: store.database,
    now: () => new Date(time).toISOString(),
    failed: error => failures.push(error),
  });
  let adminKey = '';
  await makeFirstApiKey(store.database, someTime, made => {
    adminKey = made;
  });
  return {
    store,
    keys,
    adminKey,
    admin: await keys.authenticate(adminKey, '192.0.2.1'),
    failures,
    pass(ms) {
      time += ms;
    },
    async [Symbol.asyncDispose]() {
      await keys.settled();
      await store[Symbol.asyncDispose]();
    },
  };
}

const viewer: AskedGrant[] = [{ role: 'viewer', scope: 'org/payments' }];

test("the first key is the administrator's, and lets its holder in", async () => {
  await using at = await desk();
  assert.match(at.adminKey, /^lgk_[A-Za-z0-9_-]{43}$/);
  const { keyId, ...caller } = at.admin;
  assert.match(keyId, /./);
  assert.deepEqual(caller, {
    name: 'admin',
    grants: [{ role: 'admin', scope: 'account' }],
    source: '192.0.2.1',
  });
});

test('a key that is wrong, missing, empty, expired, revoked or no API key is refused alike', async () => {
  await using at = await desk();
  const { keys, admin, adminKey } = at;
  const { key: expired } = await keys.make(admin, { name: 'expired', grants: viewer, expiresInMs: hourMs });
  const { key: revoked } = await keys.make(admin, { name: 'revoked', grants: viewer });
  await keys.revoke(admin, 'revoked');
  at.pass(hourMs);
  const wrong = [adminKey.slice(0, -1), `${adminKey}x`, adminKey.toUpperCase(), ` ${adminKey}`];
  for (const key of [undefined, '', 'lgk_', 'lgd_x', expired, revoked, ...wrong])
    await assert.rejects(keys.authenticate(key, ''), unauthorized);
});

test('a key counts until the moment at which it expires', async () => {
  await using at = await desk();
  const { key } = await at.keys.make(at.admin, { name: 'ci', grants: viewer, expiresInMs: hourMs });
  at.pass(hourMs - 1);
  const { grants, name } = await at.keys.authenticate(key, '');
  assert.deepEqual([name, grants], ['ci', viewer]);
  at.pass(1);
  await assert.rejects(at.keys.authenticate(key, ''), unauthorized);
});

test('nothing of a key but a hash is kept', async () => {
  await using at = await desk();
  const { key } = await at.keys.make(at.admin, { name: 'ci', grants: viewer });
  const rows = [
    await at.store.database.selectFrom('api_keys').selectAll().execute(),
    await at.store.database.selectFrom('api_key_credentials').selectAll().execute(),
  ];
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(key.slice(4)));
  assert.doesNotMatch(JSON.stringify(await at.keys.list(at.admin)), new RegExp(key.slice(4)));
});

test('a name that is taken, or was, is refused', async () => {
  await using at = await desk();
  await at.keys.make(at.admin, { name: 'ci', grants: viewer });
  await at.keys.revoke(at.admin, 'ci');
  await assert.rejects(at.keys.make(at.admin, { name: 'ci', grants: viewer }), {
    message: 'Invalid request: an API key named "ci" exists or has existed; choose another name',
  });
});

test('nobody gives rights where they are no administrator, and sees, rotates or revokes such keys', async () => {
  await using at = await desk();
  const { keys, admin } = at;
  const caller = async (name: string, ...grants: AskedGrant[]) =>
    keys.authenticate((await keys.make(admin, { name, grants })).key, '');
  const payments = await caller('payments', { role: 'admin', scope: 'org/payments' });
  const editor = await caller('editor', { role: 'editor' }, { role: 'fetcher' });
  await keys.make(admin, { name: 'both', grants: [...viewer, { role: 'viewer', scope: 'org/other' }] });
  await keys.make(payments, { name: 'demo', grants: [{ role: 'admin', scope: 'org/payments/demo' }] });

  for (const [who, scope] of [
    [payments, 'account'],
    [payments, 'org/pay'],
    [editor, 'org/x'],
  ] as const) {
    await assert.rejects(keys.make(who, { name: 'more', grants: [...viewer, { role: 'viewer', scope }] }), {
      message: 'User not authorized: ACCESS_DENIED',
    });
  }
  const names = async (who: Caller) => (await keys.list(who)).map(({ name }) => name);
  assert.deepEqual(await names(payments), ['demo', 'payments']);
  assert.deepEqual(await names(editor), []);
  for (const [who, name] of [
    [payments, 'admin'],
    [payments, 'both'],
    [editor, 'demo'],
    [admin, 'none'],
  ] as const) {
    const message = `Resource not found: there is no API key named "${name}"`;
    await assert.rejects(keys.rotate(who, name, { overlapMs: 0 }), { message });
    await assert.rejects(keys.revoke(who, name), { message });
  }
});

test('a rotation makes a new credential at once; those before count until the overlap is over', async () => {
  await using at = await desk();
  const { key: old } = await at.keys.make(at.admin, { name: 'ci', grants: viewer, expiresInMs: 10 * hourMs });
  at.pass(1);
  const { key: made } = await at.keys.rotate(at.admin, 'ci', { overlapMs: hourMs });
  const [before, after] = [await at.keys.authenticate(old, ''), await at.keys.authenticate(made, '')];
  assert.deepEqual(before, after);
  at.pass(hourMs);
  await assert.rejects(at.keys.authenticate(old, ''), unauthorized);
  at.pass(9 * hourMs - 1);
  await at.keys.authenticate(made, '');
  at.pass(1);
  await assert.rejects(at.keys.authenticate(made, ''), unauthorized);
});

test('a rotation without overlap ends the credential before, and what it has running, at once', async () => {
  await using at = await desk();
  const { key: old } = await at.keys.make(at.admin, { name: 'ci', grants: viewer });
  const caller = await at.keys.authenticate(old, '');
  const ended = new AbortController();
  at.keys.whenEnded(caller, () => ended.abort());
  at.pass(1);
  const { key: overlapping } = await at.keys.rotate(at.admin, 'ci', { overlapMs: 1 });
  assert.equal(ended.signal.aborted, false);
  at.pass(1);
  const { key: made } = await at.keys.rotate(at.admin, 'ci', { overlapMs: 0 });
  assert.equal(ended.signal.aborted, true);
  for (const key of [old, overlapping]) await assert.rejects(at.keys.authenticate(key, ''), unauthorized);
  at.keys.whenEnded(await at.keys.authenticate(made, ''), () => assert.fail('it counts'))();
});

test('revoking ends a key for good, with what it has running and whatever overlap there was', async () => {
  await using at = await desk();
  const { key: old } = await at.keys.make(at.admin, { name: 'ci', grants: viewer });
  at.pass(1);
  const { key: made } = await at.keys.rotate(at.admin, 'ci', { overlapMs: hourMs });
  const ended = new AbortController();
  at.keys.whenEnded(await at.keys.authenticate(old, ''), () => ended.abort());
  await at.keys.revoke(at.admin, 'ci');
  assert.equal(ended.signal.aborted, true);
  for (const key of [old, made]) await assert.rejects(at.keys.authenticate(key, ''), unauthorized);
  await at.keys.revoke(at.admin, 'ci');
  await assert.rejects(at.keys.rotate(at.admin, 'ci', { overlapMs: 0 }), /"ci" is revoked, for good/);
});

test('the last key that administers the account stays, also when two end each other at once', async () => {
  await using at = await desk();
  await assert.rejects(at.keys.revoke(at.admin, 'admin'), /only API key that administers the account/);
  await at.keys.make(at.admin, { name: 'expired', grants: [{ role: 'admin' }], expiresInMs: 1 });
  at.pass(1);
  await assert.rejects(at.keys.revoke(at.admin, 'admin'), /only API key that administers the account/);
  await at.keys.make(at.admin, { name: 'second', grants: [{ role: 'admin' }] });
  const ended = await Promise.allSettled(['admin', 'second'].map(name => at.keys.revoke(at.admin, name)));
  assert.deepEqual(ended.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('the last use is known to the minute, and no request fails because it could not be written', async () => {
  await using at = await desk();
  await at.keys.settled();
  const lastUse = async () =>
    (await findApiKeyByName(at.store.database, 'admin'))?.credentials[0]?.lastUsedAt;
  assert.equal(await lastUse(), someTime);
  at.pass(59_999);
  await at.keys.authenticate(at.adminKey, '');
  await at.keys.settled();
  assert.equal(await lastUse(), someTime);
  at.pass(1);
  await at.keys.authenticate(at.adminKey, '');
  await at.keys.settled();
  assert.equal(await lastUse(), new Date(Date.parse(someTime) + 60_000).toISOString());
  await sql`create trigger full before update on api_key_credentials
    begin select raise(abort, 'the disk is full'); end`.execute(at.store.database);
  at.pass(60_000);
  for (const _ of [1, 2]) await at.keys.authenticate(at.adminKey, '');
  await at.keys.settled();
  assert.match(at.failures.join(), /^Error: the disk is full$/);
});

test('a key is listed with its rights, its state and its times', async () => {
  await using at = await desk();
  await at.keys.make(at.admin, { name: 'ci', grants: viewer, expiresInMs: 2 * hourMs });
  at.pass(1);
  await at.keys.rotate(at.admin, 'ci', { overlapMs: hourMs, expiresInMs: 4 * hourMs });
  const listed = async () => {
    const found = (await at.keys.list(at.admin)).find(({ name }) => name === 'ci');
    return { ...found, id: '' };
  };
  const start = Date.parse(someTime);
  const facts = {
    id: '',
    name: 'ci',
    grants: viewer,
    state: 'active',
    createdBy: 'admin',
    createdAt: someTime,
    expiresAt: new Date(start + 4 * hourMs + 1).toISOString(),
  };
  const previousUntil = new Date(start + hourMs + 1).toISOString();
  assert.deepEqual(await listed(), { ...facts, previousUntil });
  at.pass(hourMs);
  assert.deepEqual(await listed(), facts);
  at.pass(3 * hourMs);
  assert.deepEqual(await listed(), { ...facts, state: 'expired' });
  await at.keys.revoke(at.admin, 'ci');
  assert.deepEqual(await listed(), { ...facts, state: 'revoked' });
});
