/**
 * Selectors as expressions over tags, an extension of ours: `aws & (eu-west-1 | eu-central-1) & !canary`.
 * `!` binds closest, then `&`, then `|`. A tag with blanks or one of `& | ! ( )` in it is written in quotes.
 */
import { RequestError } from './errors.ts';

/** A condition on a delegate's tags. `text` is the tag as it was written, `key` as it is compared. */
export type Selector =
  | { readonly kind: 'tag'; readonly text: string; readonly key: string }
  | { readonly kind: 'not'; readonly operand: Selector }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Selector[] };

/** A tag or selector as it is compared. */
export const normalise = (text: string) => text.trim().toLowerCase();

export const tagSelector = (text: string): Selector => ({ kind: 'tag', text, key: normalise(text) });

/** Whoever writes a connector decides how much work a choice is, and how deep a call goes. */
const mostCharacters = 1_000;
const mostNesting = 32;
/** So much of a wrong one is repeated. */
const mostQuoted = 200;

interface Token {
  readonly kind: '&' | '|' | '!' | '(' | ')' | 'tag' | 'end';
  /** A tag's, without its quotes. */
  readonly text: string;
  /** Of its first character, counted from 1. */
  readonly at: number;
}

/** Throws a `RequestError` that says at which character what is wrong. */
export function parseSelectorExpression(text: string): Selector {
  const fail = (at: number, problem: string): never => {
    throw new RequestError(
      'INVALID_REQUEST',
      `delegate selector ${quoted(text.slice(0, mostQuoted))}, character ${at}: ${problem}`,
    );
  };
  if (text.length > mostCharacters)
    fail(mostCharacters + 1, `must have at most ${mostCharacters} characters`);
  const tokens = tokensOf(text, fail);
  let at = 0;
  const end: Token = { kind: 'end', text: '', at: text.length + 1 };
  const here = () => tokens[at] ?? end;

  function list(kind: 'and' | 'or', operator: '&' | '|', operand: () => Selector): Selector {
    const first = operand();
    const operands = [first];
    while (here().kind === operator) {
      at += 1;
      operands.push(operand());
    }
    return operands.length === 1 ? first : { kind, operands };
  }

  function or(depth: number): Selector {
    return list('or', '|', () => list('and', '&', () => term(depth)));
  }

  function term(depth: number): Selector {
    const token = here();
    if (depth > mostNesting) return fail(token.at, `must not be nested more than ${mostNesting} deep`);
    at += 1;
    if (token.kind === '!') return { kind: 'not', operand: term(depth + 1) };
    if (token.kind === 'tag') return tagSelector(token.text);
    if (token.kind !== '(') return fail(token.at, `a tag, "!" or "(" must stand here, not ${nameOf(token)}`);
    const inner = or(depth + 1);
    if (here().kind !== ')')
      fail(here().at, `the "(" at character ${token.at} is not closed; ${expected(here())}`);
    at += 1;
    return inner;
  }

  const selector = or(0);
  if (here().kind !== 'end') fail(here().at, expected(here()));
  return selector;
}

function expected(token: Token): string {
  const hint = token.kind === 'tag' ? '; a tag with blanks is written in quotes' : '';
  return `"&" or "|" must stand here, not ${nameOf(token)}${hint}`;
}

const nameOf = ({ kind, text }: Token) =>
  kind === 'end' ? 'the end' : kind === 'tag' ? quoted(text) : `"${kind}"`;

const operators = ['&', '|', '!', '(', ')'] as const;

