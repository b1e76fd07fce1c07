/** YAML text to documents, read the way Harness YAML is meant. */
import { type Document, isAlias, LineCounter, parseAllDocuments, type Scalar, visit } from 'yaml';

/** One document of a file. */
export interface YamlDocument {
  /** Plain data; numbers are kept as the text that was written. */
  readonly data: unknown;
  /** The line on which it begins, from 1. */
  readonly line: number;
}

export type YamlResult = { ok: true; documents: YamlDocument[] } | { ok: false; problems: string[] };

/**
 * Reads all documents of a text. Numbers stay text: a version label `1.0` is those three characters, not
 * the number 1. Aliases are refused: none of the formats uses them, and they can be made to grow without
 * bound. Problems say the line and column, and hold nothing of the text.
 */
export function readYaml(text: string): YamlResult {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  // An empty stream is a document-less array with properties of its own.
  const documents: Document.Parsed[] = Array.isArray(parsed)
    ? parsed.filter(document => document.contents !== null)
    : [];
  const problems: string[] = [];
  const result: YamlDocument[] = [];
  for (const document of documents) {
    for (const error of document.errors) {
      const { line, col } = lines.linePos(error.pos[0]);
      problems.push(`line ${line}, column ${col}: ${yamlProblem(error.code)}`);
    }
    visit(document, {
      Scalar: (_, node: Scalar) => {
        if ((typeof node.value === 'number' || typeof node.value === 'bigint') && node.source !== undefined) {
          node.value = node.source;
        }
      },
      Node: (_, node) => {
        if (!isAlias(node)) return;
        const { line, col } = lines.linePos(node.range?.[0] ?? 0);
        problems.push(`line ${line}, column ${col}: aliases (*name) are not supported; write the value out`);
        return visit.BREAK;
      },
    });
    const { line } = lines.linePos(document.contents?.range?.[0] ?? 0);
    if (problems.length === 0) result.push({ data: document.toJS(), line });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, documents: result };
}

/** The library's code in words; its own messages quote the text, which may be a script or a value. */
function yamlProblem(code: string): string {
  return `not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
}
