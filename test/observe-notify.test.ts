// What systemd hears of a real agent, over a real notification socket and with its own program.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openNotifySocket } from './harness/notify-socket.ts';
import { startWorld } from './harness/world.ts';

test('an agent says that it is up before it is connected, feeds the watchdog, and says that it stops', async () => {
  await using world = await startWorld();
  await using systemd = await openNotifySocket(join(world.folder, 'notify'));
  const env = { NOTIFY_SOCKET: join(world.folder, 'notify'), WATCHDOG_USEC: '1000000' };
  const agent = await world.agent({ env });
  await systemd.hears(/^READY=1;STATUS=started; connecting to the control plane;?$/);
  await systemd.hears(/^STATUS=connected to the control plane;?$/);
  await systemd.hears(/^WATCHDOG=1;?$/);
  world.server.signal('SIGKILL');
  await systemd.hears(/^STATUS=not connected to the control plane; trying again;?$/);
  const fed = systemd.heard.length;
  await systemd.hears(/^(?=WATCHDOG=1)/);
  agent.signal('SIGTERM');
  await systemd.hears(/^STOPPING=1;/);
  assert.deepEqual(await agent.ended, { code: 0, signal: null });
  assert.ok(fed > 0);
});

test('an agent that can tell nobody says so once and works', async () => {
  await using world = await startWorld();
  const env = { NOTIFY_SOCKET: join(world.folder, 'nobody'), WATCHDOG_USEC: '200000' };
  const agent = await world.connectedAgent({ env });
  await agent.said('systemd cannot be told how this delegate is');
  const { secret } = await world.script('secret=v');
  assert.equal((await world.legate(['secret', 'get', secret])).out.toString(), 'v');
  await agent.stop();
  const said = agent.lines().filter(({ msg }) => msg === 'systemd cannot be told how this delegate is');
  assert.equal(said.length, 1);
});
