/** When memory runs out, a script goes first; and it may have a bound of its own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openRunner } from '../../test/harness/local-runner.ts';

const fetched = ({ collected }: { collected: { value?: Buffer } }) => collected.value?.toString() ?? '';

test('a script and what it starts have a raised OOM score, which is never lowered', async () => {
  await using runner = await openRunner();
  const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
  const program = 'read -r mine </proc/self/oom_score_adj; secret="$mine $(cat /proc/self/oom_score_adj)"';
  const [mine, child] = fetched(await runner.run(program))
    .trim()
    .split(' ')
    .map(Number);
  assert.deepEqual([mine, child], [Math.max(own, 500), Math.max(own, 500)]);
});

test('nothing of that is left in the shell', async () => {
  await using runner = await openRunner();
  const { stderr, ...execution } = await runner.run('secret=$(compgen -v | grep -ci ^legate_s)');
  assert.deepEqual([fetched(execution), stderr.toString()], ['0', '']);
});

test('a bound on memory holds for each process, cannot be lifted, and ends who takes more in words', async () => {
  await using runner = await openRunner({ memoryMib: 64 });
  assert.equal(fetched(await runner.run('secret=$(bash -c "ulimit -Hd")')), String(64 * 1_024));
  const hog = await runner.run('secret=$(head -c 200000000 /dev/zero | tr "\\0" x)');
  assert.equal(hog.collected.value, undefined);
  assert.match(hog.stderr.toString(), /cannot allocate/);
  assert.equal(fetched(await runner.run('secret=next')), 'next');
});
