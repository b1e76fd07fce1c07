import assert from 'node:assert/strict';
import test from 'node:test';
import { RecentFailures } from './recent-failures.ts';

const failure = (task: string) =>
  ({ at: 't', instance: 'i', reason: 'script-failed', connector: 'account.kv', task }) as const;

test('of each delegate the last 20 failures are known, the newest first', () => {
  const failures = new RecentFailures();
  for (let n = 0; n < 25; n++) failures.add('edge', failure(`${n}`));
  failures.add('other', failure('x'));
  assert.deepEqual(
    failures.of('edge').map(({ task }) => Number(task)),
    Array.from({ length: 20 }, (_, n) => 24 - n),
  );
  assert.deepEqual([failures.of('other').length, failures.of('nobody').length], [1, 0]);
});

test('of very many delegates the one that failed longest ago is forgotten', () => {
  const failures = new RecentFailures();
  for (let n = 0; n < 1_000; n++) failures.add(`d${n}`, failure('a'));
  failures.add('d0', failure('b'));
  failures.add('new', failure('c'));
  assert.deepEqual(
    [failures.of('d0').length, failures.of('d1').length, failures.of('new').length],
    [2, 0, 1],
  );
});
