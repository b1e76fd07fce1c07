/** Scripts on a target host, from a task on the wire to what is left on both sides. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { generateSealingKeys, openValue, sealCredential, sealInput } from '../protocol/index.ts';
import { openHost } from './harness/host-runner.ts';
import { eventually } from './harness/local-runner.ts';
import { startProgram } from './harness/program.ts';
import { type Peer, startScriptedControlPlane } from './harness/scripted-control-plane.ts';
import { aTask, digestOf } from './harness/task.ts';

const identity = { task: 'task-1', attempt: 1 };

/** A real agent that has said hello, and a host that it can log in to. */
async function openAgent() {
  const controlPlane = await startScriptedControlPlane();
  const host = await openHost();
  const program = startProgram({
    args: ['cli/main.ts', 'agent'],
    env: {
      LEGATE_URL: controlPlane.url.href.replace(/^ws/, 'http'),
      LEGATE_TOKEN: 'token',
      LEGATE_NAME: 'delegate',
      LEGATE_HEALTH_LISTEN: 'off',
    },
  });
  const peer = await controlPlane.connection();
  const { publicKey } = await peer.next('hello');
  peer.say({ type: 'welcome', serverVersion: '0.0.0', heartbeatMs: 600_000 });
  const requester = await generateSealingKeys();
  return {
    host,
    peer,
    program,
    requester,
    async give(text: string, changes: object = {}, inputs: string[] = []) {
      const credential = { kind: 'key', privateKey: host.server.privateKey } as const;
      const sealed = await sealCredential(credential, publicKey, identity, 0);
      const { host: name, port, user, fingerprints } = host.server;
      const sealedInputs = inputs.map(async (input, at) => ({
        kind: 'sealed' as const,
        data: await sealInput(input, publicKey, identity, at),
      }));
      peer.say({
        ...aTask({
          program: { shell: 'bash', text, digest: digestOf(text) },
          workingDirectory: '/tmp',
          recipient: requester.publicKey,
          inputs: await Promise.all(sealedInputs),
          target: {
            kind: 'host',
            host: name,
            port,
            user,
            credential: { kind: 'sealed', data: sealed },
            hostKeys: [...fingerprints],
            jumps: [],
          },
        }),
        ...changes,
      });
      await peer.next('accepted');
    },
    async [Symbol.asyncDispose]() {
      await program.stop();
      await host[Symbol.asyncDispose]();
      await controlPlane[Symbol.asyncDispose]();
    },
  };
}

/** The log up to the end of the task, which must succeed. */
async function logOf(peer: Peer, until: string): Promise<string> {
  let log = '';
  while (!log.includes(until)) log += (await peer.next('log')).text;
  return log;
}

/** Everything that anybody on this machine can see of processes. */
function seen(): string {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return ''; // It has ended meanwhile, or is somebody else's.
    }
  };
  return readdirSync('/proc')
    .filter(entry => /^[0-9]+$/.test(entry) && Number(entry) !== process.pid)
    .map(pid => read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`))
    .join('\n');
}

test('a fetch on a host delivers its value, and nothing of it is seen on the way', async () => {
  await using world = await openAgent();
  const { host, peer, program, requester } = world;
  const input = 'hunter2-on-a-host';
  await world.give('secret="got $__legate_1"; sleep 0.7', {}, [input]);
  await eventually('the script runs', () => host.processes().length > 0);
  const processes = seen();
  assert.ok(!processes.includes(input) && processes.includes('legate_program'));
  const { seq, final, sealed } = await peer.next('value');
  await peer.next('succeeded');
  const opener = openValue(requester, identity);
  const value = Buffer.from(await opener.open({ seq, final, sealed })).toString();
  assert.equal(value, `got ${input}`);
  const key = host.server.privateKey.split('\n')[2] ?? '';
  for (const text of [host.server.log(), program.output(), processes])
    for (const secret of [input, 'got hunter2', key, '__legate_1']) assert.ok(!text.includes(secret), secret);
  await eventually('nothing is left there', () => host.processes().length === 0);
});

test('a test of a connection tells the whole story', async () => {
  await using world = await openAgent();
  await world.give('echo "from the script" >&2; secret=v', { liveLogs: true });
  const log = await logOf(world.peer, 'from the script');
  for (const line of [
    /^host: connected to 127\.0\.0\.1:\d+/m,
    /^host: host key ssh-ed25519 SHA256:/m,
    /^host: authenticated as \S+ with publickey/m,
    /^host: working directory \/tmp\nhost: bash \d.*\nfrom the script\n$/m,
  ])
    assert.match(log, line);
});

test('a working directory that is missing and a host that is not there are told apart', async () => {
  await using world = await openAgent();
  await world.give('secret=v', { workingDirectory: '/nonexistent' });
  const missing = await world.peer.next('failed');
  assert.equal(missing.reason, 'working-directory-missing');
  assert.match(missing.stderrTail ?? '', /nonexistent/);
  await world.host.server.stop();
  await world.give('secret=v', { workingDirectory: '/tmp' });
  const unreachable = await world.peer.next('failed');
  assert.equal(unreachable.reason, 'host-unreachable', JSON.stringify(unreachable));
});

test('when the delegate is killed, the script on the host ends, and all that it has started', async () => {
  await using world = await openAgent();
  await world.give('setsid sleep 60 & (sleep 60 &); trap "" TERM; sleep 60; sleep 60');
  await eventually('the script runs', () => world.host.processes().length >= 5);
  world.program.signal('SIGKILL');
  await eventually('nothing is left there', () => world.host.processes().length === 0, 10_000);
});

describe('fifty tasks at once all succeed on a host', () => {
  for (const sessions of [10, 2]) {
    test(`with MaxSessions ${sessions}`, async () => {
      await using host = await openHost({ config: [`MaxSessions ${sessions}`] });
      const runs = Array.from({ length: 50 }, (_, at) =>
        host.run(`sleep 0.05; secret=${at}`, { remainingMs: 60_000 }),
      );
      for (const [at, { end, collected }] of (await Promise.all(runs)).entries()) {
        assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
        assert.equal(collected.value?.toString(), String(at));
      }
    });
  }
});

test('a thousand tasks leave no process, descriptor or file on either side', async () => {
  await using host = await openHost();
  const descriptors = () => readdirSync('/proc/self/fd').length;
  await host.run('secret=v');
  const files = () =>
    [...readdirSync('/tmp'), ...readdirSync(host.server.file('home'))].filter(name =>
      /legate-run|^sh-|^bash/.test(name),
    );
  const before = { descriptors: descriptors(), files: files() };
  let next = 0;
  const work = async () => {
    while (next < 1_000) {
      const at = next;
      next += 1;
      const left = at % 100 === 0 ? '(setsid sleep 60 &); ' : '';
      const { end, collected } = await host.run(`${left}secret=${at}`);
      assert.deepEqual(end, { kind: 'exited', exitCode: 0 });
      assert.equal(collected.value?.toString(), String(at));
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  await eventually('nothing is left there', () => host.processes().length === 0, 10_000);
  assert.deepEqual(files(), before.files);
  // Four connections at most, and what the test runner itself opens meanwhile.
  assert.ok(descriptors() <= before.descriptors + 6, `${before.descriptors} → ${descriptors()}`);
});
