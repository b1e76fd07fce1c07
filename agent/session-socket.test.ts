/** A session's socket: frames that break the protocol, silence, heartbeats, and what its end brings with it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type AgentSession, openSession } from '../test/harness/agent-session.ts';
import { aTask } from '../test/harness/task.ts';

const welcome = (heartbeatMs: number) => ({ type: 'welcome', serverVersion: '1.0.0', heartbeatMs });
const id = { task: 'task-1', attempt: 1 };

async function welcomed(agent: AgentSession): Promise<void> {
  const heard = once(agent.socket, 'message');
  agent.peer.say(welcome(600_000));
  await heard;
}

describe('a frame that breaks the protocol closes the socket with 4400 and a reason that quotes nothing', () => {
  const secret = 'hunter2';
  const frames: [what: string, frame: object | string | Buffer, reason: RegExp][] = [
    ['no JSON', `{"${secret}`, /not JSON/],
    ['no object', `"${secret}"`, /"type"/],
    ['no type', { secret }, /"type"/],
    ['a missing field', { type: 'cancel', task: 'task-1' }, /invalid "cancel": \/ .*'attempt'/],
    ['a field of a wrong kind', aTask({ task: `${secret} !` }), /invalid "task": \/task must match/],
    ['a value out of bounds', { ...aTask(), remainingMs: 0 }, /\/remainingMs must be >= 1/],
    ['a binary frame', Buffer.from(JSON.stringify(aTask())), /binary/],
  ];
  for (const [what, frame, reason] of frames) {
    test(what, async () => {
      await using agent = await openSession();
      agent.peer.say(frame);
      const closed = await agent.peer.closed;
      assert.equal(closed.code, 4_400);
      assert.match(closed.reason, reason);
      assert.ok(Buffer.byteLength(closed.reason) <= 123);
      assert.ok(!closed.reason.includes(secret) && !agent.log.text().includes(secret));
      await agent.session.ended;
    });
  }

  test('with a reason that fits into a close frame, however much is wrong', async () => {
    await using agent = await openSession();
    agent.peer.say({ type: 'task', inputs: Array.from({ length: 100 }, () => 1) });
    const closed = await agent.peer.closed;
    assert.equal(closed.code, 4_400);
    assert.ok(closed.reason.length > 50);
  });

  test('and what comes after it is not run any more', async () => {
    await using agent = await openSession();
    agent.peer.say('broken');
    agent.peer.say(aTask());
    await agent.peer.closed;
    await agent.session.ended;
    assert.deepEqual(agent.runs, []);
  });
});

describe('what a newer control plane says', () => {
  test('in messages of an unknown type is ignored', async () => {
    await using agent = await openSession();
    agent.peer.say({ type: 'prepare', anything: 1 });
    await agent.give();
  });

  test('in unknown fields of known messages is dropped', async () => {
    await using agent = await openSession();
    const run = await agent.give(Object.assign(aTask(), { priority: 9 }));
    assert.deepEqual(run.task, aTask());
  });
});

describe('a heartbeat', () => {
  test('comes as often as the control plane asked for, with what runs at the time', async () => {
    await using agent = await openSession();
    agent.peer.say(welcome(10_000));
    await agent.give();
    await agent.clock.advance(9_999);
    assert.deepEqual(agent.peer.waiting(), []);
    await agent.clock.advance(1);
    assert.deepEqual(await agent.peer.next('heartbeat'), {
      type: 'heartbeat',
      running: [id],
      draining: false,
    });
    await agent.give(aTask({ task: 'task-2' }));
    agent.inbox.drain();
    await agent.clock.advance(10_000);
    const running = [id, { task: 'task-2', attempt: 1 }];
    assert.deepEqual(await agent.peer.next('heartbeat'), { type: 'heartbeat', running, draining: true });
  });

  test('is not doubled by a second welcome, which may change its period', async () => {
    await using agent = await openSession();
    agent.peer.say(welcome(10_000));
    agent.peer.say(welcome(4_000));
    await agent.give();
    await agent.clock.advance(4_000);
    await agent.peer.next('heartbeat');
    await agent.clock.advance(4_000);
    await agent.peer.next('heartbeat');
    await agent.clock.advance(3_000);
    await agent.give(aTask({ task: 'task-2' })); // Nothing came in between.
  });

  test('does not come before the welcome', async () => {
    await using agent = await openSession();
    await agent.clock.advance(9_000);
    await agent.give();
  });
});

describe('silence', () => {
  test('for twice the heartbeat ends the socket, as a half-open one stays open for ever', async () => {
    await using agent = await openSession();
    await welcomed(agent);
    agent.peer.socket.pause(); // Whoever does not read does not answer pings.
    await agent.clock.advance(19_999);
    assert.equal(agent.socket.readyState, agent.socket.OPEN);
    await agent.clock.advance(1);
    await agent.session.ended;
    assert.ok(agent.log.text().includes('fallen silent'));
  });

  test('that is broken by answers to pings does not', async () => {
    await using agent = await openSession();
    await welcomed(agent);
    for (let period = 0; period < 5; period += 1) {
      const answered = once(agent.socket, 'pong');
      await agent.clock.advance(10_000);
      await answered;
    }
    assert.equal(agent.socket.readyState, agent.socket.OPEN);
  });

  test('instead of a welcome ends the socket too', async () => {
    await using agent = await openSession();
    await agent.clock.advance(9_999);
    assert.equal(agent.socket.readyState, agent.socket.OPEN);
    await agent.clock.advance(1);
    await agent.session.ended;
    assert.ok(agent.log.text().includes('did not answer our hello'));
  });
});

describe('when the socket is gone', () => {
  for (const how of ['terminate', 'close'] as const)
    test(`by ${how}, its tasks are ended, and the session only after them`, async () => {
      await using agent = await openSession();
      const run = await agent.give();
      agent.peer.socket[how]();
      if (!run.bounds.signal.aborted) await once(run.bounds.signal, 'abort');
      let ended = false;
      void agent.session.ended.then(() => {
        ended = true;
      });
      await agent.clock.advance(1_000);
      assert.equal(ended, false);
      assert.deepEqual(agent.inbox.running(), [id]);
      run.end({ ok: false, reason: 'cancelled', durationMs: 1, log: '' });
      await agent.session.ended;
      assert.deepEqual(agent.inbox.running(), []);
      agent.clock.assertNoTimers();
    });

  test('a task that succeeds in that moment disturbs nothing', async () => {
    await using agent = await openSession();
    const run = await agent.give();
    agent.peer.socket.terminate();
    await once(agent.socket, 'close');
    let asked = 0;
    async function* chunks() {
      for (let seq = 0; seq < 3; seq += 1) {
        asked += 1;
        yield { seq, final: seq === 2, sealed: 'a.b.c.d.e' };
      }
    }
    run.end({ ok: true, chunks: chunks(), durationMs: 1, log: '' });
    await agent.session.ended;
    assert.equal(asked, 1);
  });

  test('leaving, draining and a late drained do no harm', async () => {
    await using agent = await openSession();
    const run = await agent.give();
    agent.peer.say({ type: 'drain' });
    await agent.peer.next('heartbeat');
    agent.peer.socket.terminate();
    await once(agent.socket, 'close');
    agent.session.drain();
    await agent.session.leave();
    run.end({ ok: false, reason: 'cancelled', durationMs: 1, log: '' });
    await agent.session.ended;
  });
});
