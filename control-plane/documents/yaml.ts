/** YAML text to documents, read the way Harness YAML is meant. */
import {
  type Document,
  isAlias,
  isScalar,
  LineCounter,
  type Pair,
  parseAllDocuments,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';

/** One document of a file. */
export interface YamlDocument {
  /** Plain data; numbers, and booleans other than `true` and `false`, are kept as the text that was written. */
  readonly data: unknown;
  /** The line on which it begins, from 1. */
  readonly line: number;
}

export type YamlResult = { ok: true; documents: YamlDocument[] } | { ok: false; problems: string[] };

/** More would not help anybody. */
const mostProblems = 20;

/**
 * Reads all documents of a text. Numbers stay text: a version label `1.0` is those three characters, not
 * the number 1. Aliases are refused: none of the formats uses them, and they can be made to grow without
 * bound. Problems say the line and column, and hold nothing of the text.
 */
export function readYaml(text: string): YamlResult {
  const lines = new LineCounter();
  // The library compares each key of a mapping with all before it: a mapping of some 100 kB would hold the
  // process for seconds, so that `duplicateKeys` looks for them below.
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  // An empty stream is a document-less array with properties of its own.
  const documents: Document.Parsed[] = Array.isArray(parsed) ? parsed.filter(holdsSomething) : [];
  const problems: string[] = [];
  const at = (offset: number, problem: string) => {
    const { line, col } = lines.linePos(offset);
    problems.push(`line ${line}, column ${col}: ${problem}`);
  };
  const result: YamlDocument[] = [];
  for (const document of documents) {
    for (const error of document.errors) at(error.pos[0], yamlProblem(error.code));
    visit(document, {
      Scalar: (_, node: Scalar) => {
        if (isKeptAsWritten(node)) node.value = node.source;
      },
      Node: (_, node) => {
        if (!isAlias(node)) return;
        at(node.range?.[0] ?? 0, 'aliases (*name) are not supported; write the value out');
        return visit.BREAK;
      },
    });
    // Only now, as the keys `1` and `"1"` are the same one by now.
    visit(document, {
      Map: (_, node) => {
        for (const key of duplicateKeys(node)) at(key.range?.[0] ?? 0, yamlProblem('DUPLICATE_KEY'));
      },
    });
    const { line } = lines.linePos(document.contents?.range?.[0] ?? 0);
    if (problems.length === 0) result.push({ data: document.toJS(), line });
    if (problems.length >= mostProblems) break;
  }
  return problems.length > 0
    ? { ok: false, problems: problems.slice(0, mostProblems) }
    : { ok: true, documents: result };
}

/** Comments between two `---` make a document of nothing, which is none. An explicit `null` is one. */
function holdsSomething({ contents, errors }: Document.Parsed): boolean {
  if (errors.length > 0) return true;
  return contents !== null && !(isScalar(contents) && contents.value === null && contents.source === '');
}

/** `True` is a boolean too, but where it stands for a text it has to stay what was written. */
function isKeptAsWritten({ value, source }: Scalar): boolean {
  if (source === undefined) return false;
  if (typeof value === 'boolean') return source !== String(value);
  return typeof value === 'number' || typeof value === 'bigint';
}

function duplicateKeys({ items }: YAMLMap): Scalar[] {
  const seen = new Set<unknown>();
  return items.flatMap(({ key }: Pair) => {
    if (!isScalar(key)) return [];
    const name = String(key.value);
    if (seen.has(name)) return [key];
    seen.add(name);
    return [];
  });
}

/** The library's code in words; its own messages quote the text, which may be a script or a value. */
function yamlProblem(code: string): string {
  return `not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
}
