/** What an agent says, and when, seen from the other end of its socket. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../protocol/index.ts';
import { hello, openSession, success } from '../test/harness/agent-session.ts';
import { aTask, digestOf } from '../test/harness/task.ts';
import { createInbox } from './inbox.ts';

const welcome = { type: 'welcome', serverVersion: '1.0.0', heartbeatMs: 10_000 };
const id = { task: 'task-1', attempt: 1 };

test('the first thing it says is hello, as it was told to, and then it waits', async () => {
  await using agent = await openSession();
  assert.deepEqual(agent.heard, hello);
  assert.deepEqual(agent.peer.waiting(), []);
});

test('it counts as let in when it is welcomed, not before', async () => {
  await using agent = await openSession();
  assert.equal(agent.welcomes(), 0);
  agent.peer.say(welcome);
  await agent.give();
  assert.equal(agent.welcomes(), 1);
});

describe('a task that succeeds', () => {
  test('is accepted, delivered chunk by chunk, and then reported', async () => {
    await using agent = await openSession();
    const run = await agent.give(aTask({ remainingMs: 4_321 }));
    assert.equal(run.bounds.remainingMs, 4_321);
    run.end(success(3));
    for (const seq of [0, 1, 2])
      assert.deepEqual(await agent.peer.next('value'), {
        type: 'value',
        ...id,
        seq,
        final: seq === 2,
        sealed: `${seq}.b.c.d.e`,
      });
    const succeeded = { type: 'succeeded', ...id, chunks: 3, durationMs: 7 };
    assert.deepEqual(await agent.peer.next('succeeded'), succeeded);
    assert.deepEqual(agent.inbox.running(), []);
  });

  test('sends its log first where the task asks for it, in pieces that fit', async () => {
    await using agent = await openSession();
    const run = await agent.give(aTask({ logs: true }));
    const text = `${'x'.repeat(limits.log)}${'y'.repeat(limits.log)}z`;
    run.end(success(1, text));
    const pieces = [];
    for (let piece = 0; piece < 3; piece += 1) pieces.push((await agent.peer.next('log')).text);
    assert.equal(pieces.join(''), text);
    await agent.peer.next('value');
  });

  test('sends a live log while it runs, and the rest of it at the end', async () => {
    await using agent = await openSession();
    const run = await agent.give(aTask({ liveLogs: true }));
    await run.sendLog('first\n');
    assert.deepEqual(await agent.peer.next('log'), { type: 'log', ...id, text: 'first\n' });
    run.end(success(1, 'rest'));
    assert.equal((await agent.peer.next('log')).text, 'rest');
    await agent.peer.next('value');
  });

  test('keeps its log where the task does not ask for it', async () => {
    await using agent = await openSession();
    (await agent.give()).end(success(1, 'a log'));
    await agent.peer.next('value');
    await agent.peer.next('succeeded');
    assert.ok(!agent.log.text().includes('a log'));
  });

  test('gives its chunks no faster than the socket takes them', async t => {
    await using agent = await openSession();
    const run = await agent.give();
    const taken: (() => void)[] = [];
    const sent: string[] = [];
    t.mock.method(agent.socket, 'send', (frame: string, done: () => void) => {
      sent.push(frame);
      taken.push(done);
    });
    run.end(success(5));
    for (let chunk = 1; chunk <= 5; chunk += 1) {
      await agent.clock.advance(0);
      assert.equal(sent.length, chunk);
      taken.at(-1)?.();
    }
    t.mock.restoreAll();
  });
});

describe('a task that fails', () => {
  test('is reported with all that the outcome says, and without its log', async () => {
    await using agent = await openSession();
    const facts = { reason: 'script-failed', exitCode: 3, detail: 'd', stderrTail: 'tail' } as const;
    (await agent.give()).end({ ok: false, ...facts, durationMs: 9, log: 'the log' });
    assert.deepEqual(await agent.peer.next('failed'), { type: 'failed', ...id, ...facts, durationMs: 9 });
  });

  test('by a fault of the agent is reported as that, without its words', async () => {
    await using agent = await openSession();
    (await agent.give()).fail(new Error('words'));
    const failed = { type: 'failed', ...id, reason: 'internal', durationMs: 0 };
    assert.deepEqual(await agent.peer.next('failed'), failed);
    (await agent.give(aTask({ task: 'task-2' }))).end(success(1));
    await agent.peer.next('value');
  });

  test('frees its place before the other side can hear of it', async t => {
    await using agent = await openSession({ capacity: 1 });
    const run = await agent.give();
    const runningThen: number[] = [];
    t.mock.method(agent.socket, 'send', (_: string, done: () => void) => {
      runningThen.push(agent.inbox.running().length);
      done();
    });
    run.end({ ok: false, reason: 'empty-value', durationMs: 1, log: '' });
    await agent.clock.advance(0);
    assert.deepEqual(runningThen, [0]);
    t.mock.restoreAll();
  });
});

describe('a task is rejected', () => {
  test('above the capacity, until another has ended', async () => {
    await using agent = await openSession({ capacity: 1 });
    const run = await agent.give();
    agent.peer.say(aTask({ task: 'task-2' }));
    assert.deepEqual(await agent.peer.next('rejected'), {
      type: 'rejected',
      task: 'task-2',
      attempt: 1,
      why: 'at-capacity',
      detail: '1 of 1 are running',
    });
    run.end({ ok: false, reason: 'empty-value', durationMs: 1, log: '' });
    await agent.peer.next('failed');
    await agent.give(aTask({ task: 'task-2' }));
  });

  const why: [why: string, task: object][] = [
    ['duplicate', aTask({ attempt: 2 })],
    ['refused', aTask({ task: 'x', program: { shell: 'bash', text: 'other', digest: digestOf('x') } })],
  ];
  for (const [reason, task] of why) {
    test(`as ${reason}`, async () => {
      await using agent = await openSession();
      await agent.give();
      agent.peer.say(task);
      assert.equal((await agent.peer.next('rejected')).why, reason);
      assert.equal(agent.runs.length, 1);
    });
  }

  test('while draining', async () => {
    await using agent = await openSession();
    agent.session.drain();
    await agent.peer.next('heartbeat');
    agent.peer.say(aTask());
    assert.deepEqual(await agent.peer.next('rejected'), { type: 'rejected', ...id, why: 'draining' });
  });
});

describe('a cancel', () => {
  test('reaches the task and attempt that it names, and no other', async () => {
    await using agent = await openSession();
    const run = await agent.give();
    for (const other of [
      { task: 'task-1', attempt: 2 },
      { task: 'task-9', attempt: 1 },
    ])
      agent.peer.say({ type: 'cancel', ...other });
    agent.peer.say(aTask({ task: 'task-1' }));
    await agent.peer.next('rejected'); // So the cancels have been read.
    assert.equal(run.bounds.signal.aborted, false);
    agent.peer.say({ type: 'cancel', ...id });
    await new Promise(resolve => run.bounds.signal.addEventListener('abort', resolve));
    run.end({ ok: false, reason: 'cancelled', durationMs: 5, log: '' });
    assert.equal((await agent.peer.next('failed')).reason, 'cancelled');
  });

  test('of a task whose value is on its way ends it with an outcome all the same', async () => {
    await using agent = await openSession();
    const run = await agent.give();
    async function* chunks() {
      yield { seq: 0, final: false, sealed: 'a.b.c.d.e' };
      agent.inbox.cancel(id);
      yield { seq: 1, final: true, sealed: 'a.b.c.d.e' };
    }
    run.end({ ok: true, chunks: chunks(), durationMs: 7, log: '' });
    await agent.peer.next('value');
    assert.deepEqual(await agent.peer.next('failed'), {
      type: 'failed',
      ...id,
      reason: 'cancelled',
      durationMs: 7,
    });
  });
});

describe('an order to drain', () => {
  test('is confirmed at once, and again when nothing runs any more', async () => {
    await using agent = await openSession();
    const run = await agent.give();
    run.bounds.onBegin?.();
    agent.peer.say({ type: 'drain' });
    assert.deepEqual(await agent.peer.next('heartbeat'), {
      type: 'heartbeat',
      running: [id],
      draining: true,
    });
    agent.peer.say(aTask({ task: 'task-2' }));
    assert.equal((await agent.peer.next('rejected')).why, 'draining');
    run.end(success(1));
    await agent.peer.next('value');
    await agent.peer.next('succeeded');
    await agent.peer.next('drained');
  });

  test('gives back at once what was accepted and has not begun', async () => {
    await using agent = await openSession();
    const run = await agent.give();
    agent.peer.say({ type: 'drain' });
    await agent.peer.next('heartbeat');
    assert.equal(run.bounds.signal.aborted, true);
    run.end({ ok: false, reason: 'cancelled', durationMs: 0, log: '' });
    assert.deepEqual(await agent.peer.next('failed'), {
      type: 'failed',
      ...id,
      reason: 'rejected-by-delegate',
      detail: 'draining: the delegate stops, and had not begun the script',
      durationMs: 0,
    });
    await agent.peer.next('drained');
  });

  test('leaves the outcome of what failed, or was cancelled before, as it is', async () => {
    await using agent = await openSession();
    const [failing, cancelled] = [await agent.give(), await agent.give(aTask({ task: 'task-2' }))];
    agent.peer.say({ type: 'cancel', task: 'task-2', attempt: 1 });
    agent.peer.say({ type: 'drain' });
    await agent.peer.next('heartbeat');
    failing.end({ ok: false, reason: 'script-failed', exitCode: 1, durationMs: 7, log: '' });
    assert.equal((await agent.peer.next('failed')).reason, 'script-failed');
    cancelled.end({ ok: false, reason: 'cancelled', durationMs: 7, log: '' });
    assert.equal((await agent.peer.next('failed')).reason, 'cancelled');
  });

  test('by the agent itself ends, after leaving, with a normal close', async () => {
    await using agent = await openSession();
    agent.session.drain();
    await agent.session.leave();
    await agent.peer.next('heartbeat');
    await agent.peer.next('drained');
    assert.deepEqual(await agent.peer.closed, { code: 1000, reason: 'drained' });
    await agent.session.ended;
  });

  test('before the connection is made known to the control plane when it welcomes the agent', async () => {
    const inbox = createInbox(1);
    inbox.drain();
    await using agent = await openSession({ inbox });
    agent.peer.say(welcome);
    assert.deepEqual(await agent.peer.next('heartbeat'), { type: 'heartbeat', running: [], draining: true });
  });
});
