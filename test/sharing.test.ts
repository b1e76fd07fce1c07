// One run for several fetches: while it goes on, for a while afterwards where the connector says so, and for several keys.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { appears, startWorld, type World } from './harness/world.ts';

/** A store that counts how often it is asked; a run of it yields the count, or what `shape` makes of it. */
async function counted(
  world: World,
  { cacheTtl, shape = 'secret=$n' }: { cacheTtl?: number; shape?: string } = {},
) {
  const runs = join(world.folder, 'runs');
  const go = join(world.folder, 'go');
  const script = `echo run >>${runs}; n=$(wc -l <${runs}); until [ -e ${go} ]; do sleep 0.05; done; ${shape}`;
  const { secret } = await world.script(script, cacheTtl === undefined ? {} : { cacheTtl });
  return {
    secret,
    started: () => appears(runs),
    go: () => writeFile(go, ''),
    times: async () => (await readFile(runs, 'utf8')).trim().split('\n').length,
  };
}

/** The only document of its kind. */
async function exported(world: World, kind: string): Promise<string> {
  const { out } = await world.legate(['export']);
  const documents = out.toString().split(/^---$/m);
  return (
    documents.find(document => document.trimStart().startsWith(`${kind}:`)) ?? assert.fail(out.toString())
  );
}

async function fetched(world: World, secret: string, ...more: string[]) {
  const result = await world.legate(['secret', 'get', secret, '--json', ...more]);
  assert.equal(result.code, 0, result.err);
  const { value, ageMs, delegate } = JSON.parse(result.out.toString());
  return { value, isAged: ageMs !== undefined, delegate };
}

test('fetches that come while the same script runs have its value, whichever delegates there are', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ name: 'one' });
  await world.connectedAgent({ name: 'two' });
  const store = await counted(world);
  const first = fetched(world, store.secret);
  await store.started();
  const others = [fetched(world, store.secret), fetched(world, store.secret), fetched(world, store.secret)];
  // They are known to be on the way when the delegate has accepted all of them.
  for (let n = 0; n < 600 && (world.output().match(/"msg":"task started"/g)?.length ?? 0) < 4; n++)
    await new Promise(resolve => setTimeout(resolve, 50));
  await store.go();
  assert.equal((await first).value, '1');
  for (const other of await Promise.all(others)) {
    assert.deepEqual(other, { value: '1', isAged: true, delegate: (await first).delegate });
  }
  assert.equal(await store.times(), 1);
  assert.equal((await fetched(world, store.secret)).value, '2', 'nothing is kept where nobody said so');
});

test('a connector with cacheTtlSeconds gives its value again, until it changes or somebody wants it fresh', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ name: 'one' });
  await world.connectedAgent({ name: 'two' });
  const store = await counted(world, { cacheTtl: 3600 });
  await store.go();
  const first = await fetched(world, store.secret);
  assert.deepEqual([first.value, first.isAged], ['1', false]);
  for (let n = 0; n < 5; n++) {
    assert.deepEqual(await fetched(world, store.secret), { ...first, isAged: true });
  }
  const explained = await world.legate(['explain', store.secret]);
  assert.match(explained.out.toString(), /^kept for +3600 s$/m);
  const fresh = await fetched(world, store.secret, '--fresh');
  assert.deepEqual([fresh.value, fresh.isAged], ['2', false]);
  assert.equal((await fetched(world, store.secret)).value, '2', 'the fresh one is kept instead');
  const logs = await fetched(world, store.secret, '--logs');
  assert.deepEqual([logs.value, logs.isAged], ['3', false], 'whoever wants the log wants a run');
  const connector = await exported(world, 'connector');
  const changed = connector.replace('cacheTtlSeconds: 3600', 'cacheTtlSeconds: 3599');
  assert.notEqual(changed, connector);
  await world.apply(changed);
  assert.equal((await fetched(world, store.secret)).value, '4', 'a change of the connector forgets');
  const trail = await world.legate(['audit', 'list', '--json']);
  const ages = trail.out
    .toString()
    .split('\n')
    .filter(line => line.includes('"ageMs"'));
  assert.ok(ages.length >= 6, trail.out.toString());
  const test = await world.legate(['secret', 'test', store.secret]);
  assert.equal(test.code, 0, test.err);
  assert.equal(await store.times(), 5, 'a test runs the script');
});

test('an agent that may not keep values runs the script each time', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ env: { LEGATE_CACHE: '0' } });
  const store = await counted(world, { cacheTtl: 3600 });
  await store.go();
  assert.deepEqual(
    [(await fetched(world, store.secret)).value, (await fetched(world, store.secret)).value],
    ['1', '2'],
  );
});

test('several secrets are keys of one JSON object, and one run brings them', async () => {
  await using world = await startWorld();
  await world.connectedAgent();
  const shape = `secret='{"user":"app","password":"p\\"w","run":'$n',"deep":{"list":["x",{"pin":"0042"}]},"no":null}'`;
  const store = await counted(world, { cacheTtl: 60, shape });
  await store.go();
  const document = await exported(world, 'secret');
  const keys = { user: 'user', password: 'password', run: 'run', pin: '/deep/list/1/pin', gone: 'no' };
  for (const [id, key] of Object.entries(keys)) {
    const yaml = document.replace('identifier: script_1', `identifier: ${id}`);
    await world.apply(
      yaml.replace(/^( *)secretManagerIdentifier:/m, `$1key: ${key}\n$1secretManagerIdentifier:`),
    );
  }
  const values = [];
  for (const id of ['user', 'password', 'run', 'pin'])
    values.push((await fetched(world, `account.${id}`)).value);
  assert.deepEqual(values, ['app', 'p"w', '1', '0042']);
  const gone = await world.legate(['secret', 'get', 'account.gone']);
  assert.deepEqual([gone.code, gone.out.toString()], [1, '']);
  assert.match(gone.err, /^empty-value: .*\n {2}the script's value holds nothing under "no"$/m);
  assert.equal(await store.times(), 1);
  const all = await world.apply((await world.legate(['export'])).out.toString());
  assert.match(all, /pin.*unchanged|unchanged.*pin/);
  assert.match(
    (await world.legate(['explain', 'account.pin'])).out.toString(),
    /^key +\/deep\/list\/1\/pin$/m,
  );
  for (const secret of ['p"w', 'p\\"w', '0042']) assert.ok(!world.output().includes(secret), secret);
});
