/** Runtime inputs: `<+input>` and its methods. */

/** What a value in a document is: a fixed text (in which expressions may stand), or left open. */
export type InputValue =
  | { readonly kind: 'fixed'; readonly text: string }
  | {
      readonly kind: 'runtime';
      /** As it was written. */
      readonly source: string;
      readonly defaultText: string | undefined;
      readonly validator: Validator | undefined;
    };

export type Validator =
  | { readonly kind: 'allowedValues' | 'selectOneFrom' | 'selectManyFrom'; readonly allowed: readonly string[] }
  | { readonly kind: 'regex'; readonly pattern: string };
