import assert from 'node:assert/strict';
import test from 'node:test';
import type { Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { delegateTokenCommand } from './delegate-tokens.ts';
import { UsageError } from './settings.ts';

/** Runs a command against a control plane that gives these answers in turn. */
async function run(words: readonly string[], ...answers: Json[]) {
  const asked: unknown[] = [];
  let out = '';
  let err = '';
  const answer = async (method: string, path: string, body?: object) => {
    asked.push(body ? [method, path, body] : [method, path]);
    return answers.shift() ?? {};
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
  await delegateTokenCommand(context).exitOverride().parseAsync(words, { from: 'user' });
  return { asked, out, err };
}

test('a token is made with its bounds, and is all there is on standard output', async () => {
  const words = ['create', 'edge', '--delegate', 'a', 'b', '--tag', 'eu', '--from', '10.0.0.0/8'];
  const more = ['--expires', '90d', '--renew', '--org', 'payments'];
  const { asked, out } = await run([...words, ...more], { token: 'lgd_x' });
  const body = {
    name: 'edge',
    delegateNames: ['a', 'b'],
    tags: ['eu'],
    networks: ['10.0.0.0/8'],
    expiresInMs: 90 * 86_400_000,
    renews: true,
    orgIdentifier: 'payments',
  };
  assert.deepEqual(asked, [['POST', '/delegate-tokens', body]]);
  assert.equal(out, 'lgd_x\n');
});

test('a token that renews needs an end, and an end is not now', async () => {
  await assert.rejects(run(['create', 'edge', '--renew']), UsageError);
  await assert.rejects(run(['create', 'edge', '--expires', '0']), UsageError);
});

test('tokens are listed with what they allow and who uses them', async () => {
  const item = {
    name: 'edge',
    scope: 'org/payments',
    state: 'active',
    delegateNames: ['a'],
    tags: ['eu'],
    networks: ['10.0.0.0/8'],
    renews: true,
    expiresAt: 'T1',
    previousUntil: 'T2',
    delegates: ['a', 'b'],
    delegatesOnPrevious: ['b'],
  };
  const { out } = await run(['list'], { items: [item] });
  assert.match(out, /^edge +org\/payments +active +T1, renews +never +T2 +a +eu +10\.0\.0\.0\/8 +a, b +b$/m);
  assert.match((await run(['list', '--json'], { items: [item] })).out, /"scope": "org\/payments"/);
});

test('a token is rotated with a day of overlap unless another is said', async () => {
  const { asked, out, err } = await run(['rotate', 'a/b'], { token: 'lgd_2' });
  assert.deepEqual(asked, [['POST', '/delegate-tokens/a%2Fb/rotate', { overlapMs: 86_400_000 }]]);
  assert.equal(out, 'lgd_2\n');
  assert.match(err, /counts until 24h after its first use/);
});

test('of a rotation in place each delegate is told, and what was not done makes it end with 1', async t => {
  t.after(() => {
    process.exitCode = undefined;
  });
  const done = { delegate: 'a', instance: 'i', outcome: 'replaced' };
  const all = await run(['rotate', 'edge', '--in-place'], { delegates: [done] });
  assert.equal(process.exitCode, undefined);
  assert.equal(all.out, 'a (i) replaced\n');
  const declined = { delegate: 'b', instance: 'j', outcome: 'declined', reason: 'no file' };
  const some = await run(['rotate', 'edge', '--in-place', '--overlap', '0'], { delegates: [done, declined] });
  assert.equal(process.exitCode, 1);
  assert.deepEqual(some.asked, [['POST', '/delegate-tokens/edge/rotate', { overlapMs: 0, inPlace: true }]]);
  assert.equal(some.out, 'a (i) replaced\nb (j) declined: no file\n');
});

test('a revocation cuts at once, or drains for as long as is said', async () => {
  const asked = async (...words: string[]) => (await run(['revoke', ...words])).asked;
  assert.deepEqual(await asked('edge'), [['DELETE', '/delegate-tokens/edge']]);
  assert.deepEqual(await asked('edge', '--drain'), [['DELETE', '/delegate-tokens/edge?drainMs=600000']]);
  assert.deepEqual(await asked('edge', '--drain', '30s'), [
    ['DELETE', '/delegate-tokens/edge?drainMs=30000'],
  ]);
});
