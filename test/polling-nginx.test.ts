// A real nginx, as it comes, between a delegate and its control plane: it drops the upgrade of every websocket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNginx } from './harness/nginx.ts';
import { startWorld } from './harness/world.ts';

test('a delegate behind nginx polls by itself, takes large values through it, and comes back to a websocket', async () => {
  await using world = await startWorld();
  await using nginx = await startNginx(world.folder, Number(new URL(world.url).port));
  const agent = await world.agent({ url: nginx.url });
  await agent.said('websockets do not get through: trying long polling', { upgrades: 3 });
  await agent.said('connected to the control plane', { transport: 'polling' });
  const { secret } = await world.script(`printf -v secret '%01000000d' 7`);
  const fetched = await world.legate(['secret', 'get', secret]);
  assert.equal(fetched.code, 0, fetched.err);
  assert.match(fetched.out.toString(), /^0{999999}7$/);

  await nginx.allowUpgrades();
  // It sleeps through the restart: a 502 of nginx would count as one more upgrade that was spoiled.
  agent.signal('SIGSTOP');
  await world.restartServer('SIGTERM');
  agent.signal('SIGCONT');
  await agent.said('connected to the control plane', { transport: 'websocket' });
  assert.equal((await world.legate(['secret', 'get', secret])).out.length, 1_000_000);
});

test('the check of a delegate behind nginx says that it would poll, and why', async () => {
  await using world = await startWorld();
  await using nginx = await startNginx(world.folder, Number(new URL(world.url).port));
  const checked = await world.agent({ url: nginx.url, args: ['--check'] });
  assert.equal((await checked.ended).code, 0, checked.output());
  assert.match(
    checked.output(),
    /lets this delegate in, by long polling: a websocket does not get through \(/,
  );
  const never = await world.agent({ url: nginx.url, args: ['--check', '--poll', 'false'] });
  assert.equal((await never.ended).code, 1);
  assert.match(never.output(), /FAIL {2}control plane: cannot connect/);
});
