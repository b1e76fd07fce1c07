import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCompiler } from './compile.ts';
import { inputsNamed, valuesFor } from './testing/inputs.ts';
import { randomFrom, ScriptMaker } from './testing/random-script.ts';
import { runInBash } from './testing/run-in-bash.ts';
import { HOSTILE } from './testing/values.ts';

/** Another seed gives other scripts; a failure names the seed of the one script that failed. */
const FIRST_SEED = Number(process.env.LEGATE_TEST_SEED ?? 20_250);
const SCRIPTS = Number(process.env.LEGATE_TEST_SCRIPTS ?? 250);
const INPUTS = ['a', 'b', 'c'];
const NOTATIONS = {
  NG: ['<+spec.environmentVariables.a>', '<+secrets.getValue("b")>', '<+spec.c>'],
  FirstGen: ['${a}', '${secrets.getValue("b")}', '${c}'],
};

test('scripts put together at random show the values themselves', async () => {
  const compile = await loadCompiler(async () => ({ kind: 'valid', leavesHereDocumentOpen: false }));
  const cases = [];
  let compiled = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCRIPTS; seed += 1) {
    const random = randomFrom(seed);
    const syntax = seed % 2 === 0 ? 'NG' : 'FirstGen';
    const { script, shown } = new ScriptMaker(random, NOTATIONS[syntax]).script();
    const result = await compile(script, inputsNamed(...INPUTS), syntax);
    if (!result.ok) {
      // The grammar does not read everything; then it must say so, and nothing else is wrong.
      const others = result.problems.filter(({ message }) => !message.includes('is unclear'));
      assert.deepEqual(others, [], `seed ${seed}: ${script}`);
      continue;
    }
    compiled += 1;
    const { text, slots } = result.program;
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const values = INPUTS.map(() => HOSTILE[random(HOSTILE.length)] ?? '');
      const [a = '', b = '', c = ''] = values;
      const arriving = valuesFor(slots, { a, b, c });
      cases.push({
        seed,
        script,
        text,
        values,
        run: { program: text, values: arriving },
        shown: shown(values),
      });
    }
  }
  assert.ok(compiled > SCRIPTS / 2, `only ${compiled} of ${SCRIPTS} scripts were accepted`);
  const results = runInBash(cases.map(({ run }) => run));
  cases.forEach(({ seed, script, text, values, shown }, index) => {
    assert.deepEqual(results[index], shown, `seed ${seed}, ${JSON.stringify(values)}: ${script}\nas ${text}`);
  });
});
