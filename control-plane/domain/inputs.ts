/**
 * A template's inputs and where their values come from. Per input, the first of these that has it wins:
 * secret, connector default, template default. A fixed value in the template is a constant that nothing may
 * set. The two lists are merged apart from each other: a name in one says nothing about the other.
 */
import { canonicalJson } from './canonical-json.ts';
import { RequestError } from './errors.ts';
import type { InputList } from './expression.ts';
import type { InputValue } from './runtime-input.ts';

/** `Secret`: the value is shown nowhere, whether it comes from a store or stands in a document. */
export type InputType = 'String' | 'Number' | 'Secret';

/** An input as a template declares it. */
export interface DeclaredInput {
  readonly list: InputList;
  readonly name: string;
  readonly type: InputType;
  /** Fixed: a constant. Runtime: what others give, or its default. */
  readonly value: InputValue;
}

/** An input value as a connector or a secret gives it. A runtime value gives nothing: it is left open. */
export interface GivenInput {
  readonly list: InputList;
  readonly name: string;
  readonly type: InputType;
  readonly value: InputValue;
  /** Connector only: the value serves every secret. Without it, the value is for the connection test only. */
  readonly useAsDefault: boolean;
}

export type InputSource = 'template' | 'template default' | 'connector' | 'secret';

/** A value of an input before its expressions are evaluated, and who gave it. */
export interface ResolvedInput {
  readonly list: InputList;
  readonly name: string;
  readonly type: InputType;
  readonly text: string;
  readonly source: InputSource;
  /** The template or the giver calls it secret. */
  readonly secret: boolean;
  /** Undefined for one that only the connector or the secret knows. */
  readonly declared: DeclaredInput | undefined;
}

/** The name of an input among those of both lists. */
export interface InputName {
  readonly list: InputList;
  readonly name: string;
}

export const sameInput = (a: InputName, b: InputName) => a.list === b.list && a.name === b.name;

/** As messages call an input; those of the list that everybody uses go by their bare names. */
export const inputLabel = ({ list, name }: InputName) =>
  list === 'environmentVariables' ? name : `${list}.${name}`;

/** The inputs that a secret has to give: the open ones for which neither connector nor template has a default. */
export function neededInputs(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
): DeclaredInput[] {
  return declared.filter(input => isNeeded(input) && !connector.some(own => isDefault(own, input)));
}

/**
 * The values with which a secret is fetched: in the template's order, then what only the connector and the
 * secret name. Throws a `RequestError` that names the missing ones.
 */
export function resolveInputs(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
  secret: readonly GivenInput[],
): ResolvedInput[] {
  const defaults = connector.filter(({ useAsDefault }) => useAsDefault);
  return merge(declared, defaults, secret, 'Secret');
}

/** The values for a connection test: all that the connector itself says, defaults and test values alike. */
export function resolveTestInputs(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
): ResolvedInput[] {
  return merge(declared, connector, [], 'Connector');
}

function merge(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
  secret: readonly GivenInput[],
  asker: 'Secret' | 'Connector',
): ResolvedInput[] {
  const others = [...connector, ...secret].filter(
    (input, index, all) =>
      !declared.some(other => sameInput(input, other)) &&
      all.findIndex(other => sameInput(input, other)) === index,
  );
  const resolved: ResolvedInput[] = [];
  const missing: InputName[] = [];
  for (const input of [...declared, ...others]) {
    const own = declared.find(other => sameInput(input, other));
    const value = firstValue(input, own, connector, secret);
    if (value !== undefined) {
      const { list, name, type } = input;
      const secret = type === 'Secret' || value.type === 'Secret';
      resolved.push({ list, name, type, text: value.text, source: value.source, secret, declared: own });
    } else if (own !== undefined) missing.push(input);
  }
  if (missing.length > 0) throw notProvided(asker, missing);
  return resolved;
}

