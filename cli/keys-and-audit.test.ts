import assert from 'node:assert/strict';
import test from 'node:test';
import { auditCommand } from './audit.ts';
import type { Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { readDuration } from './durations.ts';
import { keyCommand, readGrant } from './keys.ts';
import { UsageError } from './settings.ts';

/** A control plane that gives these answers in turn, and a terminal that remembers. */
function playing(...answers: Json[]) {
  const asked: unknown[] = [];
  let out = '';
  let err = '';
  const answer = async (method: string, path: string, body?: object) => {
    asked.push(body ? [method, path, body] : [method, path]);
    const next = answers.shift();
    assert.ok(next, `nobody expects ${method} ${path}`);
    return next;
  };
  const context: CommandContext = {
    client: () => ({
      get: path => answer('GET', path),
      post: (path, body) => answer('POST', path, body),
      delete: path => answer('DELETE', path),
      events: () => assert.fail('there are no events'),
    }),
    output: {
      out: text => {
        out += String(text);
      },
      err: line => {
        err += `${line}\n`;
      },
      isTerminal: false,
    },
  };
  return { context, asked, out: () => out, err: () => err };
}

const run = (command: ReturnType<typeof keyCommand>, ...words: string[]) =>
  command.exitOverride().parseAsync(words, { from: 'user' });

test('a key is made with its grants, and is all there is on standard output', async () => {
  const { context, asked, out, err } = playing({ name: 'ci', key: 'lgk_x' });
  const grants = ['viewer', 'fetcher@org/payments:connector=account.vault:secret=db'];
  await run(keyCommand(context), 'create', 'ci', '--grant', ...grants, '--expires', '90d');
  assert.deepEqual(asked, [
    [
      'POST',
      '/keys',
      {
        name: 'ci',
        grants: [
          { role: 'viewer' },
          { role: 'fetcher', scope: 'org/payments', connector: 'account.vault', secret: 'db' },
        ],
        expiresInMs: 90 * 86_400_000,
      },
    ],
  ]);
  assert.equal(out(), 'lgk_x\n');
  assert.match(err(), /Key "ci" made\. It cannot be shown again/);
});

test('a key is rotated with a day of overlap unless another is said, and revoked by its name', async () => {
  const { context, asked, out, err } = playing({ key: 'lgk_1' }, { key: 'lgk_2' }, {});
  await run(keyCommand(context), 'rotate', 'ci');
  await run(keyCommand(context), 'rotate', 'a/b', '--overlap', '0', '--expires', '30m');
  await run(keyCommand(context), 'revoke', 'ci');
  assert.deepEqual(asked, [
    ['POST', '/keys/ci/rotate', { overlapMs: 86_400_000 }],
    ['POST', '/keys/a%2Fb/rotate', { overlapMs: 0, expiresInMs: 1_800_000 }],
    ['DELETE', '/keys/ci'],
  ]);
  assert.equal(out(), 'lgk_1\nlgk_2\n');
  assert.match(err(), /counts for 24h.*\n.*counts no more.*\n.*is revoked/);
});

test('keys are listed with their grants as one asks for them', async () => {
  const item = {
    name: 'ci',
    state: 'active',
    grants: [{ role: 'fetcher', scope: 'org/a', secret: 'org/a/b' }],
    createdBy: 'admin\u001b',
  };
  const { context, out } = playing({ items: [item] }, { items: [item] });
  await run(keyCommand(context), 'list');
  assert.match(
    out().split('\n')[1] ?? '',
    /^ci +active +fetcher@org\/a:secret=org\/a\/b +never +never +admin\ufffd$/,
  );
  await run(keyCommand(context), 'list', '--json');
  assert.match(out(), /"name": "ci"/);
});

test('a malformed grant or duration is a usage error', () => {
  for (const grant of [
    '',
    '@account',
    'viewer@',
    'viewer@a@b',
    'fetcher:path=x',
    'fetcher:secret=',
    'fetcher:secret=a:secret=b',
  ])
    assert.throws(() => readGrant(grant), UsageError, grant);
  for (const duration of ['', '1', '1w', '-1d', '1.5h', '01d', '24 h', '99999999d'])
    assert.throws(() => readDuration('--expires', duration), /--expires must be a whole number/);
  assert.deepEqual(
    ['0', '45s', '30m', '24h', '7d'].map(text => readDuration('-', text)),
    [0, 45_000, 1_800_000, 86_400_000, 604_800_000],
  );
});

const record = (seq: number) => ({
  seq,
  time: 'T',
  type: 'response',
  actor: { id: 'i', name: 'ci' },
  source: '::1',
  action: 'secret.fetch',
  subject: 'account.x',
  outcome: 'failed',
  reason: 'no-eligible-delegate',
});

test('records are listed, page after page until there are enough', async () => {
  const { context, asked, out, err } = playing(
    { items: [record(9)], next: 9 },
    { items: [], next: 5 },
    { items: [record(4), record(3)], next: 3 },
  );
  await run(auditCommand(context), 'list', '--limit', '3', '--subject', 'account.x', '--actor', 'ci');
  assert.deepEqual(asked, [
    ['GET', '/audit?limit=3&actor=ci&subject=account.x'],
    ['GET', '/audit?limit=2&actor=ci&subject=account.x&before=9'],
    ['GET', '/audit?limit=2&actor=ci&subject=account.x&before=5'],
  ]);
  assert.match(
    out().split('\n')[1] ?? '',
    /^9 +T +response +ci +::1 +secret.fetch +account.x +failed +no-eligible-delegate$/,
  );
  assert.match(err(), /--before 3/);
});

test('as JSON each record is a line', async () => {
  const { context, out, err } = playing({ items: [record(2), record(1)] });
  await run(auditCommand(context), 'list', '--json', '--before', '3');
  assert.deepEqual(
    out()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    [record(2), record(1)],
  );
  assert.equal(err(), '');
});

test('a trail that is right gives a head to note, one that is broken says where and ends with 1', async t => {
  t.after(() => {
    process.exitCode = undefined;
  });
  const right = { ok: true, count: 7, head: { seq: 7, hash: 'abc' } };
  const { context, asked, out } = playing(
    { store: right },
    { store: right, file: { ok: false, count: 2, head: {}, fault: { seq: 3, reason: 'a gap' } } },
  );
  await run(auditCommand(context), 'verify', '--head', '5:abc', '6:def');
  assert.equal(process.exitCode, undefined);
  await run(auditCommand(context), 'verify', '--file');
  assert.equal(process.exitCode, 1);
  assert.deepEqual(asked, [
    ['GET', '/audit/verify?head=5%3Aabc&head=6%3Adef'],
    ['GET', '/audit/verify?file=true'],
  ]);
  assert.deepEqual(out().split('\n'), [
    'store: 7 records are right; head 7:abc',
    'store: 7 records are right; head 7:abc',
    'file: broken at record 3: a gap (2 are right)',
    '',
  ]);
});
