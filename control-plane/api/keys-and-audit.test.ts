/** Keys and the audit trail over HTTP, on a real store. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fastify from 'fastify';
import { auditKey } from '../../test/harness/audit.ts';
import { testDatabase } from '../../test/harness/database.ts';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { ApiKeys } from '../access/api-keys.ts';
import { makeFirstApiKey } from '../access/first-api-key.ts';
import { createAudit } from '../audit/audit.ts';
import { recordsAfter } from '../store/audit.ts';
import { auditRoutes } from './audit.ts';
import { keyOf } from './caller.ts';
import { describeError } from './errors.ts';
import { keyRoutes } from './keys.ts';

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function desk({ withFile = false } = {}) {
  const store = await testDatabase();
  const folder = temporaryFolder();
  const { database } = store;
  let time = Date.parse('2024-05-06T00:00:00.000Z');
  // Every look at the clock is a moment later, so that what happens later has a later time.
  const now = () => {
    time += 1;
    return new Date(time).toISOString();
  };
  const file = withFile ? folder.file('audit.jsonl') : undefined;
  const audit = await createAudit({ database, key: auditKey, now, file });
  const keys = new ApiKeys({ database, now, failed: error => assert.ifError(error) });
  let admin = '';
  await makeFirstApiKey(database, now(), key => {
    admin = key;
  });
  const app = fastify();
  app.decorateRequest('legateCaller', undefined);
  app.addHook('onRequest', async request => {
    request.legateCaller = await keys.authenticate(keyOf(request), request.ip);
  });
  app.setErrorHandler((error, _, reply) => {
    const { status, body } = describeError(error);
    return reply.status(status).send(body);
  });
  keyRoutes(app, { keys, audit, clock: new FakeClock() });
  auditRoutes(app, { database, audit, clock: new FakeClock() });
  return {
    database,
    audit,
    admin,
    async ask(
      key: string,
      method: 'GET' | 'POST' | 'DELETE',
      url: string,
      payload?: object,
    ): Promise<Answer> {
      const headers = { 'x-api-key': key };
      const response = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
      return { status: response.statusCode, body: response.json() };
    },
    /** What was recorded, without what is different every time. */
    async recorded() {
      const records = (await recordsAfter(database, 0, 1_000)).map(({ record }) => JSON.parse(record));
      return records.map(({ type, action, subject, scope, outcome, reason, details }) =>
        [type, action, subject, scope, outcome, reason, JSON.stringify(details)].filter(Boolean).join(' '),
      );
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await keys.settled();
      await audit.close();
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const viewer = [{ role: 'viewer', scope: 'org/payments' }];

test('a key is made, rotated and revoked, and each of it is in the audit trail with the rights, not the key', async () => {
  await using at = await desk();
  const make = { name: 'ci', grants: viewer, expiresInMs: 1_000_000 };
  const made = await at.ask(at.admin, 'POST', '/keys', make);
  assert.equal(made.body.name, 'ci');
  const rotated = await at.ask(at.admin, 'POST', '/keys/ci/rotate', { overlapMs: 0 });
  const key = String(rotated.body.key);
  assert.equal((await at.ask(String(made.body.key), 'GET', '/keys')).status, 401);
  assert.equal((await at.ask(key, 'GET', '/keys')).status, 200);
  assert.deepEqual((await at.ask(at.admin, 'DELETE', '/keys/ci')).body, { name: 'ci', state: 'revoked' });
  assert.equal((await at.ask(key, 'GET', '/keys')).status, 401);
  const recorded = await at.recorded();
  assert.deepEqual(recorded, [
    'request key.create key/ci',
    'response key.create key/ci org/payments succeeded {"expiresInMs":1000000,"grants":["viewer@org/payments"]}',
    'request key.rotate key/ci',
    'response key.rotate key/ci org/payments succeeded {"grants":["viewer@org/payments"],"overlapMs":0}',
    'request key.revoke key/ci',
    'response key.revoke key/ci org/payments succeeded {"grants":["viewer@org/payments"]}',
  ]);
  const { body } = await at.ask(at.admin, 'GET', '/audit');
  for (const secret of [at.admin, String(made.body.key), key])
    assert.doesNotMatch(JSON.stringify(body), new RegExp(secret.slice(4)));
});

test('what is refused is recorded too, and what is there is not told to whom it is no business of', async () => {
  await using at = await desk();
  const { body } = await at.ask(at.admin, 'POST', '/keys', { name: 'ci', grants: viewer });
  const ci = String(body.key);
  const denied = await at.ask(ci, 'POST', '/keys', { name: 'more', grants: viewer });
  assert.deepEqual([denied.status, denied.body.code], [403, 'ACCESS_DENIED']);
  for (const [method, path, payload] of [
    ['DELETE', '', undefined],
    ['POST', '/rotate', { overlapMs: 0 }],
  ] as const) {
    const there = await at.ask(ci, method, `/keys/admin${path}`, payload);
    const absent = await at.ask(ci, method, `/keys/absent${path}`, payload);
    assert.equal(there.status, 404);
    const comparable = ({ body }: Answer) =>
      JSON.stringify({ ...body, correlationId: '' }).replaceAll('absent', 'admin');
    assert.equal(comparable(there), comparable(absent));
  }
  assert.deepEqual((await at.ask(ci, 'GET', '/keys')).body, { items: [] });
  assert.deepEqual((await at.recorded()).slice(2, 6), [
    'request key.create key/more',
    'response key.create key/more denied ACCESS_DENIED',
    'request key.revoke key/admin',
    'response key.revoke key/admin failed RESOURCE_NOT_FOUND',
  ]);
});

test('a malformed request is refused with its field', async () => {
  await using at = await desk();
  const cases: [path: string, payload: object, message: RegExp][] = [
    ['/keys', { name: 'a b', grants: viewer }, /name/],
    ['/keys', { name: 'a', grants: viewer, expiresInMs: 0 }, /expiresInMs/],
    ['/keys', { name: 'a', grants: [] }, /grants must hold at least one/],
    ['/keys', { name: 'a', grants: [{ role: 'viewer', path: 'x' }] }, /grants/],
    ['/keys/admin/rotate', {}, /overlapMs/],
    ['/keys/admin/rotate', { overlapMs: -1 }, /overlapMs/],
  ];
  for (const [path, payload, message] of cases) {
    const { status, body } = await at.ask(at.admin, 'POST', path, payload);
    assert.equal(status, 400);
    assert.match(String(body.message), message);
  }
  for (const query of ['limit=0', 'limit=501', 'limit=x', 'before=0', 'actor=a&actor=b', 'before=-1'])
    assert.equal((await at.ask(at.admin, 'GET', `/audit?${query}`)).status, 400);
  for (const query of ['head=1', 'head=1:x', 'file=true'])
    assert.equal((await at.ask(at.admin, 'GET', `/audit/verify?${query}`)).status, 400);
});

test('nothing is done to a key where it cannot be recorded', async () => {
  await using at = await desk();
  await at.database.schema.alterTable('audit').renameTo('gone').execute();
  assert.equal((await at.ask(at.admin, 'POST', '/keys', { name: 'ci', grants: viewer })).status, 503);
  assert.deepEqual(
    (await at.database.selectFrom('api_keys').select('name').execute()).map(({ name }) => name),
    ['admin'],
  );
  await at.database.schema.alterTable('gone').renameTo('audit').execute();
});

test('the trail is read by administrators of a scope, and verified by those of the account', async () => {
  await using at = await desk({ withFile: true });
  const key = async (name: string, role: string, scope: string) =>
    String((await at.ask(at.admin, 'POST', '/keys', { name, grants: [{ role, scope }] })).body.key);
  const payments = await key('payments', 'admin', 'org/payments');
  const editor = await key('editor', 'editor', 'account');
  await key('other', 'viewer', 'org/other');
  const read = await at.ask(payments, 'GET', '/audit?limit=10');
  assert.ok(Array.isArray(read.body.items));
  assert.deepEqual(
    read.body.items.map(({ subject }) => subject),
    ['key/payments'],
  );
  assert.equal((await at.ask(editor, 'GET', '/audit')).status, 403);
  for (const caller of [payments, editor]) {
    assert.equal((await at.ask(caller, 'GET', '/audit/verify')).status, 403);
    assert.equal((await at.ask(caller, 'POST', '/audit/fingerprint', { value: 'x' })).status, 403);
  }
  const { seq, hash } = at.audit.head;
  const { body } = await at.ask(at.admin, 'GET', `/audit/verify?file=true&head=${seq}:${hash}`);
  const right = { ok: true, count: seq, head: { seq, hash } };
  assert.deepEqual(body, { store: right, file: right });
  const missing = await at.ask(at.admin, 'GET', `/audit/verify?head=${seq + 1}:${hash}`);
  assert.match(JSON.stringify(missing.body), /"ok":false.*records are missing at the end/);
});

test('a page of the trail says where the next one begins', async () => {
  await using at = await desk();
  for (const name of ['a', 'b']) await at.ask(at.admin, 'POST', '/keys', { name, grants: viewer });
  const seqs = async (query: string) => {
    const { items, next } = (await at.ask(at.admin, 'GET', `/audit?${query}`)).body;
    assert.ok(Array.isArray(items));
    return [items.map(({ seq }) => seq), next];
  };
  assert.deepEqual(await seqs('limit=3'), [[4, 3, 2], 2]);
  assert.deepEqual(await seqs('limit=3&before=2'), [[1], undefined]);
  assert.deepEqual(await seqs('subject=key/a&action=key.create&actor=admin'), [[2, 1], undefined]);
});

test('a known value can be compared with what was recorded; that somebody did so is recorded without it', async () => {
  await using at = await desk();
  const { body } = await at.ask(at.admin, 'POST', '/audit/fingerprint', { value: 'hunter2' });
  assert.deepEqual(body, { fingerprint: at.audit.fingerprint('hunter2') });
  assert.deepEqual(await at.recorded(), [
    'request audit.fingerprint',
    'response audit.fingerprint succeeded',
  ]);
  assert.doesNotMatch(JSON.stringify(await recordsAfter(at.database, 0, 10)), /hunter2/);
});
