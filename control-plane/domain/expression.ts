/** What stands between `<+` and `>`, as a tree. No general language: paths, texts, `+`, secrets.getValue(…). */

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
