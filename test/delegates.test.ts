// Delegates that come, go, die and are many.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Program } from './harness/program.ts';
import { appears, ends, startWorld, type World } from './harness/world.ts';

test('a secret whose selectors no delegate has fails at once and says why, delegate by delegate', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ name: 'one', tags: 'linux,Vault' });
  const gone = await world.connectedAgent({ name: 'two', tags: 'vault,eu' });
  await gone.stop();
  await world.server.said('delegate disconnected', { delegate: 'two' });
  const { secret } = await world.script('secret=v', { selectors: ['vault', 'eu'] });
  const fetched = await world.legate(['secret', 'get', secret]);
  assert.equal(fetched.code, 1);
  assert.match(
    fetched.err,
    /^no-eligible-delegate: There are no eligible delegates available in the account/,
  );
  assert.match(fetched.err, /^ {2}one \(\S+\): its tags lack "eu"$/m);
  assert.match(fetched.err, /^ {2}two: disconnected since \d{4}-/m);
});

test('selectors match tags, names and host names without regard to case and blanks', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ name: 'Near-The-Vault', tags: ' Blue , two words' });
  for (const selectors of [[], ['blue'], ['BLUE ', 'Two Words'], ['near-the-vault']]) {
    const { secret } = await world.script('secret=v', { selectors });
    assert.equal((await world.legate(['secret', 'get', secret])).code, 0, selectors.join());
  }
  const { secret } = await world.script('secret=v', { selectors: ['two'] });
  assert.equal((await world.legate(['secret', 'get', secret])).code, 1);
});

test('a task whose delegate is killed is finished by another one', async () => {
  await using world = await startWorld();
  const marker = join(world.folder, 'started');
  // The first run tells who it is and never ends; the second finds the marker and delivers.
  const { secret } = await world.script(
    `if [ -e '${marker}' ]; then secret=second; else echo $$ >'${marker}.part'; mv '${marker}.part' '${marker}'; sleep 600; fi`,
  );
  const first = await world.connectedAgent({ name: 'first' });
  const fetching = world.legate(['secret', 'get', secret, '--json']);
  await appears(marker);
  await world.connectedAgent({ name: 'second' });
  first.signal('SIGKILL');
  const fetched = await fetching;
  assert.equal(fetched.code, 0, fetched.err);
  const { value, attempt, delegate } = JSON.parse(fetched.out.toString());
  assert.deepEqual({ value, attempt, delegate }, { value: 'second', attempt: 2, delegate: 'second' });
  // A killed agent can't end its script; this one is ours to end.
  const orphan = Number(await readFile(marker, 'utf8'));
  process.kill(-orphan, 'SIGKILL');
  await ends(orphan);
});

test('a lost delegate fails the fetch by name when nobody takes over within the deadline', async () => {
  await using world = await startWorld();
  const marker = join(world.folder, 'started');
  const { secret } = await world.script(
    `echo $$ >'${marker}.part'; mv '${marker}.part' '${marker}'; sleep 600`,
    {
      timeout: 3,
    },
  );
  const only = await world.connectedAgent({ name: 'only' });
  const fetching = world.legate(['secret', 'get', secret]);
  await appears(marker);
  only.signal('SIGKILL');
  const fetched = await fetching;
  assert.equal(fetched.code, 1);
  assert.match(fetched.err, /^(delegate-lost|timed-out): /);
  process.kill(-Number(await readFile(marker, 'utf8')), 'SIGKILL');
});

test('two instances of one name are replicas, and both work', async () => {
  await using world = await startWorld();
  const both = [await world.connectedAgent({ name: 'twin' }), await world.connectedAgent({ name: 'twin' })];
  const meeting = world.folder;
  // Each of the two runs waits for the other, so one instance alone could not finish either of them.
  const script = `touch '${meeting}/run-'$$; while [ "$(ls '${meeting}' | grep -c '^run-')" -lt 2 ]; do sleep 0.05; done; secret=v`;
  // Two connectors, as fetches of the same thing at the same time would share one run.
  const secrets = [await world.script(script), await world.script(script)];
  const results = await Promise.all(secrets.map(({ secret }) => world.legate(['secret', 'get', secret])));
  assert.deepEqual(
    results.map(({ code }) => code),
    [0, 0],
  );
  for (const replica of both) assert.ok(replica.lines().some(line => line.msg === 'task succeeded'));
  const listed = await world.legate(['get', 'delegates', '--json']);
  assert.deepEqual(
    JSON.parse(listed.out.toString()).map(({ name, state }: Record<string, string>) => ({ name, state })),
    [
      { name: 'twin', state: 'connected' },
      { name: 'twin', state: 'connected' },
    ],
  );
});

