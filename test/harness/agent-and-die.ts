/**
 * A program for `test/token-rotation.test.ts`: an agent that kills itself at a step of the replacement of its token.
 * Its settings come from the environment; the step is its argument, none: it lives.
 */
import { runAgent } from '../../agent/main.ts';
import { readSettings } from '../../agent/settings.ts';

const [fatal] = process.argv.slice(2);
process.exitCode = await runAgent({
  ...readSettings({}),
  onTokenStep(step) {
    if (step === fatal) process.kill(process.pid, 'SIGKILL');
  },
});
