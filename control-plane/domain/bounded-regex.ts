/**
 * Patterns that users wrote, run so that none of them can hold the process.
 *
 * A rule on the pattern's form would not do: `(a|a)*` nests nothing and takes for ever, and harmless patterns
 * nest. V8 asks between two steps of a match whether its script has been ended, so that a script with a time
 * limit does bound a match.
 */
import { createContext, Script } from 'node:vm';

const limits = { pattern: 1_000, value: 65_536, timeMs: 200 } as const;

/** `failed`: too long, no pattern, or out of time. */
export type Match = 'matches' | 'differs' | { readonly failed: string };

// The pattern and the value are data of the context; the only code that runs there is this line.
const context = createContext(Object.create(null));
const test = new Script('new RegExp(pattern).test(value)');

/** Why a pattern cannot be used; undefined when it can. Tried once, as some fail only when they run. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > limits.pattern) return `it has more than ${limits.pattern} characters`;
  try {
    // By itself: inside the group around it, `a)|(b` would compile.
    new RegExp(pattern);
  } catch {
    return 'it does not compile';
  }
  const tried = matchWhole(pattern, '');
  return typeof tried === 'object' ? tried.failed : undefined;
}

/** Whether the whole value matches. Never throws, and takes at most a fraction of a second. */
export function matchWhole(pattern: string, value: string): Match {
  if (pattern.length > limits.pattern) return { failed: `it has more than ${limits.pattern} characters` };
  if (value.length > limits.value) return { failed: `the value has more than ${limits.value} characters` };
  Object.assign(context, { pattern: `^(?:${pattern})$`, value });
  try {
    return test.runInContext(context, { timeout: limits.timeMs }) === true ? 'matches' : 'differs';
  } catch (error) {
    return {
      failed: hasCode(error, 'ERR_SCRIPT_EXECUTION_TIMEOUT') ? 'it takes too long' : 'it does not compile',
    };
  } finally {
    Object.assign(context, { pattern: '', value: '' });
  }
}

const hasCode = (error: unknown, code: string) =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;
