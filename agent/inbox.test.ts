import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aTask } from '../test/harness/task.ts';
import { createInbox, type Inbox, type RunningTask } from './inbox.ts';

/** Offers a task that has to be taken. */
function take(inbox: Inbox, task: string, attempt = 1): RunningTask {
  const answer = inbox.offer(aTask({ task, attempt }));
  assert.ok('done' in answer, JSON.stringify(answer));
  return answer;
}

const why = (inbox: Inbox, task: string, attempt = 1) => {
  const answer = inbox.offer(aTask({ task, attempt }));
  return 'why' in answer ? answer.why : 'taken';
};

describe('a task is taken', () => {
  test('up to the capacity, and again when one has ended', () => {
    const inbox = createInbox(2);
    const first = take(inbox, 'a');
    take(inbox, 'b');
    assert.deepEqual(inbox.offer(aTask({ task: 'c' })), { why: 'at-capacity', detail: '2 of 2 are running' });
    first.done();
    take(inbox, 'c');
    assert.deepEqual(inbox.running(), [
      { task: 'b', attempt: 1 },
      { task: 'c', attempt: 1 },
    ]);
  });

  test('once at a time, whatever the attempt', () => {
    const inbox = createInbox(5);
    const first = take(inbox, 'a', 1);
    assert.equal(why(inbox, 'a', 1), 'duplicate');
    assert.equal(why(inbox, 'a', 2), 'duplicate');
    first.done();
    assert.equal(take(inbox, 'a', 2).attempt, 2);
  });

  test('only when admission has nothing against it, and takes no place otherwise', () => {
    const inbox = createInbox(1);
    const refused = inbox.offer(aTask({ workingDirectory: 'relative' }));
    assert.deepEqual(refused, { why: 'refused', detail: 'the working directory must be an absolute path' });
    take(inbox, 'a');
  });

  test('not at all while draining, which comes before every other reason', () => {
    const inbox = createInbox(1);
    take(inbox, 'a');
    assert.equal(inbox.draining, false);
    inbox.drain();
    inbox.drain();
    assert.equal(inbox.draining, true);
    assert.equal(why(inbox, 'a'), 'draining');
    assert.equal(why(inbox, 'b'), 'draining');
  });
});

describe('a place that is given back twice', () => {
  test('is not the place of a later attempt', () => {
    const inbox = createInbox(1);
    const first = take(inbox, 'a', 1);
    first.done();
    take(inbox, 'a', 2);
    first.done();
    assert.deepEqual(inbox.running(), [{ task: 'a', attempt: 2 }]);
  });
});

describe('cancelling', () => {
  test('ends exactly the task and attempt that are named', () => {
    const inbox = createInbox(3);
    const [a, b] = [take(inbox, 'a', 2), take(inbox, 'b')];
    for (const other of [
      { task: 'a', attempt: 1 },
      { task: 'c', attempt: 1 },
    ])
      inbox.cancel(other);
    assert.deepEqual([a.signal.aborted, b.signal.aborted], [false, false]);
    inbox.cancel({ task: 'a', attempt: 2 });
    assert.deepEqual([a.signal.aborted, b.signal.aborted], [true, false]);
  });

  test('leaves the task in its place until it has really ended', () => {
    const inbox = createInbox(1);
    take(inbox, 'a');
    inbox.cancel({ task: 'a', attempt: 1 });
    assert.equal(why(inbox, 'b'), 'at-capacity');
  });
});

describe('giving back', () => {
  const states = (...tasks: RunningTask[]) =>
    tasks.map(({ signal, givenBack }) => [signal.aborted, givenBack]);

  test('of all ends all, and only those that run now', () => {
    const inbox = createInbox(3);
    const before = [take(inbox, 'a'), take(inbox, 'b')];
    inbox.giveBackAll();
    const later = take(inbox, 'c');
    assert.deepEqual(states(...before, later), [
      [true, true],
      [true, true],
      [false, false],
    ]);
  });

  test('is what a drain does with what has not begun, and what has begun goes on', () => {
    const inbox = createInbox(2);
    const [begun, waiting] = [take(inbox, 'a'), take(inbox, 'b')];
    begun.begin();
    inbox.drain();
    assert.deepEqual(states(begun, waiting), [
      [false, false],
      [true, true],
    ]);
    assert.deepEqual([begun.begun, waiting.begun], [true, false]);
  });

  test('is not done with what was cancelled before: nobody wants it any more', () => {
    const inbox = createInbox(1);
    const task = take(inbox, 'a');
    inbox.cancel({ task: 'a', attempt: 1 });
    inbox.giveBackAll();
    assert.deepEqual(states(task), [[true, false]]);
  });
});

describe('waiting until nothing runs', () => {
  test('ends at once when nothing does', async () => {
    await createInbox(1).idle();
  });

  test('ends with the last task, for everybody who waits', async () => {
    const inbox = createInbox(2);
    const [a, b] = [take(inbox, 'a'), take(inbox, 'b')];
    let waiters = 0;
    const all = [inbox.idle(), inbox.idle()].map(idle => idle.then(() => (waiters += 1)));
    a.done();
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(waiters, 0);
    b.done();
    await Promise.all(all);
    assert.equal(waiters, 2);
    await inbox.idle();
  });
});