test('an agent that starts before its control plane connects as soon as there is one', async () => {
  await using first = await startWorld();
  const token = await first.token('early');
  const port = Number(new URL(first.url).port);
  first.server.signal('SIGTERM');
  await first.server.ended;
  const agent = await first.agent({ token, url: `http://127.0.0.1:${port}` });
  await agent.said('cannot connect to the control plane');
  await first.restartServer('SIGTERM');
  await agent.said('connected to the control plane');
  const { secret } = await first.script('secret=v');
  assert.equal((await first.legate(['secret', 'get', secret])).out.toString(), 'v');
});

for (const how of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a running agent comes back after its control plane was restarted with ${how}`, async () => {
    await using world = await startWorld();
    const agent = await world.connectedAgent();
    const { secret } = await world.script('secret=v');
    await world.restartServer(how);
    await world.server.said('delegate connected');
    const fetched = await world.legate(['secret', 'get', secret]);
    assert.equal(fetched.out.toString(), 'v', fetched.err);
    assert.equal(connectedTimes(agent), 2);
  });
}

test('a bad token ends the agent with its own exit code and one line that explains', async () => {
  await using world = await startWorld();
  const agent = await world.agent({ token: 'lgd_wrong' });
  assert.deepEqual(await agent.ended, { code: 3, signal: null });
  assert.match(String(agent.lines().at(-1)?.msg), /does not know this delegate token/);
});

test('a name that the token does not allow ends the agent with its own exit code', async () => {
  await using world = await startWorld();
  const token = await world.token('restricted', '--delegate', 'allowed');
  const refused = await world.agent({ token, name: 'other' });
  assert.deepEqual(await refused.ended, { code: 4, signal: null });
  assert.match(String(refused.lines().at(-1)?.msg), /refuses this delegate name/);
  await world.connectedAgent({ token, name: 'allowed' });
});

test('--check says that all is well, or which part is not, and registers nothing', async () => {
  await using world = await startWorld();
  const good = await world.agent({ name: 'checked', args: ['--check'] });
  assert.equal((await good.ended).code, 0, good.output());
  assert.match(good.output(), /^ok {4}settings: .*\nok {4}shell: bash 5.*\nok {4}control plane: /);
  const bad = await world.agent({ token: 'lgd_wrong', args: ['--check'] });
  assert.equal((await bad.ended).code, 3);
  assert.match(bad.output(), /FAIL {2}control plane: the control plane does not know this delegate token/);
  const nobody = await world.agent({
    url: `http://127.0.0.1:${await closedPort()}`,
    token: 'x',
    args: ['--check'],
  });
  assert.equal((await nobody.ended).code, 1);
  assert.match(nobody.output(), /FAIL {2}control plane: cannot connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  assert.equal((await world.legate(['get', 'delegates', '--json'])).out.toString(), '[]\n');
});

test('a wrong setting is one line and exit code 2', async () => {
  await using world = await startWorld();
  const agent = await world.agent({ args: ['--max-tasks', 'many'] });
  assert.equal((await agent.ended).code, 2);
  assert.equal(
    agent.output(),
    'legate agent: --max-tasks must be a whole number from 1 to 10000 (got "many")\n',
  );
});

test('no more tasks run at once than the agent allows, and the others wait their turn', async () => {
  await using world = await startWorld();
  const agent = await world.connectedAgent({ args: ['--max-tasks', '2'] });
  const { secret } = await world.script(
    `touch '${world.folder}/run-'$$; secret=$(ls '${world.folder}' | grep -c '^run-'); sleep 0.2; rm '${world.folder}/run-'$$`,
  );
  const fetched = await Promise.all(Array.from({ length: 6 }, () => fetchValue(world, secret)));
  assert.ok(
    fetched.every(value => Number(value) <= 2),
    `ran at once: ${fetched.join()}`,
  );
  assert.deepEqual(
    agent.lines().filter(line => line.msg === 'task rejected'),
    [],
  );
});

const connectedTimes = (agent: Program) =>
  agent.lines().filter(line => line.msg === 'connected to the control plane').length;

async function fetchValue(world: World, secret: string): Promise<string> {
  const text = await (await world.api('/fetch', { secret })).text();
  const events = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.equal(events.at(-1).event, 'done', text);
  return events
    .filter(({ event }) => event === 'value')
    .map(({ text: piece }) => piece)
    .join('');
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
