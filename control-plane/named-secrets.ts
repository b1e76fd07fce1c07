/** The secrets that a script and its inputs name, found without running anything. */
import { RequestError } from './domain/errors.ts';
import { type Environment, evaluate } from './domain/evaluate.ts';
import { describeExpression, type Expression, parseText } from './domain/expression.ts';
import { nodesOf } from './domain/expression-tree.ts';
import { type ResolvedInput, resolveInputs, resolveTestInputs, sameInput } from './domain/inputs.ts';
import { declaredInputs, environmentOf, type Subject } from './plan-environment.ts';

/** A secret that a script names, as it names it. */
export interface NamedSecret {
  readonly by: 'reference' | 'name';
  readonly text: string;
  /** The template or the connector brings it, whatever the secret's own inputs are. */
  readonly inScript: boolean;
}

type SecretNode = Extract<Expression, { kind: 'secret' }>;

/**
 * Those that can be told by now. What depends on an input that nobody has given yet is left to whoever gives it;
 * what is wrong with an expression, to whoever evaluates it for real.
 */
export async function namedSecrets(subject: Subject): Promise<NamedSecret[]> {
  const inputs = knownInputs(subject);
  const environment = environmentOf(subject, inputs, () => Promise.resolve(''));
  const found = new Map<string, NamedSecret>();
  for (const { node, inScript } of secretNodes(subject, inputs, environment)) {
    const text = await knownText(node.argument, environment);
    if (text === undefined) continue;
    const key = `${node.by} ${text}`;
    // Whoever else brings it, too, has to answer for it.
    found.set(key, { by: node.by, text, inScript: inScript && found.get(key)?.inScript !== false });
  }
  return [...found.values()];
}

/** The merged inputs, but for those that are still open. */
function knownInputs(subject: Subject): ResolvedInput[] {
  const { connector, secret } = subject;
  const declared = declaredInputs(subject);
  const open = declared.filter(({ value }) => value.kind === 'runtime' && value.defaultText === undefined);
  // With a default in their places nothing is missing; it is taken away again.
  const filled = declared.map(input =>
    input.value.kind === 'runtime' && open.includes(input)
      ? { ...input, value: { ...input.value, defaultText: '' } }
      : input,
  );
  const merged = secret
    ? resolveInputs(filled, connector.inputs, secret.inputs)
    : resolveTestInputs(filled, connector.inputs);
  return merged.filter(
    input => input.source !== 'template default' || !open.some(other => sameInput(input, other)),
  );
}

/** Every secret that stands in a slot or an input, in the order in which they are met. */
function secretNodes(
  { content }: Subject,
  inputs: readonly ResolvedInput[],
  environment: Environment,
): { node: SecretNode; inScript: boolean }[] {
  const isOwn = dependsOnSecret(inputs, environment);
  const roots = [
    ...content.program.slots.map(expression => ({ expression, own: false })),
    ...inputs.map(({ list, name, source }) => ({
      expression: textOf({ kind: 'input', list, name }, environment),
      own: source === 'secret',
    })),
  ];
  return roots.flatMap(({ expression, own }) =>
    reachable(expression, environment).flatMap(node =>
      node.kind === 'secret' ? [{ node, inScript: !own && !isOwn(node.argument) }] : [],
    ),
  );
}

/** The nodes of an expression and of the fields that it names; the inputs are looked at by themselves. */
function reachable(expression: Expression | undefined, environment: Environment): Expression[] {
  const seen = new Set<string>();
  const visit = (node: Expression): Expression[] => {
    if (node.kind !== 'path' || seen.has(node.path)) return [node];
    seen.add(node.path);
    const text = textOf(node, environment);
    return text ? [...nodesOf(text)].flatMap(visit) : [];
  };
  return expression ? [...nodesOf(expression)].flatMap(visit) : [];
}

/** Whether an input that the secret gives has a part in an expression. */
function dependsOnSecret(inputs: readonly ResolvedInput[], environment: Environment) {
  const visit = (expression: Expression, seen: Set<string>): boolean =>
    [...nodesOf(expression)].some(node => {
      if (node.kind !== 'input' && node.kind !== 'path') return false;
      if (node.kind === 'input' && inputs.find(input => sameInput(input, node))?.source === 'secret')
        return true;
      const label = describeExpression(node);
      if (seen.has(label)) return false;
      seen.add(label);
      const text = textOf(node, environment);
      return text !== undefined && visit(text, seen);
    });
  return (expression: Expression) => visit(expression, new Set());
}

/** What an input or a field holds, as an expression; undefined where it holds nothing that can be read. */
function textOf(
  node: Extract<Expression, { kind: 'input' | 'path' }>,
  environment: Environment,
): Expression | undefined {
  if (node.kind === 'path') {
    const parsed = parseText(environment.path(node.path) ?? '');
    return parsed.ok ? parsed.expression : undefined;
  }
  try {
    return environment.input(node.list, node.name)?.expression;
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}

async function knownText(expression: Expression, environment: Environment): Promise<string | undefined> {
  try {
    const { value, secret } = await evaluate(expression, environment);
    return secret || value.trim() === '' ? undefined : value;
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}
