// Tokens as an operator meets them: made, listed, rotated, revoked, and refused.
import assert from 'node:assert/strict';
import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startProgram } from './harness/program.ts';
import { appears, startWorld, type World } from './harness/world.ts';

const cli = fileURLToPath(new URL('../cli/main.ts', import.meta.url));

interface Listed {
  readonly state: string;
  readonly delegates: readonly string[];
  readonly delegatesOnPrevious: readonly string[];
}

async function listed(world: World): Promise<Record<string, Listed>> {
  const { out } = await world.legate(['delegate', 'token', 'list', '--json']);
  const items: (Listed & { name: string })[] = JSON.parse(out.toString());
  return Object.fromEntries(items.map(item => [item.name, item]));
}

async function run(world: World, ...words: string[]): Promise<string> {
  const result = await world.legate(['delegate', 'token', ...words]);
  assert.equal(result.code, 0, result.err);
  return result.out.toString().trim();
}

test('each refusal ends the agent with a code of its own and a line that explains it', async () => {
  await using world = await startWorld();
  const narrow = await world.token('narrow', '--delegate', 'edge', '--tag', 'eu');
  const far = await world.token('far', '--from', '10.1.2.0/24');
  const ended = await world.token('ended', '--expires', '1s');
  const revoked = await world.token('revoked');
  await run(world, 'revoke', 'revoked');
  const cases = [
    [{ token: 'lgd_wrong' }, 3, /does not know this delegate token/],
    [{ token: narrow, name: 'other' }, 4, /refuses this delegate name/],
    [{ token: ended }, 6, /this delegate token has ended/],
    [{ token: revoked }, 7, /this delegate token was revoked/],
    [{ token: narrow, name: 'edge', tags: 'eu,prod' }, 8, /refuses a tag of this delegate/],
    [{ token: far }, 9, /does not count at this address/],
  ] as const;
  for (const [options, code, explanation] of cases) {
    const agent = await world.agent(options);
    assert.deepEqual(await agent.ended, { code, signal: null }, agent.output());
    assert.match(String(agent.lines().at(-1)?.msg), explanation);
    assert.equal(agent.lines().filter(({ msg }) => msg === 'connection closed').length, 0, 'one try');
  }
  await world.connectedAgent({ token: narrow, name: 'edge', tags: 'eu' });
});

test('a revocation ends the connected agents at once, with what runs there', async () => {
  await using world = await startWorld();
  const token = await world.token('edge');
  const agent = await world.connectedAgent({ token });
  const started = join(world.folder, 'started');
  const { secret } = await world.script(`: >'${started}'; sleep 600`, { timeout: 5 });
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(started);
  assert.deepEqual((await listed(world)).edge?.delegates, ['delegate']);
  await run(world, 'revoke', 'edge');
  assert.deepEqual(await agent.ended, { code: 7, signal: null });
  assert.equal((await fetching).code, 1);
  assert.equal((await listed(world)).edge?.state, 'revoked');
});

test('a revocation with a drain lets what runs be finished, and then ends the agents', async () => {
  await using world = await startWorld();
  const token = await world.token('edge');
  const agent = await world.connectedAgent({ token });
  const [started, go] = [join(world.folder, 'started'), join(world.folder, 'go')];
  const script = `: >'${started}'; until [ -e '${go}' ]; do sleep 0.05; done; secret=v`;
  const { secret } = await world.script(script);
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(started);
  await run(world, 'revoke', 'edge', '--drain');
  const late = await world.agent({ token, name: 'late' });
  assert.equal((await late.ended).code, 7);
  await writeFile(go, '');
  assert.equal((await fetching).out.toString(), 'v');
  assert.deepEqual(await agent.ended, { code: 7, signal: null });
});

test('a rotated token that is put in the file is taken up without a restart, and the one before ends', async () => {
  await using world = await startWorld();
  const before = await world.token('edge');
  const agent = await world.connectedAgent({ token: before });
  const after = await run(world, 'rotate', 'edge', '--overlap', '0');
  assert.deepEqual((await listed(world)).edge?.delegatesOnPrevious, ['delegate']);
  // As a careful operator does it: whole, and in one step.
  await writeFile(join(world.folder, 'new'), `${after}\n`, { mode: 0o600 });
  await rename(join(world.folder, 'new'), join(world.folder, 'token-0'));
  await agent.said('the control plane has accepted the token that the token file holds now');
  const now = (await listed(world)).edge;
  assert.deepEqual([now?.delegates, now?.delegatesOnPrevious], [['delegate'], []]);
  const old = await world.agent({ token: before, name: 'old' });
  assert.equal((await old.ended).code, 6);
  assert.equal(agent.lines().filter(({ msg }) => msg === 'connected to the control plane').length, 1);
  await world.restartServer('SIGKILL');
  await world.server.said('delegate connected', { delegate: 'delegate' });
});

test('delegates make their own new tokens where they can, and the others are told by name', async () => {
  await using world = await startWorld();
  const token = await world.token('edge');
  const able = await world.connectedAgent({ token, name: 'able' });
  // As a mounted secret has it: whoever mounts it has to change it.
  const link = join(world.folder, 'link');
  await symlink(join(world.folder, 'token-0'), link);
  const linked = { token, name: 'linked', args: ['--token-file', link] };
  await world.connectedAgent(linked);
  const LEGATE_TOKEN = token;
  const settings = ['--url', world.url, '--name', 'given', '--health-listen', 'off'];
  const given = startProgram({ args: [cli, 'agent', ...settings], env: { LEGATE_TOKEN } });
  await given.said('connected to the control plane');
  const made = await world.legate(['delegate', 'token', 'rotate', 'edge', '--in-place']);
  assert.equal(made.code, 1);
  assert.match(made.out.toString(), /^able \(\S+\) replaced$/m);
  for (const name of ['linked', 'given'])
    assert.match(
      made.out.toString(),
      new RegExp(
        `^${name} \\(\\S+\\) declined: its token is in the environment, or in a file .*by hand$`,
        'm',
      ),
    );
  await able.said('the token was replaced by a new one');
  assert.deepEqual((await listed(world)).edge?.delegates, ['able', 'given', 'linked']);
  await given.stop();
});

test('two delegates with one name and different scopes are a clash, told in words on both sides', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ token: await world.token('one', '--org', 'one'), name: 'twin' });
  const other = await world.agent({ token: await world.token('two', '--org', 'two'), name: 'twin' });
  await other.said('connection closed', {
    code: 4410,
    reason: 'a delegate of another scope is connected with this name',
  });
  await world.server.said('delegate refused', {
    delegate: 'twin',
    scope: 'org/two',
    connectedScope: 'org/one',
  });
});

test('every change of a token is in the audit trail, and no token is', async () => {
  await using world = await startWorld();
  const token = await world.token('edge');
  const agent = await world.connectedAgent({ token });
  await run(world, 'rotate', 'edge', '--in-place');
  await agent.said('the token was replaced by a new one');
  await run(world, 'revoke', 'edge');
  const { out } = await world.legate(['audit', 'list', '--json', '--subject', 'delegate-token/edge']);
  const actions = out
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter(({ type }) => type === 'response')
    .map(({ action, outcome }) => `${action} ${outcome}`);
  assert.deepEqual(actions.toSorted(), [
    'delegate-token.create succeeded',
    'delegate-token.replace succeeded',
    'delegate-token.revoke succeeded',
    'delegate-token.rotate succeeded',
  ]);
  assert.doesNotMatch(out.toString(), /lgd_/);
});
