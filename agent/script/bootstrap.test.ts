/** What a script's end delivers, held against the bash of this machine. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { openRunner } from '../../test/harness/local-runner.ts';
import { resultOf, scriptEnds } from '../../test/harness/script-ends.ts';

const scripts = await openRunner({ standby: 1 });
after(() => scripts[Symbol.asyncDispose]());

for (const [promise, cases] of Object.entries(scriptEnds)) {
  describe(promise, () => {
    for (const [script, result] of cases) {
      test(JSON.stringify(script), async () => {
        assert.deepEqual(resultOf(await scripts.run(script)), result);
      });
    }
  });
}
