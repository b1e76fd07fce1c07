/** The fields of a template's `spec` that expressions name, as in `<+spec.source.type>`. */
import { describeExpression, type Expression, parseText } from './expression.ts';
import { nodesOf } from './expression-tree.ts';

/** A text, number or boolean of the document: through objects by key, through lists of `{name, value}` by name. */
export function scalarAt(spec: unknown, path: string): string | undefined {
  let node = spec;
  for (const part of path.split('.')) {
    if (Array.isArray(node)) {
      const entry: unknown = node.find((item: unknown) => fieldOf(item, 'name') === part);
      node = fieldOf(entry, 'value');
    } else node = fieldOf(node, part);
  }
  if (typeof node === 'string') return node;
  return typeof node === 'number' || typeof node === 'boolean' ? String(node) : undefined;
}

/** What is wrong with the fields that an expression names, for when it is saved. */
export function pathProblems(expression: Expression, spec: unknown): string[] {
  return [...nodesOf(expression)].flatMap(node => {
    if (node.kind !== 'path') return [];
    const label = describeExpression(node);
    const text = scalarAt(spec, node.path);
    if (text === undefined)
      return [`${label} names no field of the template's spec that holds a text, number or boolean`];
    const parsed = parseText(text);
    return parsed.ok
      ? []
      : [`${label} is a field of the template's spec with an expression: ${parsed.problem}`];
  });
}

function fieldOf(data: unknown, key: string): unknown {
  if (typeof data !== 'object' || data === null) return undefined;
  return Object.hasOwn(data, key) ? new Map(Object.entries(data)).get(key) : undefined;
}
