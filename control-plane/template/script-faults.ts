import type { Verdict } from './bash-syntax.ts';
import type { Node } from './grammar.ts';
import { unmask } from './mask.ts';
import { type Reading, regionAt } from './shell-reading.ts';

/** A problem at an offset of the script, in UTF-16 code units. */
export interface Fault {
  at: number;
  message: string;
}

/** Faults of the script as a whole. `masked` is the script with a name in place of every expression. */
export function scriptFaults(
  masked: string,
  reading: Reading,
  verdict: Verdict,
  grammarError: number | undefined,
): Fault[] {
  const open = openHereDocument(masked, reading, verdict);
  const syntax = open ?? syntaxFault(masked, reading, verdict, grammarError);
  return [syntax, continuedEnd(masked, reading)].filter(fault => fault !== undefined);
}

/** Where the grammar first finds an error, or undefined when it reads everything. */
export function firstError(root: Node): number | undefined {
  if (!root.hasError) return undefined;
  let node = root;
  for (;;) {
    const child = node.children.find(({ isError, isMissing, hasError }) => isError || isMissing || hasError);
    if (child === undefined || child.isError || child.isMissing) return (child ?? node).startIndex;
    node = child;
  }
}

function syntaxFault(
  masked: string,
  reading: Reading,
  verdict: Verdict,
  grammarError: number | undefined,
): Fault | undefined {
  if (verdict.kind === 'valid') return undefined;
  const [unclosed] = reading.unclosed;
  if (unclosed !== undefined) return { at: unclosed.at, message: `this ${unclosed.what} is never closed` };
  if (verdict.kind === 'invalid') {
    const message = unmask(`syntax error: ${verdict.message}`);
    return { at: atToken(masked, verdict), message };
  }
  if (grammarError === undefined) return undefined;
  return { at: grammarError, message: 'this is not understood as bash, and there is no bash here to ask' };
}

/** Bash names a line, and often a word on it. */
function atToken(text: string, { line, message }: { line: number; message: string }): number {
  const lines = text.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
  const token = /unexpected token `(.+)'/.exec(message)?.[1] ?? '';
  const column = lines[line - 1]?.indexOf(token) ?? -1;
  const indentation = /^\s*/.exec(lines[line - 1] ?? '')?.[0].length ?? 0;
  return Math.min(start + (column > 0 ? column : indentation), text.length);
}

/** Bash ends an open here-document with the script, so that what is put behind the script becomes its body. */
function openHereDocument(masked: string, reading: Reading, verdict: Verdict): Fault | undefined {
  const open = reading.unclosed.find(({ what }) => what === '<<');
  const isOpen = verdict.kind === 'valid' ? verdict.leavesHereDocumentOpen : open !== undefined;
  if (!isOpen) return undefined;
  const message = 'this here-document is never closed: no line holds just its delimiter';
  return { at: open?.at ?? Math.max(masked.indexOf('<<'), 0), message };
}

/** Whatever is put behind the script would become part of its last line. */
function continuedEnd(masked: string, reading: Reading): Fault | undefined {
  const backslashes = /\\+(?=\n?$(?![\s\S]))/.exec(masked);
  if (backslashes === null || backslashes[0].length % 2 === 0) return undefined;
  const at = backslashes.index + backslashes[0].length - 1;
  if (regionAt(reading.root, at).kind === 'comment') return undefined;
  return { at, message: 'the script ends in a line continuation; remove the backslash' };
}
