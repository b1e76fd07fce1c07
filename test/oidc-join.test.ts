// Delegates that join with the token of a service account, or another JWT, as an operator meets them.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Issuer, issuerKey, serviceAccountClaims, startIssuer } from './harness/issuer.ts';
import { projectedVolume } from './harness/projected-volume.ts';
import { startWorld, type World } from './harness/world.ts';

interface About {
  readonly namespace?: string;
  readonly name?: string;
  /** Seconds from now until its end. */
  readonly endsIn?: number;
}

/** What the token request API of a cluster gives to a pod. */
function podToken(issuer: Issuer, about: About = {}): Promise<string> {
  const { namespace = 'vault', name = 'legate-agent', endsIn = 3_600 } = about;
  const issuedAt = Math.floor(Date.now() / 1_000) + endsIn - 3_600;
  return issuer.sign(
    serviceAccountClaims({ issuer: issuer.url, namespace, name, issuedAt, lifetimeS: 3_600 }),
  );
}

async function command(world: World, ...words: string[]): Promise<string> {
  const result = await world.legate(words);
  assert.equal(result.code, 0, result.err);
  return result.out.toString();
}

/** Trusts the cluster's namespace `vault`. */
async function trust(world: World, issuer: Issuer, ...more: string[]): Promise<void> {
  const ca = join(world.folder, 'cluster-ca.pem');
  await writeFile(ca, issuer.ca);
  const where = ['--issuer', issuer.url, '--ca-file', ca, '--audience', 'legate'];
  const claim = ['--claim', '/kubernetes.io/namespace=vault'];
  await command(world, 'delegate', 'issuer', 'create', 'cluster', ...where, ...claim, ...more);
}

const withFile = (path: string) => ({ token: 'unused', args: ['--token-file', path] });

test('a pod joins with the token of its service account, keeps its session when it is renewed, and is cut off when its cluster is trusted no more', async () => {
  await using world = await startWorld();
  await using issuer = await startIssuer();
  await trust(world, issuer, '--tag', 'eu');
  // Both have ended already, and count for the tolerance of a minute only.
  const tokens = [await podToken(issuer, { endsIn: -35 }), await podToken(issuer, { endsIn: -35 })] as const;
  const renewed = projectedVolume(join(world.folder, 'renewed'), { token: tokens[0] });
  const forgotten = projectedVolume(join(world.folder, 'forgotten'), { token: tokens[1] });
  const edge = await world.agent({ name: 'edge', tags: 'eu', ...withFile(renewed.file('token')) });
  const late = await world.agent({ name: 'late', ...withFile(forgotten.file('token')) });
  for (const agent of [edge, late]) await agent.said('connected to the control plane');
  const next = await podToken(issuer);
  renewed.write({ token: next });
  await edge.said('the control plane has accepted the token that the token file holds now');
  const { secret } = await world.script('secret=from-the-pod', { selectors: ['eu'] });
  assert.equal(await command(world, 'secret', 'get', secret), 'from-the-pod');

  // Ended by the next look at who is connected; the other is past the end of its first token by then, too.
  assert.deepEqual(await late.ended, { code: 6, signal: null }, late.output());
  const [listed] = JSON.parse(await command(world, 'delegate', 'issuer', 'list', '--json'));
  assert.deepEqual(listed.delegates, ['edge']);
  assert.equal(await command(world, 'secret', 'get', secret), 'from-the-pod');
  assert.equal(edge.lines().filter(({ msg }) => msg === 'connected to the control plane').length, 1);
  assert.equal(await readFile(renewed.file('token'), 'utf8'), next, 'the agent leaves the volume alone');

  await command(world, 'delegate', 'issuer', 'delete', 'cluster');
  assert.deepEqual(await edge.ended, { code: 7, signal: null });
  assert.match(String(edge.lines().at(-1)?.msg), /the issuer of this JWT is no longer trusted/);
  const again = await world.agent(withFile(renewed.file('token')));
  assert.equal((await again.ended).code, 3);

  const trail = await command(world, 'audit', 'list', '--json', '--limit', '1000');
  const subject = 'system:serviceaccount:vault:legate-agent';
  const joins: Record<string, unknown>[] = trail
    .split('\n')
    .filter(line => line.includes('"delegate-issuer.join"') && line.includes('"response"'))
    .map(line => JSON.parse(line));
  assert.deepEqual(joins.map(record => String(record.delegate)).toSorted(), ['edge', 'late']);
  for (const record of joins)
    assert.deepEqual([record.subject, record.details], ['delegate-issuer/cluster', { subject }]);
  for (const jwt of [...tokens, next]) {
    const [, , signature = ''] = jwt.split('.');
    assert.ok(!world.output().includes(signature));
    assert.ok(!trail.includes(signature));
  }
});

