/** Reads FirstGen's `${name}` and `${secrets.getValue("name")}`. */
import type { Expression, FoundExpression, Understood } from './expression.ts';
import { joined } from './expression-tree.ts';
import type { InputName } from './inputs.ts';

const variable = /\$\{([a-zA-Z_][0-9a-zA-Z_.$-]{0,127})\}/y;
const secret = /\$\{[^\S\n]*secrets\.getValue[^\S\n]*\(/y;
const argument = /[^\S\n]*(?:"([^"\n]*)"|'([^'\n]*)')[^\S\n]*\)[^\S\n]*\}/y;
const rest = /[^}\n]*\}?/y;

/** Any other `${…}` is the shell's, and not found. */
export function findFirstGen(text: string, declared: readonly InputName[]): FoundExpression[] {
  const found: FoundExpression[] = [];
  for (let at = text.indexOf('${'); at !== -1; ) {
    const expression = readAt(text, at, declared);
    if (expression !== undefined) found.push(expression);
    at = text.indexOf('${', expression?.end ?? at + 2);
  }
  return found;
}

function readAt(text: string, start: number, declared: readonly InputName[]): FoundExpression | undefined {
  const input = readVariable(text, start, declared);
  if (input !== undefined) return found(text, start, variable.lastIndex, { ok: true, expression: input });
  secret.lastIndex = start;
  if (!secret.test(text)) return undefined;
  argument.lastIndex = secret.lastIndex;
  const match = argument.exec(text);
  if (match === null) {
    rest.lastIndex = start;
    rest.test(text);
    const written = text.slice(start, rest.lastIndex);
    const problem = `${written.slice(0, 300)} is not understood; write \${secrets.getValue("NAME")}`;
    return found(text, start, rest.lastIndex, { ok: false, problem });
  }
  const name = withVariables(match[1] ?? match[2] ?? '', declared);
  const end = argument.lastIndex;
  return found(text, start, end, { ok: true, expression: { kind: 'secret', by: 'name', argument: name } });
}

/** A name that both lists have means the one that everybody uses. */
function readVariable(text: string, at: number, declared: readonly InputName[]): Expression | undefined {
  variable.lastIndex = at;
  const name = variable.exec(text)?.[1];
  const inputs = declared.filter(input => input.name === name);
  const input = inputs.find(({ list }) => list === 'environmentVariables') ?? inputs[0];
  return input && { kind: 'input', list: input.list, name: input.name };
}

/** Variables are put in first, so that they may make the name of a secret. */
function withVariables(text: string, declared: readonly InputName[]): Expression {
  const parts: Expression[] = [];
  let from = 0;
  for (let at = text.indexOf('${'); at !== -1; at = text.indexOf('${', at + 2)) {
    const input = readVariable(text, at, declared);
    if (input === undefined) continue;
    parts.push({ kind: 'text', text: text.slice(from, at) }, input);
    from = variable.lastIndex;
  }
  return joined([...parts, { kind: 'text', text: text.slice(from) }]);
}

function found(text: string, start: number, end: number, meaning: Understood): FoundExpression {
  return { start, end, text: text.slice(start, end), meaning };
}
