import { createHash } from 'node:crypto';
import { inputVariable } from '../../protocol/index.ts';
import { type Form, referenceTo } from './placement.ts';
import type { HereDocument, Reading, Region } from './shell-reading.ts';

/** An expression that has its place, and the number of the variable that will hold its value. */
export interface Placed {
  start: number;
  end: number;
  form: Form;
  number: number;
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

export function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`;
}

/** Puts references where the expressions of `source` stood. `placed` is in the order of the text. */
export function emit(source: string, reading: Reading, placed: Placed[]): string {
  const edits = placed.map(({ start, end, form, number }): Edit => {
    return { start, end, text: referenceTo(inputVariable(number - 1), form) };
  });
  reading.hereDocuments.forEach((hereDocument, index) => {
    const inside = placed.filter(({ start }) => contains(hereDocument.body, start));
    if (hereDocument.quoted && inside.length > 0)
      edits.push(...unquoting(source, hereDocument, index + 1, inside));
  });
  edits.sort((a, b) => a.start - b.start);
  let text = '';
  let at = 0;
  for (const edit of edits) {
    if (edit.start < at) throw new Error('internal: two edits of a script overlap');
    text += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return text + source.slice(at);
}

function contains({ start, end }: Region, offset: number): boolean {
  return start <= offset && offset < end;
}

/**
 * Makes a quoted here-document an unquoted one, so that references in it are expanded, and escapes whatever
 * else an unquoted one would expand. The delimiter is new, as a script never holds `__legate_`.
 */
function unquoting(source: string, hereDocument: HereDocument, number: number, inside: Placed[]): Edit[] {
  const { delimiter, body, terminator } = hereDocument;
  const fresh = `__legate_end_${number}`;
  const edits: Edit[] = [{ ...delimiter, text: fresh }];
  if (terminator !== undefined) edits.push({ ...terminator, text: fresh });
  let at = body.start;
  for (const { start, end } of [...inside, { start: body.end, end: body.end }]) {
    if (at < start)
      edits.push({ start: at, end: start, text: source.slice(at, start).replace(/[\\$`]/g, '\\$&') });
    at = end;
  }
  return edits;
}

/**
 * The last defence: whether `text`, read afresh, holds just the references that were put in, each where the
 * shell expands it without splitting or evaluating the value.
 */
export function holdsReferences(text: string, reading: Reading, placed: Placed[]): boolean {
  const expected = placed.reduce(
    (sum, { form }) => sum + (form === 'dropped' ? 0 : form === 'vanishing' ? 2 : 1),
    0,
  );
  let found = 0;
  const visit = (region: Region) => {
    if (region.kind === 'parameter' && text.startsWith('__legate_', region.start)) {
      const isGuard = region.operator === ':+';
      const isProtected = region.parent?.kind === 'double' || region.parent?.kind === 'here-document';
      const isOperand = region.parent?.kind === 'parameter';
      if (isGuard || isProtected || isOperand) found += 1;
    }
    region.inner.forEach(visit);
  };
  visit(reading.root);
  const mentioned = text.match(/\$\{__legate_\d+[:}]/g)?.length ?? 0;
  return reading.unclosed.length === 0 && found === expected && mentioned === expected;
}
