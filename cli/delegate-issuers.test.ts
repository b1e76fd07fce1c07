import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import type { Json } from './client.ts';
import type { CommandContext } from './context.ts';
import { delegateIssuerCommand } from './delegate-issuers.ts';
import { UsageError } from './settings.ts';

/** Runs a command against a control plane that gives this answer. */
async function run(words: readonly string[], answer: Json = {}) {
  const asked: unknown[] = [];
  const written: string[] = [];
  const said = async (...about: unknown[]) => {
    asked.push(...about);
    return answer;
  };
  const context: CommandContext = {
    client: () => ({
      get: path => said('GET', path),
      post: (path, body) => said('POST', path, body),
      delete: path => said('DELETE', path),
      events: () => assert.fail('there are no events'),
    }),
    output: { out: text => written.push(String(text)), err: line => written.push(line), isTerminal: false },
  };
  await delegateIssuerCommand(context).exitOverride().parseAsync(words, { from: 'user' });
  return { asked, text: written.join('') };
}

const least = ['create', 'cluster', '--issuer', 'https://a.example', '--audience', 'legate'];

test('an issuer is trusted with what is said of it, a claim with each of its values', async () => {
  using folder = temporaryFolder();
  const ca = folder.file('ca.pem');
  writeFileSync(ca, 'a certificate');
  const claims = ['--claim', '/kubernetes.io/namespace=vault', 'sub=a=b', 'sub=c'];
  const keys = ['--algorithm', 'ES256', '--jwks-url', 'https://a.example/keys', '--ca-file', ca];
  const bounds = ['--delegate', 'a', 'b', '--tag', 'eu', '--from', '10.0.0.0/8', '--org', 'payments'];
  const { asked } = await run([...least, ...claims, ...keys, ...bounds]);
  const body = {
    name: 'cluster',
    issuer: 'https://a.example',
    audience: 'legate',
    claims: { '/kubernetes.io/namespace': ['vault'], sub: ['a=b', 'c'] },
    algorithms: ['ES256'],
    jwksUrl: 'https://a.example/keys',
    ca: 'a certificate',
    delegateNames: ['a', 'b'],
    tags: ['eu'],
    networks: ['10.0.0.0/8'],
    orgIdentifier: 'payments',
  };
  assert.deepEqual(asked, ['POST', '/delegate-issuers', body]);
});

test('keys are read from a file, and a wrong option is told before anything is asked', async () => {
  using folder = temporaryFolder();
  const jwks = folder.file('jwks.json');
  writeFileSync(jwks, '{"keys":[]}');
  const { asked } = await run([...least, '--any-holder', '--jwks-file', jwks]);
  const where = { name: 'cluster', issuer: 'https://a.example', audience: 'legate' };
  assert.deepEqual(asked[2], { ...where, anyHolder: true, jwks: '{"keys":[]}' });
  for (const words of [
    ['--claim', 'sub'],
    ['--claim', '=x'],
    ['--claim', 'sub='],
    ['--ca-file', folder.file('none')],
  ])
    await assert.rejects(run([...least, ...words]), UsageError);
});

test('issuers are listed with who may join, and who has', async () => {
  const issuer = {
    ...{ name: 'cluster', scope: 'account', issuer: 'https://a.example', audience: 'legate' },
    ...{ algorithms: ['RS256'], claims: { sub: ['a', 'b'] }, delegateNames: [], tags: [], networks: [] },
    delegates: ['edge'],
  };
  const { text } = await run(['list'], { items: [issuer, { ...issuer, name: 'given', jwks: '{}' }] });
  assert.match(text, /^cluster +account +https:\/\/a\.example +legate +sub=a\|b +discovery +RS256 .* edge$/m);
  assert.match(text, /^given .* given /m);
  assert.deepEqual(JSON.parse((await run(['list', '--json'], { items: [issuer] })).text), [issuer]);
});

test('an issuer is trusted no more', async () => {
  const { asked, text } = await run(['delete', 'cluster']);
  assert.deepEqual(asked, ['DELETE', '/delegate-issuers/cluster']);
  assert.match(text, /its delegates are cut off/);
});
