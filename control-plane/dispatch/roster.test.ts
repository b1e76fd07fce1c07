import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeLink } from '../../test/harness/fake-link.ts';
import { Roster } from './roster.ts';

const absentNames = (roster: Roster) => roster.absent().map(({ name }) => name);

test('a delegate that is known is absent until an instance of it comes', () => {
  const roster = new Roster([
    { name: 'edge', scope: 'account', hostName: 'h', tags: ['a'], agentVersion: '0', since: 'monday' },
  ]);
  assert.deepEqual(absentNames(roster), ['edge']);
  roster.add(new FakeLink());
  assert.deepEqual(absentNames(roster), []);
});

test('a delegate is absent when its last instance has left, and since then', () => {
  const roster = new Roster();
  const [one, two] = [
    new FakeLink({ instance: 'instance-1', tags: ['a'] }),
    new FakeLink({ instance: 'instance-2' }),
  ];
  roster.add(one);
  roster.add(two);
  assert.equal(roster.remove(two, 'monday'), false);
  assert.deepEqual(absentNames(roster), []);
  assert.equal(roster.remove(one, 'tuesday'), true);
  assert.deepEqual(roster.absent(), [
    { name: 'edge', scope: 'account', hostName: '', tags: ['a'], agentVersion: '0', since: 'tuesday' },
  ]);
});

test('an old link that leaves late does not take the new one of its instance along', () => {
  const roster = new Roster();
  const [old, fresh] = [new FakeLink(), new FakeLink()];
  roster.add(old);
  roster.add(fresh);
  assert.deepEqual(roster.links(), [fresh]);
  assert.equal(roster.remove(old, 'now'), false);
  assert.deepEqual(roster.links(), [fresh]);
  assert.deepEqual(absentNames(roster), []);
});

test('a delegate that claims the instance of another one does not take its place', () => {
  const roster = new Roster();
  const victim = new FakeLink({ name: 'victim', instance: 'same-instance' });
  const thief = new FakeLink({ name: 'thief', instance: 'same-instance' });
  roster.add(victim);
  roster.add(thief);
  assert.deepEqual(roster.links(), [victim, thief]);
});

test('an instance that connects anew before it left is one instance, and the last to leave', () => {
  const roster = new Roster();
  const [old, fresh] = [new FakeLink(), new FakeLink()];
  roster.add(old);
  roster.add(fresh);
  assert.equal(roster.remove(fresh, 'now'), true);
  assert.deepEqual(absentNames(roster), ['edge']);
});