test('each refusal ends the agent with the code of its kind, and only the log of the control plane says why', async () => {
  await using world = await startWorld();
  await using issuer = await startIssuer();
  await trust(world, issuer, '--delegate', 'edge', '--tag', 'eu');
  const forged = await issuerKey('RS256', 'rsa-1');
  const claims = serviceAccountClaims({
    ...{ issuer: issuer.url, namespace: 'vault', name: 'legate-agent' },
    ...{ issuedAt: Math.floor(Date.now() / 1_000), lifetimeS: 3_600 },
  });
  const right = await podToken(issuer);
  const cases = [
    [await podToken(issuer, { namespace: 'other' }), 'edge', '', 3, /namespace." is another/],
    [await issuer.sign(claims, { key: forged }), 'edge', '', 3, /signature verification failed/],
    [await issuer.sign({ ...claims, aud: 'vault' }), 'edge', '', 3, /no issuer is trusted with its/],
    [await podToken(issuer, { endsIn: -3_000 }), 'edge', '', 6, undefined],
    [right, 'other', '', 4, undefined],
    [right, 'edge', 'eu,prod', 8, undefined],
  ] as const;
  for (const [index, [token, name, tags, code, why]] of cases.entries()) {
    const { file } = projectedVolume(join(world.folder, `case-${index}`), { token });
    const before = world.server.lines().length;
    const agent = await world.agent({ name, tags, ...withFile(file('token')) });
    assert.deepEqual(await agent.ended, { code, signal: null }, agent.output());
    const log = JSON.stringify(world.server.lines().slice(before));
    if (why === undefined) continue;
    assert.match(log, why);
    assert.doesNotMatch(agent.output(), why);
    assert.doesNotMatch(agent.output(), /namespace|audience|signature/);
  }
  const { file } = projectedVolume(join(world.folder, 'right'), { token: right });
  const only = await world.agent({
    name: 'edge',
    token: 'unused',
    args: ['--token-file', file('token'), '--check'],
  });
  assert.equal((await only.ended).code, 0, only.output());
});

test('a cluster that the control plane cannot reach is trusted by its keys in a file', async () => {
  await using world = await startWorld();
  await using issuer = await startIssuer();
  const jwks = join(world.folder, 'jwks.json');
  await writeFile(jwks, JSON.stringify({ keys: issuer.keys }));
  const token = await podToken(issuer);
  await issuer.stop();
  const where = ['--issuer', issuer.url, '--jwks-file', jwks, '--audience', 'legate'];
  const claim = ['--claim', 'sub=system:serviceaccount:vault:legate-agent'];
  const create = ['delegate', 'issuer', 'create', 'far'];
  const open = await world.legate([...create, ...where]);
  assert.equal(open.code, 1);
  assert.match(open.err, /claims must have a condition, as on "sub"/);
  await command(world, ...create, ...where, ...claim);
  const volume = projectedVolume(join(world.folder, 'far'), { token });
  await world.connectedAgent(withFile(volume.file('token')));
  await world.restartServer('SIGKILL');
  await world.server.said('delegate connected', { delegate: 'delegate', token: 'far' });
});
