import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Language, type Node, Parser } from 'web-tree-sitter';

export type { Node } from 'web-tree-sitter';

/**
 * Parses `text`, hands the root to `use`, and frees the tree; nodes must not leave `use`. Undefined when
 * parsing takes too long, which only text that is no script does: recovering from errors is not linear.
 */
export type WithTree = <T>(text: string, use: (root: Node) => T) => T | undefined;

/** 100 kB of real script take a tenth of this or less. */
const BUDGET_MS = 2000;

let loading: Promise<WithTree> | undefined;

/** The bash grammar, loaded once. Throws when its files are not there. */
export function loadGrammar(): Promise<WithTree> {
  loading ??= load();
  return loading;
}

/**
 * In a bundle both `.wasm` files lie beside the program; in a checkout they are
 * where their packages put them.
 */
async function load(): Promise<WithTree> {
  const runtime = await readWasm('web-tree-sitter.wasm', 'web-tree-sitter/web-tree-sitter.wasm');
  const grammar = await readWasm('tree-sitter-bash.wasm', 'tree-sitter-bash/tree-sitter-bash.wasm');
  await Parser.init({ wasmBinary: runtime });
  const parser = new Parser();
  parser.setLanguage(await Language.load(grammar));
  return (text, use) => {
    const deadline = performance.now() + BUDGET_MS;
    const tree = parser.parse(text, null, { progressCallback: () => performance.now() > deadline });
    if (tree === null) {
      parser.reset();
      return undefined;
    }
    try {
      return use(tree.rootNode);
    } finally {
      tree.delete();
    }
  };
}

async function readWasm(file: string, inPackage: string): Promise<Uint8Array> {
  try {
    return await readFile(new URL(`./${file}`, import.meta.url));
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing) throw error;
    return await readFile(fileURLToPath(import.meta.resolve(inPackage)));
  }
}
