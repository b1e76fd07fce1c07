// Delegates behind a proxy that knows no websockets: everything works over long polls, and nothing is lost or done twice.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { plainProxy } from './harness/plain-proxy.ts';
import { appears, becomesTrue, ends, startWorld, type World } from './harness/world.ts';

const portOf = (world: World) => Number(new URL(world.url).port);
/** Counts on disk how often it ran. */
const counted = (folder: string, then: string) => `echo x >>'${folder}/runs'; ${then}`;
const runsIn = async (folder: string) =>
  (await readFile(join(folder, 'runs'), 'utf8').catch(() => '')).split('\n').length - 1;

const polling = { LEGATE_POLL: 'true' };

test('values small and large, logs and failures arrive as over a websocket', async () => {
  await using world = await startWorld();
  await using proxy = await plainProxy(portOf(world));
  const agent = await world.connectedAgent({ url: proxy.url, env: polling });
  await agent.said('connected to the control plane', { transport: 'polling' });
  await world.server.said('delegate connected', { transport: 'polling' });
  const small = await world.script('secret=small');
  assert.equal((await world.legate(['secret', 'get', small.secret])).out.toString(), 'small');
  const large = await world.script(`printf -v secret '%01000000d' 7`);
  const fetched = await world.legate(['secret', 'get', large.secret]);
  assert.equal(fetched.out.length, 1_000_000, fetched.err);
  assert.match(fetched.out.toString(), /^0+7$/);
  const input = await world.script('secret=$(tr a-z A-Z <<<"<+spec.environmentVariables.word>")', {
    inputs: { word: 'spoken' },
  });
  assert.equal((await world.legate(['secret', 'get', input.secret])).out.toString(), 'SPOKEN');
  const failing = await world.script('echo "no such path" >&2; exit 7');
  const failed = await world.legate(['secret', 'get', failing.secret]);
  assert.equal(failed.code, 1);
  assert.match(failed.err, /script-failed[^]*no such path/);
  const events = await (await world.api('/fetch', { secret: small.secret, logs: true })).text();
  assert.match(events, /"type":"value"|"value"/);
  assert.equal(proxy.refused(), 0, 'it never tried a websocket');
  assert.doesNotMatch(world.output(), /small\b.*secret=/);
});
