/**
 * A template's inputs and where their values come from. Per input, the first of these that has it wins:
 * secret, connector default. A fixed value in the template is a constant that nothing may set.
 */
import { RequestError } from './errors.ts';

/** An input as a template declares it. */
export interface DeclaredInput {
  readonly name: string;
  /** The template's own value; undefined for a runtime input (`<+input>`). */
  readonly fixed: string | undefined;
}

/** An input value as a connector or a secret gives it. */
export interface GivenInput {
  readonly name: string;
  /** Undefined where it is left open (`<+input>`). */
  readonly value: string | undefined;
  /** Connector only: the value serves every secret. Without it, the value is for the connection test only. */
  readonly useAsDefault: boolean;
}

/** A value of an input, and who gave it. */
export interface ResolvedInput {
  readonly name: string;
  readonly value: string;
  readonly source: 'template' | 'connector' | 'secret';
}

/** The inputs that a secret has to give: the runtime inputs for which its connector has no default. */
export function neededInputs(declared: readonly DeclaredInput[], connector: readonly GivenInput[]): string[] {
  const defaults = new Set(connector.filter(isDefault).map(({ name }) => name));
  return declared
    .filter(({ name, fixed }) => fixed === undefined && !defaults.has(name))
    .map(({ name }) => name);
}

/**
 * The values with which a secret is fetched, in the template's order. Throws a `RequestError` that names
 * the missing ones.
 */
export function resolveInputs(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
  secret: readonly GivenInput[],
): ResolvedInput[] {
  return merge(declared, connector.filter(isDefault), secret, 'secret');
}

/** The values for a connection test: all that the connector itself says, defaults and test values alike. */
export function resolveTestInputs(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
): ResolvedInput[] {
  return merge(declared, connector, [], 'connector');
}

const isDefault = ({ useAsDefault, value }: GivenInput) => useAsDefault && value !== undefined;

function merge(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
  secret: readonly GivenInput[],
  asker: string,
): ResolvedInput[] {
  const resolved: ResolvedInput[] = [];
  const missing: string[] = [];
  for (const { name, fixed } of declared) {
    const own = secret.find(input => input.name === name)?.value;
    const inherited = connector.find(input => input.name === name)?.value;
    if (fixed !== undefined) resolved.push({ name, value: fixed, source: 'template' });
    else if (own !== undefined) resolved.push({ name, value: own, source: 'secret' });
    else if (inherited !== undefined) resolved.push({ name, value: inherited, source: 'connector' });
    else missing.push(name);
  }
  if (missing.length > 0) {
    throw new RequestError(
      'INVALID_REQUEST',
      `RunTime Inputs are not provided for the ${asker === 'secret' ? 'Secret' : 'Connector'}, ` +
        `Missing environment variables are: ${missing.join(', ')}`,
    );
  }
  return resolved;
}

/**
 * Checks the inputs of a secret against its connector and template, with the original's messages, in the
 * original's order. Throws a `RequestError`.
 */
export function checkSecretInputs(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
  secret: readonly GivenInput[],
  valueIsEmpty: boolean,
): void {
  const needed = neededInputs(declared, connector);
  const fail = (message: string) => new RequestError('INVALID_REQUEST', message);
  if (valueIsEmpty && needed.length > 0)
    throw fail(`There are missing environment variables: ${needed.join(', ')}`);
  const names = secret.map(({ name }) => name);
  const twice = duplicates(names);
  // The blank before the colon is the original's.
  if (twice.length > 0)
    throw fail(`There are duplicate environment variables in the secret : ${twice.join(', ')}`);
  const missing = needed.filter(name => !names.includes(name));
  if (missing.length > 0) {
    throw fail(
      `RunTime Inputs are not provided for the Secret, Missing environment variables are: ${missing.join(', ')}`,
    );
  }
  const settable = new Set(declared.filter(({ fixed }) => fixed === undefined).map(({ name }) => name));
  const unknown = names.filter(name => !settable.has(name));
  if (unknown.length > 0) {
    throw fail(`Unnecessary environment variables provided in the secret: [${unknown.join(', ')}]`);
  }
}

/** The names that stand more than once, each once. */
export function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
