/** What can be done with an expression whatever it was written like. */
import type { Expression, ExpressionSyntax } from './expression.ts';

/** Equal sequences become equal trees: no joins in joins, no texts side by side, no empty ones. */
export function joined(parts: readonly Expression[]): Expression {
  const flat: Expression[] = [];
  for (const part of parts.flatMap(part => (part.kind === 'join' ? part.parts : [part]))) {
    const last = flat.at(-1);
    if (part.kind === 'text' && last?.kind === 'text')
      flat.splice(-1, 1, { kind: 'text', text: last.text + part.text });
    else flat.push(part);
  }
  const kept = flat.filter(part => part.kind !== 'text' || part.text !== '');
  const [only = { kind: 'text' as const, text: '' }, ...more] = kept;
  return more.length === 0 ? only : { kind: 'join', parts: kept };
}

/** The expression and everything in it, outermost first. */
export function* nodesOf(expression: Expression): Generator<Expression> {
  yield expression;
  if (expression.kind === 'secret') yield* nodesOf(expression.argument);
  if (expression.kind === 'join') for (const part of expression.parts) yield* nodesOf(part);
}

/** The expression as it could have been written, in the shortest of its forms. For people. */
export function describeExpression(expression: Expression, syntax: ExpressionSyntax = 'NG'): string {
  const isNg = syntax === 'NG';
  const wrapped = (inside: string) => (isNg ? `<+${inside}>` : `\${${inside}}`);
  switch (expression.kind) {
    case 'text':
      return wrapped(argumentOf(expression, syntax));
    case 'input':
      return wrapped(isNg ? `spec.${expression.list}.${expression.name}` : expression.name);
    case 'path':
      return wrapped(`spec.${expression.path}`);
    case 'join':
      return wrapped(argumentOf(expression, syntax));
    case 'secret':
      return wrapped(`secrets.getValue(${argumentOf(expression.argument, syntax)})`);
  }
}

function argumentOf(expression: Expression, syntax: ExpressionSyntax): string {
  const parts = expression.kind === 'join' ? expression.parts : [expression];
  if (syntax === 'NG') {
    return parts
      .map(part => (part.kind === 'text' ? quoted(part.text) : describeExpression(part, syntax)))
      .join(' + ');
  }
  return `"${parts.map(part => (part.kind === 'text' ? part.text : describeExpression(part, syntax))).join('')}"`;
}

/** There are no escapes: a text with both kinds of quotes is put together from several. */
function quoted(text: string): string {
  if (!text.includes('"')) return `"${text}"`;
  if (!text.includes("'")) return `'${text}'`;
  return text
    .split(/("+)/)
    .map(part => (part.startsWith('"') ? `'${part}'` : `"${part}"`))
    .join(' + ');
}
