/** A script on a real OpenSSH server: what reaches it, what comes back, and what is told when it can't run. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { disturbances } from '../../test/harness/disturbances.ts';
import { openHost } from '../../test/harness/host-runner.ts';
import { resultOf, scriptEnds } from '../../test/harness/script-ends.ts';

const host = await openHost();
after(() => host[Symbol.asyncDispose]());

async function fetched(program: string, inputs: string[] = []): Promise<string> {
  const { end, collected, stderr } = await host.run(program, { inputs });
  assert.deepEqual(end, { kind: 'exited', exitCode: 0 }, stderr.toString());
  assert.ok(collected.value, stderr.toString());
  return collected.value.toString();
}

for (const [promise, cases] of Object.entries(scriptEnds)) {
  describe(`on a host as here: ${promise}`, { concurrency: 4 }, () => {
    for (const [script, result] of cases)
      test(JSON.stringify(script), async () => assert.deepEqual(resultOf(await host.run(script)), result));
  });
}

describe('on a host as here, a value arrives although the script begins with', { concurrency: 4 }, () => {
  for (const disturbance of disturbances.filter(text => !text.includes('rm -rf "$PWD"')))
    test(JSON.stringify(disturbance), async () =>
      assert.equal(await fetched(`${disturbance}\nsecret='the value: v'`), 'the value: v'),
    );
});
