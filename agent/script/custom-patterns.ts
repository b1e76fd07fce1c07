/**
 * Patterns of an operator for what is to be masked in what scripts print: regular expressions, one a line of a file.
 *
 * V8 asks between two steps of a match whether its script has been ended, so that a script with a time limit bounds a
 * match, whatever the pattern and the text are.
 */
import { createContext, Script } from 'node:vm';

const limits = { patterns: 200, pattern: 1_000, timeMs: 200 } as const;

/** What is to be masked, from its first character to before its end. */
export type FindMatches = (text: string) => readonly (readonly [start: number, end: number])[];

/** As a regular expression wants them. */
interface Pattern {
  readonly source: string;
  readonly flags: string;
}

export const noPatterns: FindMatches = () => [];

// The patterns and the text are data of the context; the only code that runs there is this.
const context = createContext(Object.create(null));
const search = new Script(`(() => {
  const ends = [];
  for (const { source, flags } of patterns)
    for (const line of lines)
      for (const match of line.text.matchAll(new RegExp(source, flags)))
        if (match[0] !== '') ends.push(line.start + match.index, line.start + match.index + match[0].length);
  return JSON.stringify(ends);
})()`);

/**
 * Reads the lines of a file; empty ones are none. Flags of the whole, as in `(?i)token`, count. Throws an `Error`
 * that names the line and the rule, and does not quote the pattern: it may hold what it is to mask.
 */
export function readPatterns(text: string): FindMatches {
  const patterns = text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [whole, given = ''] = /^\(\?([ims]+)\)/.exec(line) ?? [''];
    const pattern = { source: line.slice(whole.length), flags: `g${[...new Set(given)].join('')}` };
    const problem = problemOf(pattern);
    if (problem) throw new Error(`line ${index + 1} ${problem}`);
    return [pattern];
  });
  if (patterns.length > limits.patterns) throw new Error(`it has more than ${limits.patterns} patterns`);
  return patterns.length === 0 ? noPatterns : text => matches(patterns, text);
}

function problemOf({ source, flags }: Pattern): string | undefined {
  if (source.length > limits.pattern) return `has more than ${limits.pattern} characters`;
  try {
    new RegExp(source, flags);
    return undefined;
  } catch {
    return 'is not a regular expression';
  }
}

/** Line by line. Where the patterns take too long nobody knows what they would have found: all of it counts. */
function matches(patterns: readonly Pattern[], text: string): (readonly [number, number])[] {
  if (text === '') return [];
  const lines = [...text.matchAll(/[^\n]+/g)].map(({ 0: line, index }) => ({ text: line, start: index }));
  Object.assign(context, { patterns, lines });
  try {
    const ends: number[] = JSON.parse(String(search.runInContext(context, { timeout: limits.timeMs })));
    return ends.flatMap((start, at) => (at % 2 === 0 ? [[start, ends[at + 1] ?? start] as const] : []));
  } catch {
    return [[0, text.length]];
  } finally {
    Object.assign(context, { patterns: [], lines: [] });
  }
}
