import type { Node } from './grammar.ts';
import type { RegionKind } from './shell-reading.ts';

const WORDS: RegionKind[] = ['commands', 'backticks', 'array'];
/** The regions of a shell reading that a node of the grammar amounts to. */
const REGIONS: Record<string, RegionKind[]> = {
  string: ['double'],
  raw_string: ['single'],
  ansi_c_string: ['ansi'],
  heredoc_body: ['here-document', 'verbatim'],
  heredoc_start: ['delimiter'],
  expansion: ['parameter'],
  simple_expansion: ['name'],
  variable_name: ['name'],
  arithmetic_expansion: ['arithmetic'],
  c_style_for_statement: ['arithmetic'],
  subscript: ['subscript'],
  array: ['array'],
  command_substitution: WORDS,
  process_substitution: WORDS,
};
const STATEMENT =
  /_statement$|^(command|pipeline|list|do_group|variable_assignments?|(declaration|unset|test|negated)_command)$/;

/**
 * Whether the grammar takes the quoting around `start`…`end` for `kind` as well, in a statement that it read
 * without errors. It has no opinion inside patterns, which are single tokens to it, quotes included.
 */
export function agrees(root: Node, start: number, end: number, kind: RegionKind): boolean {
  let regions: RegionKind[] | undefined;
  for (let node = root.descendantForIndex(start, end); node !== null; node = node.parent) {
    if (node.isError || node.isMissing) return false;
    if (node.type === 'comment') return kind === 'comment';
    if (node.type === 'regex' || node.type === 'extglob_pattern') regions ??= [kind];
    if (!isPositional(node)) regions ??= isCounting(node) ? ['arithmetic'] : REGIONS[node.type];
    if (STATEMENT.test(node.type)) return !node.hasError && (regions ?? WORDS).includes(kind);
  }
  return false;
}

/** `$1abc` is `$1` and text; the grammar takes all of it for one name. */
function isPositional(node: Node): boolean {
  const name = node.type === 'simple_expansion' ? node.lastChild : node;
  return name?.type === 'variable_name' && /^\d/.test(name.text);
}

function isCounting(node: Node): boolean {
  return node.type === 'compound_statement' && node.firstChild?.type === '((';
}
