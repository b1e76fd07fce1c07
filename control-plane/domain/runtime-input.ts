/** Runtime inputs: `<+input>` and its methods. */
import { patternProblem } from './bounded-regex.ts';
import { parseText } from './expression.ts';
import { isNumber, notAllowed } from './input-rules.ts';
import type { InputType } from './inputs.ts';
import { quotedPart, splitList, unquote } from './quoted-list.ts';

export { checkValue, literalProblems } from './input-rules.ts';

/** What a value in a document is: a fixed text (in which expressions may stand), or left open. */
export type InputValue =
  | { readonly kind: 'fixed'; readonly text: string }
  | {
      readonly kind: 'runtime';
      /** As it was written. */
      readonly source: string;
      readonly defaultText: string | undefined;
      readonly validator: Validator | undefined;
    };

export type Validator =
  | {
      readonly kind: 'allowedValues' | 'selectOneFrom' | 'selectManyFrom';
      readonly allowed: readonly string[];
    }
  | { readonly kind: 'regex'; readonly pattern: string };

type Parsed = { ok: true; value: InputValue } | { ok: false; problem: string };

const marker = /<\+[^\S\n]*input[^\S\n]*>/;
const methods = [
  'default',
  'allowedValues',
  'selectOneFrom',
  'selectManyFrom',
  'regex',
  'executionInput',
] as const;
type Method = (typeof methods)[number];

/** Reads a value of a document. Whether the expressions in a fixed text can be read is another question. */
export function parseInputValue(text: string, type: InputType = 'String'): Parsed {
  const found = marker.exec(text);
  if (found === null) return { ok: true, value: { kind: 'fixed', text } };
  if (text.slice(0, found.index).trim() !== '')
    return refused('<+input> must be the whole value, it cannot stand in a longer text');
  try {
    const given = readMethods(text.slice(found.index + found[0].length).trim());
    const validator = validatorOf(given);
    const defaultText = defaultOf(given.get('default'), validator, type);
    return { ok: true, value: { kind: 'runtime', source: text, defaultText, validator } };
  } catch (error) {
    if (error instanceof Refusal) return refused(error.message);
    throw error;
  }
}

class Refusal extends Error {}
const refused = (problem: string) => ({ ok: false as const, problem });

function readMethods(text: string): Map<Method, string> {
  const given = new Map<Method, string>();
  for (let at = 0; at < text.length; ) {
    const head = /^\s*\.\s*(\w+)\s*\(/.exec(text.slice(at));
    if (head === null) {
      throw new Refusal(
        `<+input> must be the whole value, with methods such as .default(…) behind it; found "${cut(text.slice(at))}"`,
      );
    }
    const name = methods.find(method => method === head[1]);
    if (name === undefined)
      throw new Refusal(`<+input> has no method ${head[1]}; it has ${methods.join(', ')}`);
    if (given.has(name)) throw new Refusal(`.${name}(…) stands twice`);
    const start = at + head[0].length;
    const end = closingBracket(text, start);
    if (end === -1) throw new Refusal(`the bracket of .${name}( is never closed`);
    given.set(name, text.slice(start, end).trim());
    at = end + 1;
  }
  if (given.get('executionInput')) throw new Refusal('.executionInput() takes no argument');
  return given;
}

/** Where the bracket that is open at `start` is closed; brackets are counted, quoted parts skipped. */
function closingBracket(text: string, start: number): number {
  let open = 1;
  for (let at = start; at < text.length; at += 1) {
    const quoted = quotedPart(text, at);
    if (quoted !== undefined) at = quoted - 1;
    else if (text[at] === '(') open += 1;
    else if (text[at] === ')') open -= 1;
    if (open === 0) return at;
  }
  return -1;
}

function validatorOf(given: Map<Method, string>): Validator | undefined {
  const kinds = ['allowedValues', 'selectOneFrom', 'selectManyFrom', 'regex'] as const;
  const [kind, second] = kinds.filter(name => given.has(name));
  if (kind === undefined) return undefined;
  if (second !== undefined) throw new Refusal(`.${kind}(…) and .${second}(…) exclude each other`);
  const argument = given.get(kind) ?? '';
  if (argument === '') throw new Refusal(`.${kind}() needs ${kind === 'regex' ? 'a pattern' : 'values'}`);
  if (kind !== 'regex') return { kind, allowed: splitList(argument).map(unquote) };
  const pattern = unquote(argument);
  const problem = patternProblem(pattern);
  if (problem !== undefined) throw new Refusal(`the pattern of .regex(…) cannot be used: ${problem}`);
  return { kind, pattern };
}

/** A single default is unquoted; of several the text stays as it is, for it is split again when it is checked. */
function defaultOf(
  argument: string | undefined,
  validator: Validator | undefined,
  type: InputType,
): string | undefined {
  if (argument === undefined) return undefined;
  if (argument.startsWith('*'))
    throw new Refusal(`a default cannot begin with "*"; put it in quotes: .default(\\'*…\\')`);
  const isNumeric = type === 'Number';
  const isList = splitList(argument).length > 1;
  if (isList && validator?.kind !== 'selectManyFrom') {
    throw new Refusal(
      `several defaults need .selectManyFrom(…); put a default that holds a comma in quotes: .default(\\'a,b\\')`,
    );
  }
  const text = isList ? argument : unquote(argument);
  const parsed = parseText(text);
  if (!parsed.ok) throw new Refusal(`the default: ${parsed.problem}`);
  // What its expressions give is known, and checked, only when the input is used.
  if (parsed.expression.kind !== 'text') return text;
  if (isNumeric && !isList && !isNumber(text)) throw new Refusal('the default must be a number');
  const problem =
    validator === undefined ? undefined : notAllowed(validator, text, isNumeric, type === 'Secret');
  if (problem !== undefined) throw new Refusal(`the default breaks .${validator?.kind}(…): ${problem}`);
  return text;
}

const cut = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