function tokensOf(text: string, fail: (at: number, problem: string) => never): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const character = text.charAt(at);
    const operator = operators.find(one => one === character);
    if (operator) {
      tokens.push({ kind: operator, text: '', at: at + 1 });
      at += 1;
    } else if (/\s/.test(character)) at += 1;
    else if (character === '"' || character === "'") {
      const inside = insideQuotes(text, at) ?? fail(at + 1, `the quote ${character} is not closed`);
      const tag = inside.replace(/\\(["'\\])/g, '$1');
      if (normalise(tag) === '') fail(at + 1, 'a tag must not be empty');
      tokens.push({ kind: 'tag', text: tag, at: at + 1 });
      at += inside.length + 2;
    } else {
      const word = text.slice(at, endOf(text, at, '') ?? fail(at + 1, 'the "<+" is not closed'));
      tokens.push({ kind: 'tag', text: word, at: at + 1 });
      at += word.length;
    }
  }
  return tokens;
}

const isSeparator = (character: string) => /[\s&|!()"']/.test(character);

/** What stands between the quote at `start` and its end; a backslash keeps a quote from ending it. */
function insideQuotes(text: string, start: number): string | undefined {
  const end = endOf(text, start + 1, text.charAt(start));
  return end === undefined || end === text.length ? undefined : text.slice(start + 1, end);
}

/**
 * Where a tag that begins at `start` ends. What an input's value will stand for, `<+…>`, is a part of the tag,
 * whatever is in it. Undefined where such a part does not end. `quote` is empty for a tag without quotes.
 */
function endOf(text: string, start: number, quote: string): number | undefined {
  const isEnd = (character: string) => (quote === '' ? isSeparator(character) : character === quote);
  let nesting = 0;
  let at = start;
  for (; at < text.length; at++) {
    if (text.startsWith('<+', at)) nesting += 1;
    else if (nesting > 0) nesting -= text[at] === '>' ? 1 : 0;
    else if (quote !== '' && text[at] === '\\') at += 1;
    else if (isEnd(text.charAt(at))) return at;
  }
  return nesting > 0 ? undefined : Math.min(at, text.length);
}

/** Do a delegate's tags, as they are compared, fulfil it? */
export function satisfies(selector: Selector, tags: ReadonlySet<string>): boolean {
  switch (selector.kind) {
    case 'tag':
      return tags.has(selector.key);
    case 'not':
      return !satisfies(selector.operand, tags);
    case 'and':
      return selector.operands.every(operand => satisfies(operand, tags));
    case 'or':
      return selector.operands.some(operand => satisfies(operand, tags));
  }
}

/** The smallest parts that a delegate would have to fulfil as well; empty where it does. */
export function unmetParts(selector: Selector, tags: ReadonlySet<string>): Selector[] {
  if (satisfies(selector, tags)) return [];
  if (selector.kind === 'and') return selector.operands.flatMap(operand => unmetParts(operand, tags));
  return [selector];
}

/** How many tags a delegate would have to gain or lose, at least. */
export function distance(selector: Selector, tags: ReadonlySet<string>, wanted = true): number {
  if (selector.kind === 'tag') return tags.has(selector.key) === wanted ? 0 : 1;
  if (selector.kind === 'not') return distance(selector.operand, tags, !wanted);
  const each = selector.operands.map(operand => distance(operand, tags, wanted));
  const all = (selector.kind === 'and') === wanted;
  return all ? each.reduce((sum, one) => sum + one, 0) : Math.min(...each);
}

/** The same with other tags: what they are once their values are known. A value is a tag, never an operator. */
export async function mapTags(
  selector: Selector,
  change: (text: string) => Promise<string>,
): Promise<Selector> {
  if (selector.kind === 'tag') return tagSelector(await change(selector.text));
  if (selector.kind === 'not') return { kind: 'not', operand: await mapTags(selector.operand, change) };
  const operands = await Promise.all(selector.operands.map(operand => mapTags(operand, change)));
  return { kind: selector.kind, operands };
}

/** As it could have been written: a tag on its own as it is, within an expression in quotes where it needs them. */
export function formatSelector(selector: Selector): string {
  return selector.kind === 'tag' ? selector.text : formatExpression(selector);
}

/** As an expression that reads as the same. */
export function formatExpression(selector: Selector): string {
  if (selector.kind === 'tag')
    return /^[^\s&|!()"']+$/.test(selector.text) ? selector.text : quoted(selector.text);
  if (selector.kind === 'not') return `!${formatOperand(selector.operand)}`;
  return selector.operands.map(formatOperand).join(selector.kind === 'and' ? ' & ' : ' | ');
}

const formatOperand = (selector: Selector) =>
  selector.kind === 'and' || selector.kind === 'or'
    ? `(${formatExpression(selector)})`
    : formatExpression(selector);

const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
