/** YAML of the command line: documents are found in files, and written. What they mean is the control plane's to say. */
import { Document, LineCounter, parse, parseAllDocuments, type Scalar, stringify, visit } from 'yaml';
import { object } from './json.ts';

/** A document of a file, so far as the command line has to know it. */
export interface FoundDocument {
  /** Every scalar as the text that was written. */
  readonly data: unknown;
  /** From 1. */
  readonly line: number;
  /** Where its text begins and ends. */
  readonly range: readonly [start: number, end: number];
}

export type FoundDocuments =
  | { readonly ok: true; readonly documents: FoundDocument[] }
  | { readonly ok: false; readonly problems: string[] };

/** The documents of a text; comments between two `---` are none. Problems hold nothing of the text. */
export function findDocuments(text: string): FoundDocuments {
  const lines = new LineCounter();
  const failsafe = {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    schema: 'failsafe',
  } as const;
  const parsed = parseAllDocuments(text, failsafe);
  const found: FoundDocument[] = [];
  const problems: string[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    for (const { pos, code } of document.errors) {
      const { line, col } = lines.linePos(pos[0]);
      problems.push(
        `line ${line}, column ${col}: not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`,
      );
    }
    const range = document.contents?.range;
    if (!range || problems.length > 0) continue;
    if (text.slice(range[0], range[1]).trim() === '') continue;
    found.push({ data: plain(document), line: lines.linePos(range[0]).line, range: [range[0], range[2]] });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, documents: found };
}

/** A document full of aliases is refused by the control plane; here it is only not looked into. */
function plain(document: Document): unknown {
  visit(document, {
    Scalar: (_, node: Scalar) => {
      if (node.type === 'PLAIN' && /^(null|~)?$/i.test(String(node.value))) node.value = '';
    },
  });
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

/** Fields that are numbers to everybody else. The control plane keeps numbers as texts. */
const numbers = new Set(['connector.spec.timeout', 'connector.spec.cacheTtlSeconds', 'secret.spec.port']);

/** A document as YAML that reads as exactly the same again. Texts of several lines are blocks. */
export function toYaml(kind: string, body: unknown): string {
  const document = new Document(
    { [kind]: withNumbers(body, kind) },
    { aliasDuplicateObjects: false, compat: 'yaml-1.1' },
  );
  visit(document, {
    Scalar: (_, node: Scalar) => {
      if (typeof node.value === 'string' && !survives(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString(style);
}

const style = { lineWidth: 0, blockQuote: 'literal' } as const;

/** The library writes some texts as blocks that read as other ones: those that begin with a line of blanks. */
function survives(text: string): boolean {
  return !text.includes('\n') || parse(stringify([text], style), { schema: 'failsafe' })[0] === text;
}

function withNumbers(data: unknown, path: string): unknown {
  if (Array.isArray(data)) return data.map((item: unknown) => withNumbers(item, `${path}[]`));
  if (typeof data === 'string' && numbers.has(path) && /^[1-9][0-9]{0,5}$/.test(data)) return Number(data);
  if (typeof data !== 'object' || data === null) return data;
  const entries = Object.entries(object(data));
  return Object.fromEntries(entries.map(([key, value]) => [key, withNumbers(value, `${path}.${key}`)]));
}
