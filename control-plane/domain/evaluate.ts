/**
 * The value of an expression, once it is known what the inputs are and which secrets may be read. A secret's
 * value makes everything secret that it flows into. No error holds a value.
 */
import { RequestError } from './errors.ts';
import { type Expression, type InputList, parseText } from './expression.ts';
import { describeExpression, nodesOf } from './expression-tree.ts';

/** What expressions refer to. The answers must stay the same while an environment is in use. */
export interface Environment {
  /** The input's merged value; `secret`: it must not be shown, even if no expression in it brings a secret. */
  input(list: InputList, name: string): { expression: Expression; secret: boolean } | undefined;
  /** The text of another scalar of the document; expressions in it are evaluated. */
  path(path: string): string | undefined;
  /** The value of a secret, or a `RequestError`. Asked once for each. */
  secret(by: 'reference' | 'name', reference: string): Promise<string>;
}

export interface Evaluated {
  readonly value: string;
  readonly secret: boolean;
}

/** Inputs that refer to inputs, so deep. */
const maxDepth = 20;
/** Characters of one value. A few inputs that each name another many times could fill any memory. */
const maxLength = 1_048_576;

/**
 * Evaluates an expression. Throws a `RequestError` that names the expression, with the inputs on the way to it.
 * What an environment has once been asked for is remembered for its later expressions.
 */
export function evaluate(expression: Expression, environment: Environment): Promise<Evaluated> {
  const known = memories.get(environment) ?? { named: new Map(), secrets: new Map() };
  memories.set(environment, known);
  return evaluateIn({ environment, known, way: [] }, expression);
}

/**
 * `named` holds only what is finished: a promise of a value could wait for one that waits for it. `secrets`
 * can't refer back to here, so that one may be asked for by two expressions at once.
 */
interface Memory {
  readonly named: Map<string, Evaluated>;
  readonly secrets: Map<string, Promise<string>>;
}

const memories = new WeakMap<Environment, Memory>();

interface Context {
  readonly environment: Environment;
  readonly known: Memory;
  /** The inputs and fields that lead here, outermost first. */
  readonly way: readonly string[];
}

async function evaluateIn(context: Context, expression: Expression): Promise<Evaluated> {
  switch (expression.kind) {
    case 'text':
      return { value: expression.text, secret: false };
    case 'join':
      return evaluateJoin(context, expression.parts);
    case 'secret':
      return { value: await secretValue(context, expression), secret: true };
    case 'input':
    case 'path':
      return evaluateNamed(context, expression);
  }
}

async function evaluateJoin(context: Context, parts: readonly Expression[]): Promise<Evaluated> {
  let value = '';
  let secret = false;
  for (const part of parts) {
    const evaluated = await evaluateIn(context, part);
    value += evaluated.value;
    secret ||= evaluated.secret;
    if (value.length > maxLength)
      throw unresolved(context, `more than ${maxLength} characters come of an expression`);
  }
  return { value, secret };
}

async function evaluateNamed(
  context: Context,
  expression: Extract<Expression, { kind: 'input' | 'path' }>,
): Promise<Evaluated> {
  const { environment, known, way } = context;
  const label = describeExpression(expression);
  const done = known.named.get(label);
  if (done !== undefined) return done;
  if (way.includes(label)) {
    const circle = [...way.slice(way.indexOf(label)), label].join(' → ');
    throw new RequestError('CYCLIC_REFERENCE', `values refer to each other in a circle: ${circle}`);
  }
  if (way.length >= maxDepth)
    throw unresolved(context, `${label}: values refer to each other more than ${maxDepth} deep`);
  const found = lookUp(environment, expression);
  if (found === undefined) throw unresolved(context, `${label} has no value`);
  const inside = { ...context, way: [...way, label] };
  if (!found.ok) throw unresolved(inside, found.problem);
  const { value, secret } = await evaluateIn(inside, found.expression);
  const evaluated = { value, secret: secret || found.secret };
  known.named.set(label, evaluated);
  return evaluated;
}

function lookUp(environment: Environment, expression: Extract<Expression, { kind: 'input' | 'path' }>) {
  if (expression.kind === 'input') {
    const found = environment.input(expression.list, expression.name);
    return found && { ok: true as const, ...found };
  }
  const text = environment.path(expression.path);
  if (text === undefined) return undefined;
  const parsed = parseText(text);
  return parsed.ok ? { ...parsed, secret: false } : parsed;
}

async function secretValue(
  context: Context,
  expression: Extract<Expression, { kind: 'secret' }>,
): Promise<string> {
  const { environment, known } = context;
  const reference = await evaluateIn(context, expression.argument);
  const label = describeExpression(expression, expression.by === 'name' ? 'FirstGen' : 'NG');
  // References are public: errors, permission checks and the audit name them.
  if (reference.secret) {
    throw unresolved(
      context,
      `${label}: a secret's value, or an input of type Secret, cannot be part of a secret's name; use type String`,
    );
  }
  if (reference.value.trim() === '') throw unresolved(context, `${label}: the name of the secret is empty`);
  const key = `${expression.by} ${reference.value}`;
  const value = known.secrets.get(key) ?? environment.secret(expression.by, reference.value);
  known.secrets.set(key, value);
  return value;
}

function unresolved({ way }: Context, problem: string): RequestError {
  const path = way.length === 0 ? '' : ` (in ${way.join(' → ')})`;
  return new RequestError('UNRESOLVED_EXPRESSION', `${problem}${path}`);
}

/** The references, or FirstGen names, of secrets that an expression names literally; each once. */
export function literalSecrets(expression: Expression): string[] {
  const named = [...nodesOf(expression)].flatMap(node =>
    node.kind === 'secret' && node.argument.kind === 'text' ? [node.argument.text] : [],
  );
  return [...new Set(named)];
}

/** Whether `literalSecrets` gives every secret that the expression itself can bring. */
export function namesSecretsLiterally(expression: Expression): boolean {
  return [...nodesOf(expression)].every(node => node.kind !== 'secret' || node.argument.kind === 'text');
}
