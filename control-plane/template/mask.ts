/** Names in the place of expressions, so that what is left of a script reads as bash. */
import type { FoundExpression } from '../domain/expression.ts';

const long = '__legate_';
/** For expressions that are shorter than the long one; FirstGen's `${a}` is. */
const short = '__l_';

/** Replaces every expression by a name of the same length, so that offsets stay what they are. */
export function mask(source: string, expressions: readonly FoundExpression[]): string {
  return replaceAll(source, expressions, ({ text }) => {
    const name = text.length < long.length ? short : long;
    return name.padEnd(text.length, '_').slice(0, text.length);
  });
}

/** Whether the text has an expression in it, now a name. */
export const holdsMask = (text: string) => /__l(?:egate)?_/.test(text);

/** The text with `<+…>` for the names, for people. */
export const unmask = (text: string) => text.replace(/__l(?:egate)?_+/g, '<+…>');

export function replaceAll(
  source: string,
  expressions: readonly FoundExpression[],
  by: (expression: FoundExpression) => string,
): string {
  let at = 0;
  const parts = expressions.flatMap(expression => {
    const parts = [source.slice(at, expression.start), by(expression)];
    at = expression.end;
    return parts;
  });
  return parts.join('') + source.slice(at);
}