function firstValue(
  input: InputName,
  declared: DeclaredInput | undefined,
  connector: readonly GivenInput[],
  secret: readonly GivenInput[],
): { text: string; type: InputType; source: InputSource } | undefined {
  if (declared?.value.kind === 'fixed')
    return { text: declared.value.text, type: declared.type, source: 'template' };
  for (const [source, inputs] of [['secret', secret] as const, ['connector', connector] as const]) {
    const found = inputs.find(own => sameInput(own, input) && own.value.kind === 'fixed');
    if (found?.value.kind === 'fixed') return { text: found.value.text, type: found.type, source };
  }
  const text = declared?.value.defaultText;
  return declared === undefined || text === undefined
    ? undefined
    : { text, type: declared.type, source: 'template default' };
}

const isNeeded = ({ value }: DeclaredInput) => value.kind === 'runtime' && value.defaultText === undefined;
const isDefault = (own: GivenInput, input: InputName) =>
  own.useAsDefault && own.value.kind === 'fixed' && sameInput(own, input);

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
  if (valueIsEmpty && needed.length > 0)
    throw invalid(`There are missing environment variables: ${labels(needed)}`);
  const twice = duplicates(secret.map(inputLabel));
  // The blank before the colon is the original's.
  if (twice.length > 0)
    throw invalid(`There are duplicate environment variables in the secret : ${twice.join(', ')}`);
  const missing = needed.filter(
    input => !secret.some(own => sameInput(own, input) && own.value.kind === 'fixed'),
  );
  if (missing.length > 0) throw notProvided('Secret', missing);
  const isSettable = (own: GivenInput) => {
    const input = declared.find(other => sameInput(own, other));
    return input === undefined
      ? connector.some(other => sameInput(own, other))
      : input.value.kind === 'runtime';
  };
  const unknown = secret.filter(own => !isSettable(own));
  if (unknown.length > 0)
    throw invalid(`Unnecessary environment variables provided in the secret: [${labels(unknown)}]`);
}

/** A connector's inputs that would set what its template has fixed to another text. */
export function fixedConflicts(
  declared: readonly DeclaredInput[],
  connector: readonly GivenInput[],
): GivenInput[] {
  return connector.filter(({ value, ...own }) => {
    const constant = declared.find(input => sameInput(input, own))?.value;
    return constant?.kind === 'fixed' && value.kind === 'fixed' && value.text !== constant.text;
  });
}

/** What whoever accepts the newer content of a template has to look at. */
export interface InputDifferences {
  readonly added: readonly DeclaredInput[];
  readonly removed: readonly DeclaredInput[];
  /** Another type, or another value: fixed text, default, validator. */
  readonly changed: readonly { readonly before: DeclaredInput; readonly after: DeclaredInput }[];
}

/** The differences of two contents of a template, each in the order of its template. The order of the inputs itself is none. */
export function diffInputs(
  before: readonly DeclaredInput[],
  after: readonly DeclaredInput[],
): InputDifferences {
  const missingIn = (inputs: readonly DeclaredInput[]) => (input: DeclaredInput) =>
    !inputs.some(other => sameInput(input, other));
  return {
    added: after.filter(missingIn(before)),
    removed: before.filter(missingIn(after)),
    changed: before.flatMap(old => {
      const now = after.find(other => sameInput(old, other));
      return now === undefined || sameDeclaration(old, now) ? [] : [{ before: old, after: now }];
    }),
  };
}

/** One of them may come from the store, where a field that is undefined is none. */
const sameDeclaration = (a: DeclaredInput, b: DeclaredInput) => canonicalJson(a) === canonicalJson(b);

/** The names that stand more than once, each once. */
export function duplicates(names: readonly string[]): string[] {
  const seen = new Set<string>();
  // A document may hold as many as a request can carry: no comparing of each with all.
  return [...new Set(names.filter(name => seen.size === seen.add(name).size))];
}

const labels = (inputs: readonly InputName[]) => inputs.map(inputLabel).join(', ');
const invalid = (message: string) => new RequestError('INVALID_REQUEST', message);
const notProvided = (asker: 'Secret' | 'Connector', missing: readonly InputName[]) =>
  invalid(
    `RunTime Inputs are not provided for the ${asker}, Missing environment variables are: ${labels(missing)}`,
  );
