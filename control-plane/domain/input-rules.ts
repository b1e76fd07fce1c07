/** What an input's value may be: its type, and the validator that the template gives it. */
import { matchWhole } from './bounded-regex.ts';
import { parseText } from './expression.ts';
import { type DeclaredInput, type GivenInput, sameInput } from './inputs.ts';
import { splitList, unquote } from './quoted-list.ts';
import type { Validator } from './runtime-input.ts';

/** In place of a value that must not be shown. */
const masked = '******';

/**
 * What is wrong with the final value of an input, or undefined. The message names the input, who gave the value,
 * and the rule; it holds no value that is secret, nor what would be allowed in place of one.
 */
export function checkValue(
  input: Pick<DeclaredInput, 'name' | 'type' | 'value'>,
  value: string,
  source: 'template' | 'connector' | 'secret',
  isSecret: boolean = input.type === 'Secret',
): string | undefined {
  const validator = input.value.kind === 'runtime' ? input.value.validator : undefined;
  const isNumeric = input.type === 'Number';
  const where = `input "${input.name}", value from the ${source}: `;
  const isList = validator?.kind === 'selectManyFrom';
  if (isNumeric && !(isList ? splitList(value).map(unquote) : [value]).every(isNumber))
    return `${where}it must be a number`;
  if (validator === undefined) return undefined;
  const problem = notAllowed(validator, value, isNumeric, isSecret);
  if (problem === undefined || isSecret) return problem && `${where}${problem} (${validator.kind})`;
  const rule = validator.kind === 'regex' ? validator.pattern : validator.allowed.join(', ');
  return `${where}${problem} (${validator.kind}: ${cut(rule)})`;
}

/**
 * What is wrong with the values in a document, for when it is saved: the same that `checkValue` will find when
 * they are used. Of a value with expressions only that use can tell. For a template, `given` is `declared`.
 */
export function literalProblems(
  declared: readonly DeclaredInput[],
  given: readonly Pick<GivenInput, 'list' | 'name' | 'type' | 'value'>[],
  source: 'template' | 'connector' | 'secret',
): string[] {
  return given.flatMap(own => {
    const input = declared.find(other => sameInput(own, other));
    if (input === undefined || own.value.kind !== 'fixed') return [];
    const parsed = parseText(own.value.text);
    if (!parsed.ok || parsed.expression.kind !== 'text') return [];
    const isSecret = input.type === 'Secret' || own.type === 'Secret';
    return checkValue(input, own.value.text, source, isSecret) ?? [];
  });
}

/** The original's message, where the validator does not let the value pass. */
export function notAllowed(
  validator: Validator,
  value: string,
  isNumeric: boolean,
  isSecret = false,
): string | undefined {
  const shown = (text: string) => (isSecret ? masked : cut(text));
  if (validator.kind === 'regex') {
    const match = matchWhole(validator.pattern, value);
    if (typeof match === 'object') return `the regex cannot be applied to the value: ${match.failed}`;
    return match === 'matches' ? undefined : `Current value ${shown(value)} does not match with given regex`;
  }
  const isAllowed = (text: string) =>
    validator.allowed.some(item => item === text || (isNumeric && sameNumber(item, text)));
  // As a whole first: an item that holds a comma may come without its quotes.
  if (isAllowed(value)) return undefined;
  if (isNumeric && validator.kind !== 'selectManyFrom')
    return `Current value ${shown(value)} is not in allowed values list`;
  const parts = splitList(value).map(unquote);
  const isTooMany = validator.kind === 'selectOneFrom' && parts.length > 1;
  const wrong = isTooMany ? parts : parts.filter(part => !isAllowed(part));
  if (wrong.length === 0) return undefined;
  // One mark for all of them: how many there are is part of the value.
  const names = isSecret ? [masked] : wrong.map(shown);
  return `Current values ${names.map(name => `\\'${name}\\'`).join(', ')} are not in allowed values list`;
}

const number = /^(?<sign>[-+]?)(?=\.?\d)(?<whole>\d*)(?:\.(?<part>\d*))?(?:[eE](?<power>[-+]?\d{1,9}))?$/;

/** Digits with or without sign, point and exponent, as JSON and YAML have them. */
export const isNumber = (text: string) => text.length <= 400 && number.test(text.trim());

/** Compared digit by digit: as doubles, long numbers that differ would be the same. */
function sameNumber(a: string, b: string): boolean {
  return isNumber(a) && isNumber(b) && canonical(a) === canonical(b);
}

function canonical(text: string): string {
  const { sign = '', whole = '', part = '', power = '0' } = number.exec(text.trim())?.groups ?? {};
  const all = (whole + part).replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  const exponent = Number(power) - part.length + all.length - digits.length;
  return digits === '' ? '0' : `${sign === '-' ? '-' : ''}${digits}e${exponent}`;
}

const cut = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
