/**
 * What a reader of bash finds in a script: nested regions, each with one way of quoting, and in the regions
 * that hold commands their words. Offsets are UTF-16 code units of the text that was read.
 */

/**
 * - `commands` the script itself, `$( )`, `<( )`, `>( )`; `backticks` the old form; `array` the words of `a=( )`
 * - `double`, `single`, `ansi` the three kinds of quotes (`"…"` and `$"…"`, `'…'`, `$'…'`)
 * - `here-document`, `verbatim` bodies of `<<X` and of `<<'X'`; `delimiter` the word after `<<`
 * - `parameter` the inside of `${ }`; `name` the name after a plain `$`; `subscript` the inside of `a[ ]`
 * - `arithmetic` the inside of `$(( ))`, `(( ))`, `$[ ]`; `comment`
 */
export type RegionKind =
  | 'commands'
  | 'backticks'
  | 'array'
  | 'double'
  | 'single'
  | 'ansi'
  | 'here-document'
  | 'verbatim'
  | 'delimiter'
  | 'parameter'
  | 'name'
  | 'subscript'
  | 'arithmetic'
  | 'comment';

/** `start` and `end` enclose the content, without the marks around it. */
export interface Region {
  kind: RegionKind;
  start: number;
  end: number;
  parent: Region | undefined;
  inner: Region[];
  /** Empty but for `commands`, `backticks` and `array`. */
  tokens: Token[];
  /** Of a `parameter`: what follows the name, such as `:-` or `#`; empty while there is none. */
  operator: string;
  /** Of a `parameter`: where its operand begins. */
  operandStart: number;
}

/**
 * `pattern` is a word of a `case` branch, `target` the word after a redirection (`redirect`). A `separator`
 * ends a simple command; a `mark` is an operator inside `[[ ]]`, which does not.
 */
export interface Token {
  kind: 'word' | 'pattern' | 'target' | 'redirect' | 'separator' | 'mark';
  start: number;
  end: number;
}

export interface HereDocument {
  /** Where `<<` stands. */
  start: number;
  stripsTabs: boolean;
  /** The delimiter as written, quotes included. */
  delimiter: { start: number; end: number };
  /** The delimiter as it must appear on the last line. */
  endsWith: string;
  quoted: boolean;
  body: Region;
  /** Where the closing delimiter stands, leading tabs excluded; undefined when the text ends first. */
  terminator: { start: number; end: number } | undefined;
}

export interface Reading {
  root: Region;
  hereDocuments: HereDocument[];
  /** Openings that are never closed, outermost first. */
  unclosed: { at: number; what: string }[];
}

/** The innermost region around `offset`. */
export function regionAt(root: Region, offset: number): Region {
  const inner = root.inner.find(region => region.start <= offset && offset < region.end);
  return inner === undefined ? root : regionAt(inner, offset);
}

/** The token of `holder` around `offset`, if there is one. */
export function tokenAt(holder: Region, offset: number): Token | undefined {
  return holder.tokens.find(token => token.start <= offset && offset < token.end);
}

/** The innermost region around `region` (or itself) that holds words. */
export function wordsAround(region: Region): Region {
  const holdsWords = region.kind === 'commands' || region.kind === 'backticks' || region.kind === 'array';
  return holdsWords || region.parent === undefined ? region : wordsAround(region.parent);
}

/** `region` and those around it, innermost first, up to and with the nearest one that holds words. */
export function chainTo(region: Region, last: Region): Region[] {
  return region === last || region.parent === undefined
    ? [region]
    : [region, ...chainTo(region.parent, last)];
}
