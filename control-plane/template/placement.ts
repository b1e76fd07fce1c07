import { ASSIGN_FIRST, arithmetic, roleAt } from './command-rules.ts';
import { chainTo, type Reading, type Region, regionAt, tokenAt, wordsAround } from './shell-reading.ts';

/**
 * How a value is put where an expression stood; `v` is the variable that holds it.
 *
 * - `quoted`     `"${v}"`, glued to other text or where a word must stand
 * - `vanishing`  `${v:+"${v}"}`: like `quoted`, but an empty value leaves no word at all
 * - `plain`      `${v}`, inside double quotes or the body of a here-document
 * - `behind-backslash`  `\${v}` behind a `\` that stands for itself, which it does not in front of a `$`
 * - `single`, `ansi`  `'"${v}"'` and `'"${v}"$'`: close the quotes, and open them again behind the value
 * - `dropped`    nothing, in a comment
 */
export type Form = 'quoted' | 'vanishing' | 'plain' | 'behind-backslash' | 'single' | 'ansi' | 'dropped';

/** The text that stands for the value of `variable` in a place of this form. */
export function referenceTo(variable: string, form: Form): string {
  const expansion = `\${${variable}}`;
  switch (form) {
    case 'quoted':
      return `"${expansion}"`;
    case 'vanishing':
      return `\${${variable}:+"${expansion}"}`;
    case 'plain':
      return expansion;
    case 'behind-backslash':
      return `\\${expansion}`;
    case 'single':
      return `'"${expansion}"'`;
    case 'ansi':
      return `'"${expansion}"$'`;
    case 'dropped':
      return '';
  }
}

const NEEDS_NO_ESCAPE = 'remove the backslash in front of the value: it needs no escaping';
const VALUE_OPERATOR = /^:?[-=+?]$/;
const TRIM_OPERATOR = /^(##?|%%?)$/;

/**
 * Decides how the expression at `start`…`end` becomes a reference to a variable, or why it cannot. `text` is
 * the script with every expression replaced by a name of the same length, and `reading` what it reads as.
 */
export function place(
  reading: Reading,
  text: string,
  start: number,
  end: number,
): { form: Form } | { problem: string } {
  const region = regionAt(reading.root, start);
  if (region.kind === 'comment') return { form: 'dropped' };
  const holder = wordsAround(region);
  const chain = chainTo(region, holder);
  const role = roleAt({ reading, text, start, region, holder, chain });
  const problem =
    whyNotInside(region, chain, start) ??
    whyNotInBackticks(region, text) ??
    (typeof role === 'object' ? role.problem : undefined) ??
    whyNotBehind(region, chain, text.slice(region.start, start));
  if (problem !== undefined) return { problem };
  if (region !== holder) return { form: formInside(region, chain, text.slice(region.start, start)) };
  const word = tokenAt(holder, start) ?? { start, end };
  const unfit = whyNotGlued(text.slice(word.start, start), text.slice(end, word.end));
  if (unfit !== undefined) return { problem: unfit };
  const isAlone = word.start === start && word.end === end;
  return { form: isAlone && role === 'argument' ? 'vanishing' : 'quoted' };
}

/** Places that no command around them can make fit for a value. */
function whyNotInside(region: Region, chain: Region[], start: number): string | undefined {
  if (region.kind === 'delimiter') return 'a value cannot be the delimiter of a here-document';
  if (region.kind === 'name')
    return 'a value cannot be part of a variable name; write ${name}<+…> to put it behind one';
  for (const around of chain) {
    if (around.kind === 'arithmetic') return arithmetic('in arithmetic');
    if (around.kind === 'subscript') return arithmetic('in an array index');
    if (around.kind !== 'parameter') continue;
    if (start < around.operandStart || around.operator === '')
      return 'a value cannot be part of a variable name';
    const isQuoted = around !== region;
    if (VALUE_OPERATOR.test(around.operator) || (TRIM_OPERATOR.test(around.operator) && isQuoted)) continue;
    return `a value cannot stand behind "${around.operator}" in \${ }; ${ASSIGN_FIRST}`;
  }
  return undefined;
}

/** Bash takes a level of backslashes away in backticks, so that text there does not mean what it says. */
function whyNotInBackticks(region: Region, text: string): string | undefined {
  for (let around: Region | undefined = region; around !== undefined; around = around.parent) {
    if (around.kind !== 'backticks') continue;
    if (region.kind === 'verbatim' || text.slice(around.start, around.end).includes('\\')) {
      return 'the quoting inside these backticks is unclear; write $( ) instead';
    }
  }
  return undefined;
}

/** `before` is the text of the innermost region in front of the expression. */
function whyNotBehind(region: Region, chain: Region[], before: string): string | undefined {
  const unfinished = /^(?:[^\\]|\\[\s\S])*?\\(c|x[\da-f]?|u[\da-f]{0,3}|U[\da-f]{0,7}|[0-7]{1,2})?$/i;
  if (region.kind === 'ansi' && unfinished.test(before))
    return 'a value cannot be part of an escape sequence';
  const inParameter = chain.some(({ kind }) => kind === 'parameter');
  const isQuote = region.kind === 'single' || region.kind === 'ansi';
  if (inParameter && !isQuote && endsInBackslash(before)) return NEEDS_NO_ESCAPE;
  if (inParameter && isQuote && isExpanded(chain)) {
    return `the quoting inside this \${ } is unclear; ${ASSIGN_FIRST}`;
  }
  return undefined;
}

/** `before` and `after` are the rest of the word around an expression outside of quotes. */
function whyNotGlued(before: string, after: string): string | undefined {
  if (endsInBackslash(before)) return NEEDS_NO_ESCAPE;
  if (/(^|[=:])~[^/]*$/.test(before)) return `"~" is not expanded in front of a value; ${ASSIGN_FIRST}`;
  const opened = /\{([^{}]*)$/.exec(before)?.[1];
  const closed = /^([^{}]*)\}/.exec(after)?.[1];
  const isBraceExpansion =
    opened !== undefined && closed !== undefined && /,|\.\./.test(`${opened} ${closed}`);
  return isBraceExpansion ? 'a value cannot be part of a brace expansion; write the words out' : undefined;
}

function formInside(region: Region, chain: Region[], before: string): Form {
  if (region.kind === 'single' || region.kind === 'ansi') return region.kind;
  if (region.kind === 'verbatim') return 'plain';
  if (!isExpanded(chain)) return 'vanishing';
  return endsInBackslash(before) ? 'behind-backslash' : 'plain';
}

/** Whether text in the first region of `chain` is read as in double quotes. */
function isExpanded(chain: Region[]): boolean {
  return chain.some(({ kind }) => kind === 'double' || kind === 'here-document');
}

/** An odd number of backslashes: the last one escapes what follows. */
function endsInBackslash(text: string): boolean {
  let count = 0;
  while (text.charAt(text.length - 1 - count) === '\\') count += 1;
  return count % 2 === 1;
}
