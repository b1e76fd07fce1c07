import assert from 'node:assert/strict';
import test from 'node:test';
import { settled } from '../../test/harness/dispatching.ts';
import { FakeLink } from '../../test/harness/fake-link.ts';
import { type Waiter, WaitingRoom } from './waiting-room.ts';

/** A room in which everybody who is served is noted. */
function room(most = 10) {
  const waiting = new WaitingRoom(most);
  const served: string[] = [];
  /** Takes a place of the link when it is told to look and there is one. */
  const come = (name: string, link: FakeLink, group = name.charAt(0)) => {
    const waiter: Waiter = {
      group,
      wants: other => other === link,
      look() {
        if (link.running >= link.capacity) return false;
        link.busy += 1;
        served.push(name);
        return true;
      },
    };
    return waiting.enter(waiter);
  };
  return { waiting, served, come };
}

test('each group has its turn, however many of another one wait, and in a group who came first is first', async () => {
  const link = new FakeLink({ capacity: 1, busy: 1 });
  const { waiting, served, come } = room();
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) come(name, link);
  for (let n = 0; n < 7; n++) {
    link.busy = 0;
    waiting.offer(link);
    await settled();
  }
  assert.deepEqual(served, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
});

test('of several free places as many are served', async () => {
  const link = new FakeLink({ capacity: 3, busy: 0 });
  const { waiting, served, come } = room();
  for (const name of ['a1', 'a2', 'b1', 'b2']) come(name, link);
  waiting.offer(link);
  assert.deepEqual(served, [], 'whoever tells of a change is in the middle of it');
  await settled();
  assert.deepEqual(served, ['a1', 'b1', 'a2']);
});

test('a group that has as many as may wait gets no more in, and others do', async () => {
  const link = new FakeLink({ busy: 1 });
  const { waiting, served, come } = room(2);
  const leave = come('a1', link);
  assert.ok(come('a2', link));
  assert.equal(come('a3', link), undefined);
  assert.ok(come('b1', link));
  leave?.();
  assert.ok(come('a4', link));
  leave?.();
  assert.equal(come('a5', link), undefined);
  link.busy = 0;
  waiting.offer(link);
  await settled();
  assert.deepEqual(served, ['a2']);
});

test('a place is offered only to those who want it, and a doubt told only to them', async () => {
  const [mine, other] = [new FakeLink({ busy: 0 }), new FakeLink({ busy: 0 })];
  const { waiting, served, come } = room();
  come('a1', mine);
  waiting.offer(other);
  waiting.recheck(other);
  await settled();
  assert.deepEqual(served, []);
  waiting.recheck(mine);
  await settled();
  assert.deepEqual(served, ['a1']);
});

test('when anything may have changed everybody looks, in turn', async () => {
  const link = new FakeLink({ capacity: 3 });
  const { waiting, served, come } = room();
  for (const name of ['a1', 'a2', 'b1']) come(name, link);
  waiting.recheckAll();
  await settled();
  assert.deepEqual(served, ['a1', 'b1', 'a2']);
});
