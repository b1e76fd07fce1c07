/** What stands between `<+` and `>`, as a tree. No general language: paths, texts, `+`, secrets.getValue(…). */
import { findFirstGen } from './expression-first-gen.ts';
import { findNg } from './expression-ng.ts';
import { joined } from './expression-tree.ts';
import type { InputName } from './inputs.ts';

export { describeExpression } from './expression-tree.ts';

/** The two lists of inputs that a template may declare, each a namespace of its own. */
export type InputList = 'environmentVariables' | 'inputVariables';

export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  /** The value of an input: `<+spec.environmentVariables.NAME>` and its two longer forms. */
  | { readonly kind: 'input'; readonly list: InputList; readonly name: string }
  /** Any other scalar of the merged document, relative to `spec`, as in `source.spec.type`. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'join'; readonly parts: readonly Expression[] }
  /** The value of a secret, by reference, or in FirstGen templates by name. */
  | { readonly kind: 'secret'; readonly by: 'reference' | 'name'; readonly argument: Expression };

/** How a template writes expressions: `<+…>`, or FirstGen's `${name}` and `${secrets.getValue("name")}`. */
export type ExpressionSyntax = 'NG' | 'FirstGen';

/** An expression, or why there is none; the problem quotes what was written. */
export type Understood =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly problem: string };

/** `text` is the whole expression, marks included; the offsets are UTF-16 code units, `end` exclusive. */
export interface FoundExpression {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly meaning: Understood;
}

export interface FoundExpressions {
  /** In the order of the text; those nested inside another belong to it. */
  readonly expressions: readonly FoundExpression[];
  /** A `<+` that no `>` closes before the end of its line. */
  readonly unterminated: readonly { readonly start: number; readonly text: string }[];
}

/**
 * Finds the expressions of a text. `declared` are the template's inputs: with FirstGen's syntax only their names
 * make a `${name}` an expression; any other is the shell's.
 */
export function parseExpressions(
  text: string,
  syntax: ExpressionSyntax,
  declared: readonly InputName[] = [],
): FoundExpressions {
  return syntax === 'NG' ? findNg(text) : { expressions: findFirstGen(text, declared), unterminated: [] };
}

/** Reads a text with expressions in it, such as the value of an input, as one expression. */
export function parseText(
  text: string,
  syntax: ExpressionSyntax = 'NG',
  declared: readonly InputName[] = [],
): Understood {
  const { expressions, unterminated } = parseExpressions(text, syntax, declared);
  const [open] = unterminated;
  // Not quoted: this may be no expression at all, but a part of a value.
  if (open !== undefined)
    return { ok: false, problem: `the <+ at character ${open.start + 1} has no closing > on its line` };
  const parts: Expression[] = [];
  let at = 0;
  for (const { start, end, meaning } of expressions) {
    if (!meaning.ok) return meaning;
    parts.push({ kind: 'text', text: text.slice(at, start) }, meaning.expression);
    at = end;
  }
  return { ok: true, expression: joined([...parts, { kind: 'text', text: text.slice(at) }]) };
}
