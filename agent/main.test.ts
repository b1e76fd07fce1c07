/** How the agent starts and stops, put together as it is, against a control plane that a test plays. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { FakeClock } from '../test/harness/fake-clock.ts';
import { eventually } from '../test/harness/local-runner.ts';
import { type Refuse, startScriptedControlPlane } from '../test/harness/scripted-control-plane.ts';
import { aTask, digestOf } from '../test/harness/task.ts';
import { temporaryFolder } from '../test/harness/temporary-folder.ts';
import { agentCommand } from './command.ts';
import { type AgentOptions, runAgent } from './main.ts';
import { readSettings } from './settings.ts';
import { agentVersion } from './version.ts';

const welcome = { type: 'welcome', serverVersion: '1', heartbeatMs: 60_000 };
const identity = { task: 'task-1', attempt: 1 };

/** A task that runs until its folder holds a file `go`. */
const waitingTask = (() => {
  const text = ': >ready; until [[ -e go ]]; do sleep 0.02; done; secret=v';
  return aTask({ program: { shell: 'bash', text, digest: digestOf(text) } });
})();

/** Runs an agent in this process, silently. A signal is given as the system would: to whoever listens. */
async function open(options: { refuse?: Refuse; env?: Record<string, string> } & Partial<AgentOptions> = {}) {
  const server = await startScriptedControlPlane(options.refuse);
  const folder = temporaryFolder();
  const configured = readSettings(
    {},
    {
      LEGATE_URL: server.url.href,
      LEGATE_TOKEN: 'token',
      LEGATE_NAME: 'edge',
      LEGATE_HEALTH_LISTEN: '127.0.0.1:0',
      LEGATE_WORK_DIR: folder.path,
      LEGATE_LOG_LEVEL: 'silent',
      ...options.env,
    },
  );
  const ended = runAgent({ ...configured, ...options });
  const runFolders = () =>
    readdirSync(folder.path).flatMap(name =>
      readdirSync(folder.file(name)).map(run => folder.file(`${name}/${run}`)),
    );
  return {
    server,
    ended,
    signal: () => process.emit('SIGTERM', 'SIGTERM'),
    go() {
      for (const path of runFolders()) writeFileSync(`${path}/go`, '');
    },
    /** Connects and welcomes the agent. */
    async connected() {
      const peer = await server.connection();
      await peer.next('hello');
      peer.say(welcome);
      return peer;
    },
    ready: () =>
      eventually('the script runs', () => runFolders().some(path => readdirSync(path).includes('ready'))),
    /** Whatever the end was, it leaves nothing. */
    async assertEnded(exitCode: number) {
      assert.equal(await ended, exitCode);
      assert.deepEqual(readdirSync(folder.path), []);
      assert.equal(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT'), 0);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

test('its version is the one of the package', () => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version }: { version: string } = JSON.parse(text);
  assert.equal(agentVersion, version);
});

describe('SIGTERM ends the agent with 0', () => {
  test('while it pauses before trying again', async () => {
    const clock = new FakeClock();
    await using agent = await open({ clock, refuse: (_, socket) => Boolean(socket.destroy()) });
    await eventually('it pauses', () => agent.server.tries() === 1 && clock.pending().length > 0);
    agent.signal();
    await agent.assertEnded(0);
    clock.assertNoTimers();
  });

  test('while it connects to somebody who does not answer', async () => {
    await using agent = await open({ refuse: () => true });
    await eventually('it connects', () => agent.server.tries() === 1);
    agent.signal();
    await agent.assertEnded(0);
  });

  test('while it waits to be welcomed', async () => {
    await using agent = await open();
    const peer = await agent.server.connection();
    await peer.next('hello');
    agent.signal();
    await peer.next('heartbeat');
    await peer.next('drained');
    assert.equal((await peer.closed).code, 1000);
    await agent.assertEnded(0);
  });

  test('after what runs has been finished and reported, while nothing more is taken', async () => {
    await using agent = await open();
    const peer = await agent.connected();
    peer.say(waitingTask);
    await peer.next('accepted');
    await agent.ready();
    agent.signal();
    assert.deepEqual(await peer.next('heartbeat'), {
      type: 'heartbeat',
      running: [identity],
      draining: true,
    });
    peer.say(aTask({ task: 'task-2' }));
    assert.equal((await peer.next('rejected')).why, 'draining');
    agent.go();
    await peer.next('value');
    await peer.next('succeeded');
    await peer.next('drained');
    assert.equal((await peer.closed).code, 1000);
    await agent.assertEnded(0);
  });

  test('having given back what runs, where the settings say so', async () => {
    await using agent = await open({ env: { LEGATE_DRAIN: 'cancel' } });
    const peer = await agent.connected();
    peer.say(waitingTask);
    await peer.next('accepted');
    await agent.ready();
    agent.signal();
    assert.equal((await peer.next('heartbeat')).draining, true);
    assert.equal((await peer.next('failed')).reason, 'rejected-by-delegate');
    await peer.next('drained');
    await agent.assertEnded(0);
  });

  test('after it lost its connection, although the control plane never comes back', async () => {
    let refuses = false;
    await using agent = await open({ refuse: (_, socket) => refuses && Boolean(socket.destroy()) });
    const peer = await agent.connected();
    peer.say(waitingTask);
    await peer.next('accepted');
    await agent.ready();
    refuses = true;
    peer.socket.terminate();
    agent.signal();
    await agent.assertEnded(0);
  });
});

describe('SIGTERM ends the agent with 1', () => {
  test('when a second one cancels what still runs', async () => {
    await using agent = await open();
    const peer = await agent.connected();
    peer.say(waitingTask);
    await peer.next('accepted');
    await agent.ready();
    agent.signal();
    await peer.next('heartbeat');
    agent.signal();
    const failed = await peer.next('failed');
    assert.equal(failed.reason, 'rejected-by-delegate');
    assert.match(failed.detail ?? '', /^draining: the delegate stops, and ended the script after \d/);
    await peer.next('drained');
    await agent.assertEnded(1);
  });

  test('when what runs takes longer than the drain timeout', async () => {
    await using agent = await open({ env: { LEGATE_DRAIN_TIMEOUT: '0' } });
    const peer = await agent.connected();
    peer.say(waitingTask);
    await peer.next('accepted');
    await agent.ready();
    agent.signal();
    await peer.next('heartbeat');
    assert.equal((await peer.next('failed')).reason, 'rejected-by-delegate');
    await peer.next('drained');
    await agent.assertEnded(1);
  });
});

test('a close that trying again cannot mend ends it, with what it means as exit code', async () => {
  await using agent = await open();
  (await agent.server.connection()).socket.close(4403, 'edge');
  await agent.assertEnded(4);
});

test('health follows the connection', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => probe.once('listening', resolve));
  const address = probe.address();
  const listen = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  await new Promise(resolve => probe.close(resolve));
  await using agent = await open({ env: { LEGATE_HEALTH_LISTEN: listen } });
  const ready = async () => (await fetch(`http://${listen}/readyz`)).status;
  const peer = await agent.server.connection();
  await peer.next('hello');
  assert.equal(await ready(), 503);
  peer.say(welcome);
  peer.say(aTask());
  await peer.next('accepted'); // So the welcome has been read.
  assert.equal(await ready(), 200);
  peer.socket.terminate();
  await (await agent.server.connection()).next('hello');
  assert.equal(await ready(), 503);
  agent.signal();
  await agent.assertEnded(0);
});

