import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/harness/fake-clock.ts';
import { openNotifySocket } from '../../test/harness/notify-socket.ts';
import { temporaryFolder } from '../../test/harness/temporary-folder.ts';
import { createNotify } from './notify.ts';

async function open(env: Record<string, string>) {
  const folder = temporaryFolder();
  const socket = await openNotifySocket(folder.file('notify'));
  const clock = new FakeClock();
  let stuck = false;
  const problems: string[] = [];
  const notify = createNotify({
    env: { PATH: process.env.PATH, NOTIFY_SOCKET: folder.file('notify'), ...env },
    pid: 7,
    isStuck: () => stuck,
    failed: problem => problems.push(problem),
    clock,
  });
  return {
    socket,
    clock,
    notify,
    problems,
    stick: () => (stuck = true),
    async [Symbol.asyncDispose]() {
      notify.close();
      clock.assertNoTimers();
      await socket[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const fed = (heard: readonly string[]) => heard.filter(line => line.startsWith('WATCHDOG=1')).length;

test('the watchdog is fed at half of its time, and not by a process that is stuck', async () => {
  await using agent = await open({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' });
  await agent.clock.advance(14_999);
  agent.notify.status('one');
  await agent.socket.hears(/one/);
  assert.equal(fed(agent.socket.heard), 0);
  await agent.clock.advance(15_001);
  agent.notify.status('two');
  await agent.socket.hears(/two/);
  assert.equal(fed(agent.socket.heard), 2);
  agent.stick();
  await agent.clock.advance(60_000);
  agent.notify.status('three');
  await agent.socket.hears(/three/);
  assert.equal(fed(agent.socket.heard), 2);
  assert.deepEqual(agent.problems, []);
});

test('a watchdog of another process, or none, is not fed', async () => {
  for (const env of [{ WATCHDOG_USEC: '1000', WATCHDOG_PID: '8' }, { WATCHDOG_USEC: '0' }, {}]) {
    await using agent = await open(env);
    agent.clock.assertNoTimers();
  }
});

test('without a socket nothing is said and nothing fails', () => {
  const never = () => assert.fail('it tried');
  const clock = new FakeClock();
  const notify = createNotify({ env: { WATCHDOG_USEC: '1000' }, isStuck: () => false, failed: never, clock });
  notify.ready();
  notify.status('x');
  notify.stopping();
  notify.close();
  clock.assertNoTimers();
});
