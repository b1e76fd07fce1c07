// Which delegate is asked: by expressions, by one that is waited for, and not by one that keeps failing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWorld } from './harness/world.ts';

test('selectors that are expressions choose, exclude, and say what is the nearest miss', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ name: 'old', tags: 'aws,eu-west-1' });
  await world.connectedAgent({ name: 'new', tags: 'AWS,eu-central-1,Canary' });
  const fetched = async (selector: string) => {
    const { secret } = await world.script('secret=v', {
      selectors: [selector],
      selectorSyntax: 'expression',
    });
    return world.legate(['secret', 'get', secret, '--json']);
  };
  const right = await fetched('aws & (eu-west-1 | eu-central-1) & !canary');
  assert.equal(JSON.parse(right.out.toString()).delegate, 'old', right.err);
  const wrong = await fetched('aws & !old & !canary');
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /^ {2}old \(\S+\): its tags hold "old", which must not be there$/m);
  assert.match(wrong.err, /^ {2}nearest miss: (old lacks "!old"|new lacks "!canary")$/m);
  await assert.rejects(
    fetched('aws & ('),
    /delegateSelectors\[0\].*character 8: a tag, "!" or "\(" must stand here/,
  );
});

test('a fetch that waits gets its value from the delegate that comes; one that does not wait has failed', async () => {
  await using world = await startWorld();
  const { secret } = await world.script('secret=waited', { selectors: ['late'] });
  assert.equal((await world.legate(['secret', 'get', secret])).code, 1);
  const fetching = world.legate(['secret', 'get', secret, '--wait', '25s']);
  await world.connectedAgent({ name: 'late' });
  const fetched = await fetching;
  assert.equal(fetched.code, 0, fetched.err);
  assert.equal(fetched.out.toString(), 'waited');
  const wrong = await world.legate(['secret', 'get', secret, '--wait', 'long']);
  assert.deepEqual([wrong.code, /--wait must be a whole number/.test(wrong.err)], [2, true]);
});

test('a delegate that keeps failing for a connector is passed over, and a connection test asks it all the same', async () => {
  await using world = await startWorld();
  await world.connectedAgent({ name: 'only' });
  const { secret, connector } = await world.script('secret=v', { workingDirectory: '/nowhere/at/all' });
  for (let n = 0; n < 60; n++) {
    const fetched = await world.legate(['secret', 'get', secret]);
    assert.equal(fetched.code, 1);
    if (!fetched.err.startsWith('no-eligible-delegate')) continue;
    assert.match(
      fetched.err,
      /only \(\S+\): it failed 3 times in a row .*working-directory-missing.* until 20\S+Z/,
    );
    const tested = await world.legate(['connector', 'test', connector]);
    assert.match(tested.err, /^working-directory-missing/m);
    return;
  }
  assert.fail('it was never passed over');
});