describe('an agent that cannot start', () => {
  /** Runs the command as it was typed. What it leaves open would keep this file from ending. */
  async function command(t: { mock: typeof test.mock }, ...args: string[]): Promise<string> {
    using folder = temporaryFolder();
    const written: string[] = [];
    t.mock.method(process.stderr, 'write', (text: string) => written.push(text));
    writeFileSync(folder.file('token'), 'token');
    const least = [
      '--url',
      'ws://127.0.0.1:1',
      '--token-file',
      folder.file('token'),
      '--log-level',
      'silent',
    ];
    const rest = ['--health-listen', 'off', '--work-dir', folder.file('work'), ...args];
    const before = process.exitCode;
    await agentCommand().parseAsync([...least, ...rest], { from: 'user' });
    assert.equal(process.exitCode, 2);
    process.exitCode = before;
    t.mock.restoreAll();
    return written.join('');
  }

  test('because a setting is wrong says so in one line and ends with 2', async t => {
    const rule = 'must be a whole number from 1 to 10000 (got "many")';
    assert.equal(await command(t, '--max-tasks', 'many'), `legate agent: --max-tasks ${rule}\n`);
  });

  test('because its health address is taken says so in one line and ends with 2', async t => {
    await using taken = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => taken.once('listening', resolve));
    const address = taken.address();
    const listen = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const line = `legate agent: LEGATE_HEALTH_LISTEN: cannot listen on ${listen} (EADDRINUSE)\n`;
    assert.equal(await command(t, '--health-listen', listen), line);
  });

  test('because it cannot make its folder says so in one line and ends with 2', async t => {
    const args = ['--work-dir', '/etc/passwd/x', '--health-listen', '127.0.0.1:0'];
    const line = 'legate agent: LEGATE_WORK_DIR: cannot make a folder in /etc/passwd/x (ENOTDIR)\n';
    assert.equal(await command(t, ...args), line);
  });
});
